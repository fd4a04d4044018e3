"""Entries of the audit log, and the chains they stand in.

Entries are chained so that a removed or changed one is found: each holds the hash of the
one before and its own (`chain`). There are as many chains, called lanes, as there were
writers at the same moment: a transaction keeps its lane until it ends, and a second one
takes another lane instead of waiting. SQLite has one writer at a time, so one lane.
"""

from typing import Never

from django.conf import settings
from django.db import models


class AppendOnlyError(TypeError):
    """Somebody tried to change or remove an entry; that is a mistake in the program."""

    def __init__(self) -> None:
        super().__init__("Entries of the audit log are not changed and not removed")


class Entries(models.QuerySet["Entry"]):
    """Entries can be looked for, and nothing else."""

    def update(self, **_: object) -> Never:
        """Refuse. Raises: AppendOnlyError."""
        raise AppendOnlyError

    def delete(self) -> Never:
        """Refuse. Raises: AppendOnlyError."""
        raise AppendOnlyError


class Lane(models.Model):
    """One chain, and where its end is."""

    sequence = models.BigIntegerField(default=0)
    """Number of the last entry; 0 before the first."""
    hash = models.CharField(max_length=64, default="0" * 64)
    """That entry's hash, in hexadecimal."""

    def __str__(self) -> str:
        return f"{self.pk}: {self.sequence}"


class Entry(models.Model):
    """One action of one person; never changed, never removed."""

    lane = models.ForeignKey(Lane, models.PROTECT, related_name="+", null=True)
    sequence = models.BigIntegerField(null=True)
    """1 for the first of the lane, then without gaps."""
    previous = models.CharField(max_length=64, default="")
    hash = models.CharField(max_length=64, default="")
    recorded_at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=80, blank=True, db_index=True)
    """An opaque id or a keyed hash; no PIN, no name."""
    outcome = models.CharField(max_length=10)
    details = models.JSONField(default=dict)

    objects = Entries.as_manager()

    class Meta:
        """A number is there once in a lane."""

        constraints = (
            models.UniqueConstraint(fields=["lane", "sequence"], name="audit_once"),
        )

    def __str__(self) -> str:
        return f"{self.recorded_at} {self.action}"

    def save(self, *args: object, **kwargs: object) -> None:
        """Save a new entry.

        Raises:
            AppendOnlyError: It is in the database already.
        """
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # Django's own

    def delete(self, *_: object, **__: object) -> Never:
        """Refuse. Raises: AppendOnlyError."""
        raise AppendOnlyError
