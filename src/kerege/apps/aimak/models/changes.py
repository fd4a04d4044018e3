"""A change: what one user did at one moment, and why."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kerege.apps.aimak.models.anchors import Household, Person, new_public_id
from kerege.apps.common.staff.models import Office, User


class ChangeKind(models.TextChoices):
    """What told a change from a correction."""

    EVENT = "event", _("event")
    """A birth, a death, an arrival: life changed, and a document says so."""
    CHANGE = "change", _("change")
    """Something is otherwise from a day on."""
    CORRECTION = "correction", _("correction")
    """It never was so: the book was wrong."""
    IMPORT = "import", _("import")
    UNDO = "undo", _("undo")


class Change(models.Model):
    """One action of one user. All rows it made or superseded carry it."""

    public_id = models.CharField(max_length=22, unique=True, default=new_public_id)
    kind = models.CharField(max_length=10, choices=ChangeKind.choices)
    event = models.CharField(max_length=30, blank=True)
    """Which event or form it was: ``birth``, ``household split``, ``livestock``."""
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    """None: the system itself, as when a country is loaded."""
    office = models.ForeignKey(Office, models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(db_index=True)
    """Later than that of every change before it."""
    happened_on = models.DateField(null=True)
    """The day of the event, or from which on it is otherwise."""
    reason = models.CharField(max_length=500, blank=True)
    document_kind = models.CharField(max_length=30, blank=True)
    """A code of the list ``documents``."""
    document_number = models.CharField(max_length=60, blank=True)
    document_date = models.DateField(null=True)
    document_issuer = models.CharField(max_length=200, blank=True)
    undoes = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="undone_by"
    )

    def __str__(self) -> str:
        return f"{self.kind} {self.event} {self.recorded_at}".replace("  ", " ")


class Touch(models.Model):
    """A person or household that a change touched, and the version that came of it."""

    change = models.ForeignKey(Change, models.PROTECT, related_name="touches")
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    household = models.ForeignKey(
        Household, models.PROTECT, null=True, related_name="+"
    )
    version = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="aimak_touch_one",
                condition=Q(person__isnull=True, household__isnull=False)
                | Q(person__isnull=False, household__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.person or self.household} {self.version}"
