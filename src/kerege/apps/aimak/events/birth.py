"""A birth: a child comes into the household."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from kerege.apps.aimak.events import checks
from kerege.apps.aimak.events.base import Event, Problem, Touched, Work
from kerege.apps.aimak.events.membership import join
from kerege.apps.aimak.events.people import Newcomer
from kerege.apps.aimak.models import Change, Household, Person

YOUNGEST, OLDEST = 10, 60
"""Years of a mother beyond which it is a slip of the pen."""
USUAL = range(15, 50)
"""Years of a mother that nobody asks about (domain facts: 15 to 49)."""
AFTER_FATHER = timedelta(days=300)
"""A child may be born so long after its father's death."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth(Event):
    """A child was born; ``on`` is its birth date."""

    NAME: ClassVar[str] = "birth"

    household: Household
    child: Newcomer
    relation: str = "child"
    """To the head of the household."""
    mother: Person | None = None
    father: Person | None = None

    def households(self) -> Iterable[Household]:
        """The one it is born into."""
        return [self.household]

    def persons(self) -> Iterable[Person]:
        """Its parents, who may not die or leave meanwhile."""
        return [one for one in (self.mother, self.father) if one]

    def check(self, work: Work) -> list[Problem]:
        """Days, papers, the child, and whether its parents can be."""
        found = checks.day(self.on, work)
        found += checks.document(self.document, self.on, work)
        found += checks.exists(self.household, self.on, "household")
        found += self.child.check(self.on)
        if self.child.birth_date != self.on:
            found.append(Problem("birth_date.not_day", "birth_date"))
        found += checks.relation(self.relation)
        return found + self._check_mother() + self._check_father()

    def apply(self, by: Change) -> Touched:
        """A person, with facts and a PIN if there is one, belongs to the household."""
        child = self.child.create(self.household.office, by)
        join(self.household, {child.pk: self.relation}, self.on, by)
        return Touched({self.household.pk}, {child.pk})

    def _check_mother(self) -> list[Problem]:
        if self.mother is None:
            return [Problem("mother.missing", "mother", is_warning=True)]
        found = checks.alive(self.mother, self.on, "mother")
        facts = checks.facts_on(self.mother, self.on)
        if facts is None:
            return found
        if facts.sex == "male":
            found.append(Problem("mother.is_man", "mother"))
        age = checks.age_on(facts, self.on)
        values = {"age": str(age)}
        if age is not None and not YOUNGEST <= age <= OLDEST:
            found.append(Problem("mother.age", "mother", values=values))
        elif age is not None and age not in USUAL:
            found.append(Problem("mother.unusual_age", "mother", True, values))
        if checks.membership_on(self.mother, self.household, self.on) is None:
            found.append(Problem("mother.elsewhere", "mother", is_warning=True))
        return found

    def _check_father(self) -> list[Problem]:
        if self.father is None:
            return []
        facts = checks.facts_on(self.father, self.on)
        if facts is None:
            return [Problem("person.unknown_then", "father")]
        found = []
        if facts.sex == "female":
            found.append(Problem("father.is_woman", "father"))
        if facts.death_date and facts.death_date + AFTER_FATHER < self.on:
            found.append(Problem("father.dead", "father"))
        return found
