"""What is no event: something is otherwise from a day on, or was never so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction

from kerege.apps.aimak.actions import Action, begin, lock, touch
from kerege.apps.aimak.events import checks
from kerege.apps.aimak.events.base import Event, Problem, Touched, Work
from kerege.apps.aimak.events.membership import refresh_offices
from kerege.apps.aimak.history import change, correct, end, remove
from kerege.apps.aimak.models import (
    Change,
    ChangeKind,
    Household,
    Person,
    Touch,
    Versioned,
)
from kerege.apps.aimak.search.index import refresh_persons
from kerege.apps.aimak.undo import undo
from kerege.apps.common.audit.record import record
from kerege.apps.common.staff.models import Office, User


@dataclass(frozen=True, slots=True, kw_only=True)
class _About(Event):
    """Something about one person or household."""

    about: Person | Household

    def households(self) -> Iterable[Household]:
        """The household it is about."""
        return [self.about] if isinstance(self.about, Household) else []

    def persons(self) -> Iterable[Person]:
        """The person it is about."""
        return [self.about] if isinstance(self.about, Person) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment(_About):
    """Facts of a person or a household are otherwise from a day on; a reason is enough.

    ``Amendment(on=day, about=household, model=Livestock, key=(household.pk, 3, "", ""),
    values={"count": 12}, reason="spring count")``
    """

    NAME: ClassVar[str] = "amendment"
    KIND: ClassVar[ChangeKind] = ChangeKind.CHANGE

    model: type[Versioned]
    key: tuple[Any, ...]
    values: Mapping[str, object] | None
    """None: it is no more from that day on."""

    def check(self, work: Work) -> list[Problem]:
        """A day that was, of what it is about."""
        found = checks.day(self.on, work)
        key = dict(zip(self.model.KEY, self.key, strict=True))
        if key.get(_column(self.about)) != self.about.pk:
            found.append(Problem("amendment.other"))
        return found + checks.columns(self.model, {**key, **(self.values or {})})

    def apply(self, by: Change) -> Touched:
        """Change or end."""
        if self.values is None:
            end(self.model, self.key, self.on, by)
        else:
            change(self.model, self.key, self.values, self.on, by)
        return _touched(dict(zip(self.model.KEY, self.key, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction(_About):
    """A row of the book was wrong all the time; ``on`` is the day of the correction."""

    NAME: ClassVar[str] = "correction"
    KIND: ClassVar[ChangeKind] = ChangeKind.CORRECTION

    row: Versioned
    values: Mapping[str, object] | None
    """None: it never was so."""

    def check(self, work: Work) -> list[Problem]:
        """A correction says why."""
        found = checks.day(self.on, work)
        if not self.reason.strip():
            found.append(Problem("reason.missing", "reason"))
        if getattr(self.row, _column(self.about), None) != self.about.pk:
            found.append(Problem("amendment.other"))
        return found + checks.columns(type(self.row), self.values or {})

    def apply(self, by: Change) -> Touched:
        """Correct or remove the row.

        Raises:
            StaleRowError, OverlapError, DaysError: See `history.correct`.
        """
        if self.values is None:
            remove(self.row, by)
        else:
            correct(self.row, self.values, by)
        names = self.row.KEY
        return _touched({name: getattr(self.row, name) for name in names})


def undo_change(
    wrong: Change, actor: User | None, office: Office, now: datetime, reason: str = ""
) -> Change:
    """Take back a change, all of it, and say so in the book.

    Raises:
        AlreadyUndoneError, LaterChangeError, OverlapError: See `undo`.
    """
    with transaction.atomic():
        touches = Touch.objects.filter(change=wrong)
        households = set(
            touches.exclude(household=None).values_list("household_id", flat=True)
        )
        persons = set(touches.exclude(person=None).values_list("person_id", flat=True))
        lock(dict.fromkeys(households), dict.fromkeys(persons))
        action = Action(
            kind=ChangeKind.UNDO,
            actor=actor,
            office=office,
            event=wrong.event,
            happened_on=wrong.happened_on,
            reason=reason,
            undoes=wrong,
        )
        by = begin(action, now)
        undo(wrong, by)
        refresh_offices(persons)
        touch(by, households, persons)
        refresh_persons(persons)
        record(actor, "register undo", wrong.public_id, details={"event": wrong.event})
    return by


def _column(about: Person | Household) -> str:
    return "household_id" if isinstance(about, Household) else "person_id"


def _touched(key: Mapping[str, Any]) -> Touched:
    """Return whom a key is about: of a membership, both."""
    found = Touched()
    if "household_id" in key:
        found.households.add(key["household_id"])
    if "person_id" in key:
        found.persons.add(key["person_id"])
    return found
