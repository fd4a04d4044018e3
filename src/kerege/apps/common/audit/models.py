"""Entries of the audit log."""

from django.conf import settings
from django.db import models


class Entry(models.Model):
    """One action of one person; never changed, never removed."""

    recorded_at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=80, blank=True)
    """An opaque id or a keyed hash; no PIN, no name."""
    outcome = models.CharField(max_length=10)
    details = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.recorded_at} {self.action}"
