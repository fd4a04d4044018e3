"""The one writer of the audit log."""

from collections.abc import Mapping
from enum import StrEnum

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from kerege.apps.common.audit.models import Entry


class Outcome(StrEnum):
    """What became of it."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


def record(
    actor: AbstractBaseUser | None,
    action: str,
    subject: str = "",
    *,
    outcome: Outcome = Outcome.DONE,
    details: Mapping[str, str] | None = None,
) -> None:
    """Write down what somebody did.

    Args:
        actor: Who; None before sign-in.
        action: A verb and what it was done to: ``"search persons"``.
        subject: The opaque id of the person, household or case.
        outcome: Whether it was done.
        details: More, without personal data: hashes, counts, reasons.
    """
    Entry.objects.create(
        recorded_at=timezone.now(),
        actor_id=actor.pk if actor else None,
        action=action,
        subject=subject,
        outcome=outcome,
        details=dict(details or {}),
    )
