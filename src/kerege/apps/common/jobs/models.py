"""The table of jobs."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a job is.

    waiting → running → done | failed | stopped; running → waiting again after a failure
    that may pass, or when its worker died.
    """

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    STOPPED = "stopped", _("stopped")


ENDED = (State.DONE, State.FAILED, State.STOPPED)


class Job(models.Model):
    """One piece of work."""

    kind = models.CharField(max_length=60)
    payload = models.JSONField(default=dict)
    """What the handler needs to know: ids, no personal data."""
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="jobs"
    )
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.WAITING
    )
    total = models.PositiveIntegerField(default=0)
    """How many steps there are; 0 while that is not known."""
    done = models.PositiveIntegerField(default=0)
    stage = models.CharField(max_length=60, blank=True)
    """What is being done, a word that the job's page translates."""
    result = models.JSONField(default=dict)
    error = models.CharField(max_length=300, blank=True)
    stop_requested = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField()
    """When it may be begun, or tried again."""
    lease_until = models.DateTimeField(null=True)
    """Until when its worker has it; it is lengthened with each progress."""
    worker = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """Two look-ups: what is to be done, and what somebody has."""

        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["not_before"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="jobs_open",
            ),
            models.Index(fields=["owner", "-created_at"], name="jobs_of_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def percent(self) -> int:
        """How far it is, 0 to 100."""
        return min(100, self.done * 100 // self.total) if self.total else 0
