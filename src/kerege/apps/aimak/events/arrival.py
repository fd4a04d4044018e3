"""An arrival: from outside, from another office's book, or from another household."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from kerege.apps.aimak.events import checks
from kerege.apps.aimak.events.base import Event, Problem, Touched, Work
from kerege.apps.aimak.events.heads import check_head
from kerege.apps.aimak.events.membership import (
    NewHousehold,
    households_of,
    join,
    leave_all,
)
from kerege.apps.aimak.events.people import Newcomer
from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import Change, Household, Person, PersonPin
from kerege.apps.aimak.protection import shields
from kerege.apps.common.staff.models import Office


@dataclass(frozen=True, slots=True)
class Claim:
    """What the papers of somebody from another office say: proof that they are here."""

    pin: str
    birth_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival(Event):
    """Somebody comes to live in a household, and belongs to no other any more."""

    NAME: ClassVar[str] = "arrival"

    office: Office
    """Into whose book."""
    household: Household | NewHousehold
    relation: str
    person: Person | None = None
    """Somebody the register knows; None: `newcomer`."""
    newcomer: Newcomer | None = None
    claim: Claim | None = None
    """For somebody in the book of another office."""

    def households(self) -> Iterable[Household]:
        """The new one and the old ones."""
        old = households_of([self.person], self.on) if self.person else []
        new = [self.household] if isinstance(self.household, Household) else []
        return [*old, *new]

    def persons(self) -> Iterable[Person]:
        """Who arrives."""
        return [self.person] if self.person else []

    def check(self, work: Work) -> list[Problem]:
        """Days, papers, the household, and who comes."""
        found = checks.day(self.on, work)
        found += checks.document(self.document, self.on, work)
        if isinstance(self.household, Household):
            found += checks.exists(self.household, self.on, "household")
        else:
            found += checks.number_free(self.household.number, work, self.on)
            found += self.household.check()
        found += checks.relation(self.relation)
        if self.person is not None:
            return found + self._check_known(self.person)
        if self.newcomer is None:
            return [*found, Problem("person.missing", "person")]
        return found + self.newcomer.check(self.on)

    def apply(self, by: Change) -> Touched:
        """Memberships elsewhere end, one here begins."""
        household = self._household(by)
        touched = Touched({household.pk})
        if self.person is not None:
            person = self.person
            touched.households |= leave_all([person], self.on, by)
        elif self.newcomer is not None:
            person = self.newcomer.create(self.office, by)
        else:
            raise ValueError("An arrival is of somebody; check it first.")
        join(household, {person.pk: self.relation}, self.on, by)
        touched.persons.add(person.pk)
        return touched

    def _household(self, by: Change) -> Household:
        if isinstance(self.household, Household):
            return self.household
        return self.household.create(self.office, self.on, by)

    def _check_known(self, person: Person) -> list[Problem]:
        is_elsewhere = person.office_id != self.office.pk
        if is_elsewhere and not (self._is_proved(person) and _is_open(person)):
            # Nothing else, and no name: a PIN alone must tell nothing of anybody.
            return [Problem("claim.wrong", "pin")]
        found = checks.alive(person, self.on, "person")
        if isinstance(self.household, Household) and checks.membership_on(
            person, self.household, self.on
        ):
            found.append(Problem("person.already_member", "person"))
        for household in households_of([person], self.on):
            if household.office_id == self.office.pk:
                found += check_head(household, {person.pk}, None, self.on)
        return found

    def _is_proved(self, person: Person) -> bool:
        if self.claim is None:
            return False
        pins = as_of(PersonPin.objects.filter(person=person), self.on)
        facts = checks.facts_on(person, self.on)
        return bool(
            facts
            and facts.birth_date == self.claim.birth_date
            and pins.filter(pin=self.claim.pin).exclude(pin="").exists()
        )


def _is_open(person: Person) -> bool:
    shield = shields([person.pk])[person.pk]
    return not (shield.hides_person or shield.hides_place)
