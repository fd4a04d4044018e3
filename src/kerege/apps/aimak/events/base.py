"""What all events have in common: they are checked, applied as one change, undone as one.

An event is a frozen value: what a clerk's form holds. `perform` locks what it touches,
checks it against the book, and writes all of it or nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field as column
from datetime import date, datetime
from typing import ClassVar

from django.db import transaction

from kerege.apps.aimak.actions import Action, Document, begin, lock, touch
from kerege.apps.aimak.events.messages import text_of
from kerege.apps.aimak.models import Change, ChangeKind, Household, Person
from kerege.apps.aimak.search.index import refresh_persons
from kerege.apps.common.audit.record import record
from kerege.apps.common.staff.models import Office, User

NO_DOCUMENT = Document()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an event, or odd about it."""

    id: str
    """A message of ``messages.toml``: ``mother.too_young``."""
    field: str = ""
    """The field of the form; empty: the whole of it."""
    is_warning: bool = False
    """It may be so; a clerk who has looked again confirms it."""
    values: Mapping[str, str] = column(default_factory=dict)

    def text(self, language: str | None = None) -> str:
        """Return what to tell the clerk, in a language or that of the page."""
        return text_of(self.id, self.values, language)


class RefusedError(Exception):
    """An event was not applied; nothing of it was."""

    def __init__(self, problems: list[Problem]) -> None:
        """Take what is wrong."""
        super().__init__("; ".join(problem.text("en") for problem in problems))
        self.problems = problems


@dataclass
class Touched:
    """Ids of what an event has touched."""

    households: set[int] = column(default_factory=set)
    persons: set[int] = column(default_factory=set)


@dataclass(frozen=True, slots=True)
class Work:
    """Who applies an event, where and when."""

    actor: User | None
    office: Office
    now: datetime
    today: date
    is_confirmed: bool = False
    """The clerk has seen the warnings and says that it is so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(ABC):
    """Something that happened on a day, with its document."""

    NAME: ClassVar[str]
    KIND: ClassVar[ChangeKind] = ChangeKind.EVENT

    on: date
    document: Document = NO_DOCUMENT
    reason: str = ""
    versions: Mapping[str, int] = column(default_factory=dict)
    """By public id, the version that the form was made from; others are not checked."""

    @abstractmethod
    def households(self) -> Iterable[Household]:
        """Return the households that will be touched."""

    @abstractmethod
    def persons(self) -> Iterable[Person]:
        """Return the persons that will be touched."""

    @abstractmethod
    def check(self, work: Work) -> list[Problem]:
        """Return what is wrong or odd, by the book as it is now."""

    @abstractmethod
    def apply(self, by: Change) -> Touched:
        """Write it into the book."""


def perform(event: Event, work: Work) -> Change:
    """Check an event and write it into the book, all of it as one change.

    Raises:
        OutdatedError: Somebody was faster; nothing was written.
        RefusedError: It is wrong, or odd and not confirmed; nothing was written.
    """
    with transaction.atomic():
        lock(_expected(event, event.households()), _expected(event, event.persons()))
        problems = event.check(work)
        if any(not (one.is_warning and work.is_confirmed) for one in problems):
            raise RefusedError(problems)
        by = begin(_action(event, work), work.now)
        touched = event.apply(by)
        touch(by, touched.households, touched.persons)
        refresh_persons(touched.persons)
        details = {"kind": by.kind, "warnings": str(len(problems))}
        record(work.actor, f"register {event.NAME}", by.public_id, details=details)
    return by


def problems_of(event: Event, work: Work) -> list[Problem]:
    """Return what `perform` would find, without writing: for the page before the last."""
    return event.check(work)


def _expected(
    event: Event, anchors: Iterable[Household] | Iterable[Person]
) -> dict[int, int | None]:
    return {anchor.pk: event.versions.get(anchor.public_id) for anchor in anchors}


def _action(event: Event, work: Work) -> Action:
    return Action(
        kind=event.KIND,
        actor=work.actor,
        office=work.office,
        event=event.NAME,
        happened_on=event.on,
        reason=event.reason,
        document=event.document,
    )
