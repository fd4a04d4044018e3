"""Leaving and joining households."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from kerege.apps.aimak.events import checks
from kerege.apps.aimak.events.base import Problem
from kerege.apps.aimak.history import as_of, believed, change_many, chunks, end_many
from kerege.apps.aimak.models import (
    Change,
    Household,
    HouseholdFacts,
    Membership,
    Person,
    Street,
)
from kerege.apps.common.staff.models import Office


@dataclass(frozen=True, slots=True)
class NewHousehold:
    """A household that an event begins."""

    number: str
    unit_code: str
    street: Street | None = None
    house: str = ""
    flat: str = ""
    kind: str = "family"

    def check(self) -> list[Problem]:
        """Codes are in their lists, and texts fit."""
        return checks.columns(HouseholdFacts, self._values())

    def create(self, office: Office, on: date, by: Change) -> Household:
        """Write it into an office's book."""
        household = Household.objects.create(office=office)
        values = self._values() | {"office_id": office.pk}
        change_many(HouseholdFacts, {(household.pk,): values}, on, by)
        return household

    def _values(self) -> dict[str, object]:
        return {
            "number": self.number,
            "kind": self.kind,
            "unit_code": self.unit_code,
            "street_id": self.street.pk if self.street else None,
            "house": self.house,
            "flat": self.flat,
        }


def households_of(persons: Iterable[Person], on: date) -> list[Household]:
    """Return the households that persons are in on a day."""
    rows = Household.objects.filter(
        pk__in=as_of(Membership.objects.filter(person__in=list(persons)), on).values(
            "household"
        )
    )
    return list(rows.order_by("pk"))


def leave_all(persons: Iterable[Person], on: date, by: Change) -> set[int]:
    """End all memberships of persons from a day on; return the households."""
    ids = [person.pk for person in persons]
    rows = Membership.objects.filter(believed(), person__in=ids)
    keys = list(rows.values_list("person_id", "household_id"))
    end_many(Membership, keys, on, by)
    return {household for _, household in keys}


def join(
    household: Household, relations: Mapping[int, str], on: date, by: Change
) -> None:
    """Let persons belong to a household from a day on, by id with their relation."""
    wanted: dict[tuple[int, int], dict[str, object]] = {
        (pk, household.pk): {"relation": relation, "is_head": relation == "head"}
        for pk, relation in relations.items()
    }
    change_many(Membership, wanted, on, by)
    Person.objects.filter(pk__in=list(relations)).update(office=household.office)


def refresh_offices(persons: Iterable[int]) -> None:
    """Set whose book persons are in by their last membership: after an undo."""
    for chunk in chunks(persons, 500):
        rows = Membership.objects.filter(believed(), person__in=chunk)
        rows = rows.select_related("household")
        last: dict[int, Membership] = {}
        for row in sorted(rows, key=_later):
            last[row.person_id] = row
        offices: defaultdict[int, list[int]] = defaultdict(list)
        for pk, row in last.items():
            offices[row.household.office_id].append(pk)
        for office, members in offices.items():
            Person.objects.filter(pk__in=members).update(office=office)


def _later(row: Membership) -> tuple[bool, date, int]:
    return (row.valid_to is None, row.valid_from or date.min, row.pk)
