"""The one writer of the audit log.

An entry is written in the transaction of what it tells of: both are there, or neither.
A refused or failed attempt must be there even though its transaction is rolled back: it
is written at once, remembered, and written again after the transaction if it is gone by
then (`settle`, called at the end of each request and each job).
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction
from django.utils import timezone

from kerege.apps.common.audit.chain import Link
from kerege.apps.common.audit.models import Entry, Lane

MAX_DETAILS = 20
"""Details are a few counts and reasons; lists have their own tables."""
MAX_DETAIL_CHARACTERS = 300
"""A reason that somebody typed may be a sentence or two."""


class Outcome(StrEnum):
    """What became of it."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class _Act:
    recorded_at: datetime
    actor: int | None
    action: str
    subject: str
    outcome: Outcome
    details: Mapping[str, str]


class _Pending(threading.local):
    """Attempts of this thread whose transaction has not ended."""

    def __init__(self) -> None:
        self.acts: list[tuple[_Act, Entry]] = []


_pending = _Pending()


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
    act = _Act(
        timezone.now(),
        actor.pk if actor else None,
        action,
        subject,
        outcome,
        _bounded(details or {}),
    )
    if _in_transaction():
        entry = _append(act)
        if outcome is not Outcome.DONE:
            _pending.acts.append((act, entry))
    else:
        settle()
        with transaction.atomic():
            _append(act)


def settle() -> None:
    """Write the attempts whose transaction was rolled back; after it, outside of it."""
    if not _pending.acts or _in_transaction():
        return
    with transaction.atomic():
        for act, entry in _pending.acts:
            there = Entry.objects.filter(
                lane=entry.lane_id, sequence=entry.sequence, hash=entry.hash
            )
            if not there.exists():
                _append(act)
    _pending.acts = []  # not before they are written: they may have to be again


def _in_transaction() -> bool:
    """Tell whether a rollback may come; the block around a test of Django is none."""
    blocks = connection.atomic_blocks
    return any(not getattr(block, "_from_testcase", False) for block in blocks)


def _append(act: _Act) -> Entry:
    """Write one entry at the end of a lane, which stays ours until the commit."""
    lane = _free_lane()
    link = Link(
        lane.pk,
        lane.sequence + 1,
        lane.hash,
        act.recorded_at,
        act.actor,
        act.action,
        act.subject,
        act.outcome,
        act.details,
    )
    digest = link.hash()
    Lane.objects.filter(pk=lane.pk).update(sequence=link.sequence, hash=digest)
    return Entry.objects.create(
        lane=lane,
        sequence=link.sequence,
        previous=link.previous,
        hash=digest,
        recorded_at=act.recorded_at,
        actor_id=act.actor,
        action=act.action,
        subject=act.subject,
        outcome=act.outcome,
        details=act.details,
    )


def _free_lane() -> Lane:
    """Return a lane that no other transaction holds; a new one if there is none."""
    lanes = Lane.objects.order_by("pk")
    if connection.features.has_select_for_update_skip_locked:
        lanes = lanes.select_for_update(skip_locked=True)
    return lanes.first() or Lane.objects.create()


def _bounded(details: Mapping[str, str]) -> dict[str, str]:
    """Return the details as they can be kept: no NUL, which PostgreSQL refuses."""
    return {
        str(name)[:60]: str(value).replace("\0", "")[:MAX_DETAIL_CHARACTERS]
        for name, value in list(details.items())[:MAX_DETAILS]
    }
