"""A household splits, or two become one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from kerege.apps.aimak.events import checks
from kerege.apps.aimak.events.base import Event, Problem, Touched, Work
from kerege.apps.aimak.events.heads import NewHead, check_head, members_on, set_head
from kerege.apps.aimak.events.membership import NewHousehold, join
from kerege.apps.aimak.events.property import move_property
from kerege.apps.aimak.history import end, end_many
from kerege.apps.aimak.models import (
    Change,
    Household,
    HouseholdFacts,
    Membership,
    Person,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdSplit(Event):
    """Some of a household begin one of their own, in the same book."""

    NAME: ClassVar[str] = "household split"

    household: Household
    new: NewHousehold
    relations: Mapping[int, str]
    """Who goes, by person's id, and what they are to the new household's head."""
    new_head: NewHead | None = None
    """Of those who stay, if the head goes."""

    def households(self) -> Iterable[Household]:
        """The one that splits."""
        return [self.household]

    def persons(self) -> Iterable[Person]:
        """Who goes."""
        return Person.objects.filter(pk__in=list(self.relations))

    def check(self, work: Work) -> list[Problem]:
        """Some go, some stay, both have a head, and the number is free."""
        found = checks.day(self.on, work)
        found += checks.document(self.document, self.on, work)
        found += checks.number_free(self.new.number, work, self.on)
        found += self.new.check()
        for one in sorted(set(self.relations.values())):
            found += checks.relation(one, "relations")
        for person in self.persons():
            found += checks.alive(person, self.on, "persons")
            found += checks.member(person, self.household, self.on, "persons")
        if not self.relations:
            found.append(Problem("person.missing", "persons"))
        if not set(members_on(self.household, self.on)) - set(self.relations):
            found.append(Problem("split.nobody_stays", "persons"))
        if list(self.relations.values()).count("head") != 1:
            found.append(Problem("split.one_head", "persons"))
        going = set(self.relations)
        return found + check_head(self.household, going, self.new_head, self.on)

    def apply(self, by: Change) -> Touched:
        """A new household, and memberships that end here and begin there."""
        touched = Touched({self.household.pk}, set(self.relations))
        if self.new_head is not None:
            more = set_head(self.household, self.new_head, self.on, by)
            touched.persons |= more.persons
        keys = [(pk, self.household.pk) for pk in self.relations]
        end_many(Membership, keys, self.on, by)
        begun = self.new.create(self.household.office, self.on, by)
        join(begun, self.relations, self.on, by)
        touched.households.add(begun.pk)
        return touched


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdMerge(Event):
    """All of one household join another of the same book, with what they have."""

    NAME: ClassVar[str] = "household merge"

    household: Household
    """The one that ends."""
    into: Household
    relations: Mapping[int, str] = field(default_factory=dict)
    """By person's id, what they are to the other household's head."""

    def households(self) -> Iterable[Household]:
        """Both."""
        return [self.household, self.into]

    def persons(self) -> Iterable[Person]:
        """Who moves."""
        members = list(members_on(self.household, self.on))
        return Person.objects.filter(pk__in=members)

    def check(self, work: Work) -> list[Problem]:
        """Two households of one book; everybody's relation is told, and none is head."""
        found = checks.day(self.on, work)
        found += checks.document(self.document, self.on, work)
        found += checks.exists(self.household, self.on, "household")
        found += checks.exists(self.into, self.on, "into")
        if self.household == self.into:
            found.append(Problem("merge.same", "into"))
        if self.household.office_id != self.into.office_id:
            found.append(Problem("merge.office", "into"))
        moving = members_on(self.household, self.on)
        told = {self.relations.get(pk, "") for pk in moving}
        for one in sorted(told):
            found += checks.relation(one, "relations")
        if "head" in self.relations.values():
            found.append(Problem("merge.head", "relations"))
        return found

    def apply(self, by: Change) -> Touched:
        """Memberships and property move, and the household ends."""
        moving = members_on(self.household, self.on)
        keys = [(pk, self.household.pk) for pk in moving]
        end_many(Membership, keys, self.on, by)
        joining = {pk: self.relations[pk] for pk in moving}
        already = members_on(self.into, self.on)
        join(
            self.into,
            {pk: code for pk, code in joining.items() if pk not in already},
            self.on,
            by,
        )
        move_property(self.household, self.into, self.on, by)
        end(HouseholdFacts, (self.household.pk,), self.on, by)
        return Touched({self.household.pk, self.into.pk}, set(moving))
