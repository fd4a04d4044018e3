"""A death: somebody leaves all households; a widow is a widow; a head is followed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from kerege.apps.aimak.events import checks
from kerege.apps.aimak.events.base import Event, Problem, Touched, Work
from kerege.apps.aimak.events.heads import NewHead, check_head, members_on, set_head
from kerege.apps.aimak.events.membership import households_of, leave_all
from kerege.apps.aimak.history import believed, change, change_many, end
from kerege.apps.aimak.models import (
    Absence,
    Change,
    Household,
    Person,
    PersonFacts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Death(Event):
    """Somebody has died on a day."""

    NAME: ClassVar[str] = "death"

    person: Person
    new_head: NewHead | None = None
    """If it was the head."""

    def households(self) -> Iterable[Household]:
        """Those they were in."""
        return households_of([self.person], self.on)

    def persons(self) -> Iterable[Person]:
        """Who has died, and a spouse."""
        spouse = self._spouse()
        return [self.person, spouse] if spouse else [self.person]

    def check(self, work: Work) -> list[Problem]:
        """Nobody dies twice, before the birth, or in the future."""
        found = checks.day(self.on, work)
        found += checks.document(self.document, self.on, work)
        dead = (
            PersonFacts.objects.filter(believed(), person=self.person)
            .exclude(death_date=None)
            .first()
        )
        if dead and dead.death_date:
            values = {
                "name": checks.short_name(dead),
                "date": f"{dead.death_date:%d.%m.%Y}",
            }
            return [*found, Problem("person.dead", "person", values=values)]
        found += checks.alive(self.person, self.on, "person")
        for household in self.households():
            found += check_head(household, {self.person.pk}, self.new_head, self.on)
        return found

    def apply(self, by: Change) -> Touched:
        """Their facts say so; they belong nowhere; they are not away any more."""
        households = list(self.households())
        spouse = self._spouse()
        touched = Touched(persons={self.person.pk})
        if self.new_head is not None and households:
            more = set_head(households[0], self.new_head, self.on, by)
            touched.persons |= more.persons
        died = {"death_date": self.on}
        change(PersonFacts, (self.person.pk,), died, self.on, by)
        touched.households |= leave_all([self.person], self.on, by)
        end(Absence, (self.person.pk,), self.on, by)
        if spouse is not None:
            widowed = {(spouse.pk,): {"marital_status": "widowed"}}
            change_many(PersonFacts, widowed, self.on, by)
            touched.persons.add(spouse.pk)
        return touched

    def _spouse(self) -> Person | None:
        """Return the married head's spouse, or the spouse's head, of the household."""
        for household in households_of([self.person], self.on):
            members = members_on(household, self.on)
            own = members[self.person.pk].relation
            wanted = {"head": "spouse", "spouse": "head"}.get(own)
            for pk, row in members.items():
                if pk != self.person.pk and row.relation == wanted:
                    return self._if_married(row.person)
        return None

    def _if_married(self, person: Person) -> Person | None:
        facts = checks.facts_on(person, self.on)
        married = facts is not None and facts.marital_status == "married"
        return person if married else None
