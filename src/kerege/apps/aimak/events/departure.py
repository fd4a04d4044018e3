"""A departure: some or all of a household leave the book."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from kerege.apps.aimak.events import checks
from kerege.apps.aimak.events.base import Event, Problem, Touched, Work
from kerege.apps.aimak.events.heads import NewHead, check_head, members_on, set_head
from kerege.apps.aimak.history import end, end_many
from kerege.apps.aimak.models import (
    Change,
    Household,
    HouseholdFacts,
    Membership,
    Person,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure(Event):
    """People move away; when nobody stays, the household ends. Where to: the reason."""

    NAME: ClassVar[str] = "departure"

    household: Household
    leaving: tuple[Person, ...]
    new_head: NewHead | None = None

    def households(self) -> Iterable[Household]:
        """The one they leave."""
        return [self.household]

    def persons(self) -> Iterable[Person]:
        """Who leaves."""
        return self.leaving

    def check(self, work: Work) -> list[Problem]:
        """They are there, alive, and somebody stays the head."""
        found = checks.day(self.on, work)
        found += checks.document(self.document, self.on, work)
        if not self.leaving:
            found.append(Problem("person.missing", "persons"))
        for person in self.leaving:
            found += checks.alive(person, self.on, "persons")
            found += checks.member(person, self.household, self.on, "persons")
        ids = {person.pk for person in self.leaving}
        return found + check_head(self.household, ids, self.new_head, self.on)

    def apply(self, by: Change) -> Touched:
        """Their memberships end; the household too if nobody stays."""
        touched = Touched({self.household.pk}, {one.pk for one in self.leaving})
        if self.new_head is not None:
            more = set_head(self.household, self.new_head, self.on, by)
            touched.persons |= more.persons
        keys = [(person.pk, self.household.pk) for person in self.leaving]
        end_many(Membership, keys, self.on, by)
        if not members_on(self.household, self.on):
            end(HouseholdFacts, (self.household.pk,), self.on, by)
        return touched
