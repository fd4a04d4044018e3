"""Marriage and divorce: the status of both, a surname, and who moves to whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from kerege.apps.aimak.events import checks
from kerege.apps.aimak.events.base import Event, Problem, Touched, Work
from kerege.apps.aimak.events.heads import check_head
from kerege.apps.aimak.events.law import marriage_age
from kerege.apps.aimak.events.membership import households_of, join, leave_all
from kerege.apps.aimak.history import change
from kerege.apps.aimak.models import Change, Household, Person, PersonFacts


@dataclass(frozen=True, slots=True)
class Move:
    """One of the two comes to live in a household."""

    person: Person
    household: Household
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Couple(Event):
    """Two persons; one may be in no book that we know."""

    STATUS: ClassVar[str] = ""

    first: Person
    second: Person | None = None
    surnames: Mapping[int, str] = field(default_factory=dict)
    """By person's id, a surname that changes."""

    def persons(self) -> Iterable[Person]:
        """Both, or the one we know."""
        return [self.first, self.second] if self.second else [self.first]

    def check(self, work: Work) -> list[Problem]:
        """Days, papers, and that both are alive and two."""
        found = checks.day(self.on, work)
        found += checks.document(self.document, self.on, work)
        for person in self.persons():
            found += checks.alive(person, self.on, "persons")
        if self.second is None:
            found.append(Problem("couple.one", "persons", is_warning=True))
        elif self.second == self.first:
            found.append(Problem("couple.same", "persons"))
        return found

    def _write_status(self, by: Change) -> Touched:
        touched = Touched()
        for person in self.persons():
            values = {"marital_status": self.STATUS}
            if surname := self.surnames.get(person.pk):
                values["surname"] = surname
            change(PersonFacts, (person.pk,), values, self.on, by)
            touched.persons.add(person.pk)
            homes = households_of([person], self.on)
            touched.households |= {home.pk for home in homes}
        return touched


@dataclass(frozen=True, slots=True, kw_only=True)
class Marriage(_Couple):
    """Two have married."""

    NAME: ClassVar[str] = "marriage"
    STATUS: ClassVar[str] = "married"

    move: Move | None = None

    def households(self) -> Iterable[Household]:
        """The one that is left and the one that is joined."""
        if self.move is None:
            return []
        return [*households_of([self.move.person], self.on), self.move.household]

    def check(self, work: Work) -> list[Problem]:
        """Ages, that neither is married, and that one is a woman and one a man."""
        found = _Couple.check(self, work)
        for person in self.persons():
            found += self._check_one(person)
        sexes = [facts.sex for facts in self._facts() if facts.sex]
        if len(sexes) == 2 and sexes[0] == sexes[1]:
            found.append(Problem("couple.sex", "persons"))
        if self.move is not None:
            found += self._check_move(self.move)
        return found

    def apply(self, by: Change) -> Touched:
        """Status and surname; then the move."""
        touched = self._write_status(by)
        if self.move is not None:
            person, household = self.move.person, self.move.household
            touched.households |= leave_all([person], self.on, by)
            join(household, {person.pk: self.move.relation}, self.on, by)
            touched.households.add(household.pk)
        return touched

    def _facts(self) -> list[PersonFacts]:
        found = (checks.facts_on(person, self.on) for person in self.persons())
        return [facts for facts in found if facts]

    def _check_one(self, person: Person) -> list[Problem]:
        facts = checks.facts_on(person, self.on)
        if facts is None:
            return []
        values = {"name": checks.short_name(facts)}
        found = []
        if facts.marital_status == "married":
            found.append(Problem("couple.married", "persons", values=values))
        age = checks.age_on(facts, self.on)
        rule = marriage_age(self.on)
        if age is not None and age < rule.from_age:
            values |= {
                "age": str(age),
                "from_age": str(rule.from_age),
                "with_permission": str(rule.with_permission),
            }
            may_be = age >= rule.with_permission
            found.append(Problem("couple.too_young", "persons", may_be, values))
        return found

    def _check_move(self, move: Move) -> list[Problem]:
        found = checks.exists(move.household, self.on, "household")
        found += checks.relation(move.relation)
        if move.person not in self.persons():
            found.append(Problem("person.missing", "move"))
        if checks.membership_on(move.person, move.household, self.on):
            found.append(Problem("person.already_member", "move"))
        for household in households_of([move.person], self.on):
            found += check_head(household, {move.person.pk}, None, self.on)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Divorce(_Couple):
    """Two have divorced. Who moves away is a departure, an arrival or a split."""

    NAME: ClassVar[str] = "divorce"
    STATUS: ClassVar[str] = "divorced"

    def households(self) -> Iterable[Household]:
        """None changes."""
        return []

    def check(self, work: Work) -> list[Problem]:
        """Both are married, as far as the book knows."""
        found = _Couple.check(self, work)
        for person in self.persons():
            facts = checks.facts_on(person, self.on)
            if facts and facts.marital_status != "married":
                values = {"name": checks.short_name(facts)}
                is_gap = not facts.marital_status
                problem = Problem("couple.not_married", "persons", is_gap, values)
                found.append(problem)
        return found

    def apply(self, by: Change) -> Touched:
        """Status and surname."""
        return self._write_status(by)
