"""From candidates to households: who is there twice, who belongs together.

Duplicates are told, never merged:

1. Two rows with one PIN: the same name and birth date are one person, written twice, and
   the first row is taken; otherwise one of the PINs is wrong, and neither is taken.
2. The same name and birth date twice in one household: the first row is taken.
3. A second head of one household is not taken.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from kerege.apps.aimak.names.folding import fold
from kerege.apps.aimak.workbooks.candidates import Candidate, Typed
from kerege.apps.aimak.workbooks.fields import fields
from kerege.apps.aimak.workbooks.messages import Problem

HouseholdKey = tuple[str, str]
"""Unit code and number in the book."""
PERSON_FIELDS = frozenset(
    {
        "full_name", "surname", "given_name", "patronymic", "pin", "birth_date", "sex",
        "relation", "nationality", "education", "occupation", "marital_status",
        "birth_place", "phone", "since",
    }
)  # fmt: skip
_OWN = frozenset({"household_number", "village"})


@dataclass(slots=True)
class PlannedHousehold:
    """A household as the file has it."""

    key: HouseholdKey
    members: list[Candidate] = field(default_factory=list)
    facts: dict[str, Typed] = field(default_factory=dict)
    """Address and property: of the first member whose row has it."""


def unit_of(candidate: Candidate) -> str:
    """Return the unit code that `placed` has found."""
    return str(candidate.values["unit_code"])


def key_of(candidate: Candidate) -> HouseholdKey:
    """Return which household of the office's book a row belongs to."""
    return unit_of(candidate), str(candidate.values["household_number"]).casefold()


def same_person(surname: str, given_name: str, born: date | None) -> tuple[object, ...]:
    """Return what is equal for two rows about one person, in any spelling."""
    return fold(surname), fold(given_name), born


def identity(candidate: Candidate) -> tuple[object, ...]:
    """Return `same_person` of a row."""
    values = candidate.values
    born = values.get("birth_date")
    return same_person(
        str(values.get("surname", "")),
        str(values.get("given_name", "")),
        born if isinstance(born, date) else None,
    )


def without_duplicates(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Yield the candidates; those that are there twice with a problem more."""
    good = list(candidates)
    problems = _same_pins(good)
    seen: dict[tuple[object, ...], Candidate] = {}
    heads: dict[HouseholdKey, Candidate] = {}
    for one in good:
        if one.problems or one.row in problems:
            continue
        key = key_of(one)
        first = seen.setdefault((key, identity(one)), one)
        head = heads.setdefault(key, one) if one.values["relation"] == "head" else one
        if first is not one:
            problems[one.row] = _twice("duplicate.person", first)
        elif head is not one:
            problems[one.row] = _twice("duplicate.head", head)
    for one in good:
        found = problems.get(one.row)
        yield replace(one, problems=(*one.problems, found)) if found else one


def households(candidates: Iterable[Candidate]) -> list[PlannedHousehold]:
    """Join rows to households, in the order in which the file begins them."""
    found: dict[HouseholdKey, PlannedHousehold] = {}
    for one in candidates:
        key = key_of(one)
        household = found.setdefault(key, PlannedHousehold(key))
        household.members.append(one)
        for name, value in one.values.items():
            if name in _HOUSEHOLD_FIELDS:
                household.facts.setdefault(name, value)
    return list(found.values())


_HOUSEHOLD_FIELDS = frozenset(fields()) - PERSON_FIELDS - _OWN


def _same_pins(candidates: list[Candidate]) -> dict[int, Problem]:
    by_pin: defaultdict[str, list[Candidate]] = defaultdict(list)
    for one in candidates:
        pin = one.values.get("pin")
        if isinstance(pin, str) and not one.problems:
            by_pin[pin].append(one)
    problems: dict[int, Problem] = {}
    for rows in by_pin.values():
        first, *others = rows
        if others and all(identity(each) == identity(first) for each in others):
            problems |= {each.row: _twice("duplicate.row", first) for each in others}
        elif others:
            problems |= {
                each.row: _twice(
                    "duplicate.pin", rows[0] if each is not first else rows[1]
                )
                for each in rows
            }
    return problems


def _twice(code: str, other: Candidate) -> Problem:
    return Problem(code, details={"row": str(other.row)})
