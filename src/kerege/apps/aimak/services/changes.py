"""What the book has changed since a point in time, in pages of a stable order.

The order is that of the changes (`Change.recorded_at` is later than that of every change
before it) and, within one, that in which it touched people and households. A cursor is a
place in that order: nothing is told twice and nothing is left out, whatever is written
meanwhile. People who are protected are left out, and so are those without a PIN.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from django.db.models import Q

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import PersonPin, PinStatus, Touch
from kerege.apps.aimak.protection import shields
from kerege.apps.aimak.services.bounds import MAX_CURSOR, SETTLED_SECONDS
from kerege.apps.aimak.services.shapes import ChangedOne, Changes


class CursorError(ValueError):
    """A cursor or a time is none; the text says what is wanted."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two entries."""

    at: datetime
    touch: int = 0
    """The last entry of that moment that was told."""

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a time of ISO 8601 with its offset, or a cursor of an earlier answer.

        Raises:
            CursorError: It is neither.
        """
        wanted = (
            "Give a time with its offset, 2026-01-31T00:00:00Z, or `next` of a page"
        )
        if len(text) > MAX_CURSOR:
            raise CursorError(wanted)
        time, _, touch = text.partition("_")
        try:
            at = datetime.fromisoformat(time)
            found = cls(at, int(touch) if touch else 0)
        except ValueError as error:
            raise CursorError(wanted) from error
        if at.tzinfo is None or not 0 <= found.touch < 2**63:
            raise CursorError(wanted)
        return found

    def __str__(self) -> str:
        time = self.at.isoformat().replace("+00:00", "Z")
        return f"{time}_{self.touch}" if self.touch else time


def changes_after(cursor: Cursor, limit: int, now: datetime, on: date) -> Changes:
    """Return the page after a cursor.

    Args:
        cursor: Where the reader has come to.
        limit: Entries that are looked at.
        now: The time: changes of the last two minutes wait (`SETTLED_SECONDS`).
        on: The day whose PINs and protections hold.
    """
    settled = now - timedelta(seconds=SETTLED_SECONDS)
    later = Q(change__recorded_at__gt=cursor.at) | Q(pk__gt=cursor.touch)
    rows = Touch.objects.filter(
        later, change__recorded_at__gte=cursor.at, change__recorded_at__lt=settled
    ).select_related("change", "household")
    found = list(rows.order_by("change__recorded_at", "pk")[: limit + 1])
    page = found[:limit]
    last = Cursor(page[-1].change.recorded_at, page[-1].pk) if page else cursor
    return Changes(items=_told(page, on), next=str(last), more=len(found) > limit)


def _told(page: list[Touch], on: date) -> list[ChangedOne]:
    persons = [row.person_id for row in page if row.person_id]
    hidden = shields(persons)
    of_persons = PersonPin.objects.filter(
        person__in=persons, status__in=(PinStatus.ASSIGNED, PinStatus.CHANGED)
    )
    pins = dict(as_of(of_persons, on).values_list("person_id", "pin"))
    told = []
    for row in page:
        pin = pins.get(row.person_id) if row.person_id else None
        if row.person_id and (not pin or hidden[row.person_id].hides_place):
            continue
        told.append(_entry(row, pin))
    return told


def _entry(row: Touch, pin: str | None) -> ChangedOne:
    change = row.change
    return ChangedOne(
        change=change.public_id,
        recorded_at=change.recorded_at,
        kind=change.kind,
        event=change.event,
        happened_on=change.happened_on,
        pin=pin,
        household=row.household.public_id if row.household else None,
    )
