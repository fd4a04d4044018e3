"""What the services over the exchange read, by PIN: index look-ups only.

A PIN finds somebody by their current, unblocked PIN. Books have people twice: of several
records of one PIN, the living come first, then those who are in a household, then the
one that was entered last.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import timezone

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import Household, HouseholdFacts, Person
from kerege.apps.aimak.models.persons import PIN_LENGTH
from kerege.apps.aimak.protection import Shield, shield_of
from kerege.apps.aimak.reads.places import addresses
from kerege.apps.aimak.reads.statements import living_members, records_of_pin
from kerege.apps.aimak.reads.values import AddressFact, FamilyMember


@dataclass(frozen=True, slots=True)
class _Found:
    person_id: int
    household_id: int | None
    since: date | None
    shield: Shield


def family_members(pin: str, on: date) -> tuple[FamilyMember, ...] | None:
    """Return the living members of somebody's household, the head first.

    Returns:
        None if nobody has this PIN, or where they live is hidden; nothing of both is
        told apart. An empty tuple if they are in no household. Protected members are
        there without a name.
    """
    found = _find(pin, on)
    if found is None or found.shield.hides_place:
        return None
    if found.household_id is None:
        return ()
    rows = living_members(found.household_id, on, timezone.localdate())
    kinds: defaultdict[int, set[str]] = defaultdict(set)
    for row in rows:
        kinds[row[0]].add(row[-1])
    once = {row[0]: row for row in rows}
    return tuple(
        _member(row, shield_of(kinds[row[0]]))
        for row in sorted(once.values(), key=_head_first)
    )


def address_fact(pin: str, on: date) -> AddressFact | None:
    """Return where somebody in fact lives.

    Returns:
        None if nobody has this PIN, they are in no household, or it is hidden.
    """
    found = _find(pin, on)
    if found is None or found.household_id is None or found.shield.hides_place:
        return None
    household = found.household_id
    facts = as_of(HouseholdFacts.objects.filter(household=household), on)
    address = addresses(facts, on).get(household)
    if address is None:
        return None
    return AddressFact(
        pin, None if found.shield.hides_history else found.since, address
    )


def household_of(pin: str, on: date) -> Household | None:
    """Return somebody's household: for livestock, land and the card by PIN.

    Returns:
        None if nobody has this PIN, they are in no household, or it is hidden.
    """
    found = _find(pin, on)
    if found is None or found.household_id is None or found.shield.hides_place:
        return None
    return Household.objects.get(pk=found.household_id)


def person_by_pin(pin: str, on: date) -> Person | None:
    """Return who has a PIN; None if nobody has, or the person is hidden."""
    found = _find(pin, on)
    if found is None or found.shield.hides_person:
        return None
    return Person.objects.get(pk=found.person_id)


def _find(pin: str, on: date) -> _Found | None:
    if len(pin) != PIN_LENGTH or not (pin.isascii() and pin.isdigit()):
        return None
    rows = records_of_pin(pin, on, timezone.localdate())
    if not rows:
        return None
    person, household, since, _, _ = max(rows, key=lambda row: _rank(row, on))
    # Every record of a PIN is protected as the best protected: they are one person.
    return _Found(person, household, since, shield_of({row[-1] for row in rows}))


def _rank(row: Sequence[Any], on: date) -> tuple[bool, bool, int, date]:
    """The living first, then who is in a household, then who was entered last."""
    person, household, since, died, _ = row
    is_dead = died is not None and died <= on
    return (not is_dead, household is not None, person, since or date.min)


def _head_first(row: Sequence[Any]) -> tuple[bool, date, int]:
    person, _, is_head, *_, born, _ = row
    return (not is_head, born or date.max, person)


def _member(row: Sequence[Any], shield: Shield) -> FamilyMember:
    if shield.hides_place:
        return FamilyMember("", "", "", "", "", None, is_hidden=True)
    _, relation, _, surname, given_name, patronymic, suffix, sex, born, _ = row
    return FamilyMember(
        surname=surname,
        given_name=given_name,
        patronymic=" ".join(part for part in (patronymic, suffix) if part),
        relation=shield.relation(relation),
        sex=sex,
        birth_date=born,
    )
