"""Cases, their steps and messages. Steps and messages are only added."""

from django.conf import settings
from django.db import models

from kerege.apps.common.cases.states import State
from kerege.apps.common.documents.models import opaque

USER = settings.AUTH_USER_MODEL


class Case(models.Model):
    """One matter of one office."""

    public_id = models.CharField(max_length=32, unique=True, default=opaque)
    procedure = models.CharField(max_length=60)
    office = models.ForeignKey("staff.Office", models.PROTECT, related_name="+")
    subject = models.CharField(max_length=80)
    """The opaque id of whom or what it is about."""
    state = models.CharField(
        max_length=10, default=State.DRAFT, choices=[(s.value, s.value) for s in State]
    )
    due_on = models.DateField(null=True)
    """Empty before it is submitted, while it is paused and when it has ended."""
    working_days_left = models.PositiveSmallIntegerField(null=True)
    """While it is paused: what was left of the deadline."""
    assigned_to = models.ForeignKey(USER, models.PROTECT, null=True, related_name="+")
    decided_by = models.ForeignKey(USER, models.PROTECT, null=True, related_name="+")
    confirmed_by = models.ForeignKey(USER, models.PROTECT, null=True, related_name="+")
    ended_on = models.DateField(null=True)
    """When it was confirmed; from here the time for an appeal counts."""
    appeals = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(USER, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        """What is due in an office."""

        indexes = (models.Index(fields=["office", "due_on"], name="cases_due"),)

    def __str__(self) -> str:
        return self.public_id


class Step(models.Model):
    """One action: who, when, from which state to which, and why."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    actor = models.ForeignKey(USER, models.PROTECT, related_name="+")
    action = models.CharField(max_length=10)
    before = models.CharField(max_length=10)
    after = models.CharField(max_length=10)
    note = models.CharField(max_length=2000, blank=True)

    def __str__(self) -> str:
        return f"{self.case_id} {self.action}"


class Message(models.Model):
    """What was written to the person, or by them."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="messages")
    at = models.DateTimeField()
    author = models.ForeignKey(USER, models.PROTECT, null=True, related_name="+")
    """Empty: the person whose case it is."""
    text = models.CharField(max_length=4000)

    def __str__(self) -> str:
        return f"{self.case_id} {self.at}"
