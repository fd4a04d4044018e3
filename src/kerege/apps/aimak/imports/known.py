"""What the register knows already of the people and households of a file."""

from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from django.db.models import QuerySet

from kerege.apps.aimak.history import CHUNK, chunks
from kerege.apps.aimak.imports.planning import (
    HouseholdKey,
    PlannedHousehold,
    identity,
    same_person,
)
from kerege.apps.aimak.models import (
    Change,
    HouseholdFacts,
    Membership,
    PersonFacts,
    PersonPin,
    Versioned,
)
from kerege.apps.aimak.models.versioned import CURRENT
from kerege.apps.aimak.workbooks.candidates import Candidate
from kerege.apps.aimak.workbooks.messages import Problem

V = TypeVar("V", bound=Versioned)
_OPEN = {"valid_to__isnull": True}


def known_pins(pins: Iterable[str], but: Change | None = None) -> set[str]:
    """Return which PINs somebody in the register has, in any office."""
    found: set[str] = set()
    for chunk in chunks(pins, CHUNK):
        rows = _but(PersonPin.objects.filter(CURRENT, pin__in=chunk, **_OPEN), but)
        found.update(rows.values_list("pin", flat=True))
    return found


def known_households(
    office: int, keys: Iterable[HouseholdKey]
) -> dict[HouseholdKey, int]:
    """Return which households of an office's book there are, by unit and number."""
    wanted = set(keys)
    # Keys have small letters; the book may have them large.
    numbers = sorted({n for _, number in wanted for n in (number, number.upper())})
    found: dict[HouseholdKey, int] = {}
    for chunk in chunks(numbers, CHUNK):
        rows = HouseholdFacts.objects.filter(
            CURRENT, office=office, number__in=chunk, **_OPEN
        )
        for unit, number, household in rows.values_list(
            "unit_code", "number", "household_id"
        ):
            key = (unit, number.casefold())
            if key in wanted:
                found[key] = household
    return found


def problems_with_register(
    planned: Iterable[PlannedHousehold],
    existing: dict[HouseholdKey, int],
    but: Change | None = None,
) -> dict[int, Problem]:
    """Return by row why somebody cannot be taken for what the register has.

    Args:
        planned: Households of the file.
        existing: From `known_households`.
        but: The import's own change: what it has taken is not in its way.
    """
    planned = list(planned)
    members = [one for household in planned for one in household.members]
    pins = known_pins((str(p) for m in members if (p := m.values.get("pin"))), but)
    problems = {
        one.row: Problem("known.pin", value=str(one.values["pin"]))
        for one in members
        if one.values.get("pin") in pins
    }
    ids = [existing[h.key] for h in planned if h.key in existing]
    people, heads = _members_of(ids, but)
    for household in planned:
        known = existing.get(household.key)
        if known is not None:
            for one in household.members:
                problem = _in_household(one, known, people, heads)
                if problem is not None:
                    problems.setdefault(one.row, problem)
    return problems


def _in_household(
    one: Candidate,
    household: int,
    people: set[tuple[object, ...]],
    heads: set[int],
) -> Problem | None:
    if (household, *identity(one)) in people:
        return Problem("known.person")
    if one.values["relation"] == "head" and household in heads:
        return Problem("known.head")
    return None


def _members_of(
    households: list[int], but: Change | None
) -> tuple[set[tuple[object, ...]], set[int]]:
    people: set[tuple[object, ...]] = set()
    heads: set[int] = set()
    for chunk in chunks(households, CHUNK):
        rows = _but(
            Membership.objects.filter(CURRENT, household__in=chunk, **_OPEN), but
        )
        belongs = dict(rows.values_list("person_id", "household_id"))
        heads.update(rows.filter(is_head=True).values_list("household_id", flat=True))
        for persons in chunks(belongs, CHUNK):
            facts = PersonFacts.objects.filter(CURRENT, person__in=persons, **_OPEN)
            for person, *names, born in facts.values_list(
                "person_id", "surname", "given_name", "birth_date"
            ):
                people.add((belongs[person], *_identity(names, born)))
    return people, heads


def _identity(names: list[str], born: date | None) -> tuple[object, ...]:
    return same_person(names[0], names[1], born)


def _but(rows: QuerySet[V], but: Change | None) -> QuerySet[V]:
    return rows if but is None else rows.exclude(change=but)
