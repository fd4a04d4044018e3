"""What the services over the exchange read, by PIN: index look-ups only.

A PIN finds somebody by their current, unblocked PIN. Books have people twice: of several
records of one PIN, the living come first, then those who are in a household, then the
one that was entered last.
"""

from dataclasses import dataclass
from datetime import date

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import (
    Household,
    HouseholdFacts,
    Membership,
    Person,
    PersonFacts,
    PersonPin,
    PinStatus,
)
from kerege.apps.aimak.models.persons import PIN_LENGTH
from kerege.apps.aimak.protection import Shield, shields
from kerege.apps.aimak.reads.places import addresses
from kerege.apps.aimak.reads.values import AddressFact, FamilyMember

_ANSWERED = (PinStatus.ASSIGNED, PinStatus.CHANGED)
MAX_RECORDS = 20
"""Records of one PIN that are looked at; a book with more is not worth asking."""


@dataclass(frozen=True, slots=True)
class _Found:
    person_id: int
    membership: Membership | None
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
    if found.membership is None:
        return ()
    of_household = Membership.objects.filter(household=found.membership.household_id)
    relations = {row.person_id: row for row in as_of(of_household, on)}
    hidden = shields(relations)
    facts = as_of(PersonFacts.objects.filter(person__in=list(relations)), on)
    rows = [row for row in facts if row.death_date is None or row.death_date > on]
    rows.sort(key=lambda row: _order(row, relations[row.person_id]))
    return tuple(
        _member(row, relations[row.person_id], hidden[row.person_id]) for row in rows
    )


def address_fact(pin: str, on: date) -> AddressFact | None:
    """Return where somebody in fact lives.

    Returns:
        None if nobody has this PIN, they are in no household, or it is hidden.
    """
    found = _find(pin, on)
    if found is None or found.membership is None or found.shield.hides_place:
        return None
    household = found.membership.household_id
    facts = as_of(HouseholdFacts.objects.filter(household=household), on)
    address = addresses(facts, on).get(household)
    if address is None:
        return None
    return AddressFact(pin, found.membership.valid_from, address)


def household_of(pin: str, on: date) -> Household | None:
    """Return somebody's household: for livestock, land and the card by PIN.

    Returns:
        None if nobody has this PIN, they are in no household, or it is hidden.
    """
    found = _find(pin, on)
    if found is None or found.membership is None or found.shield.hides_place:
        return None
    return Household.objects.get(pk=found.membership.household_id)


def person_by_pin(pin: str, on: date) -> Person | None:
    """Return who has a PIN; None if nobody has, or the person is hidden."""
    found = _find(pin, on)
    if found is None or found.shield.hides_person:
        return None
    return Person.objects.get(pk=found.person_id)


def _find(pin: str, on: date) -> _Found | None:
    if len(pin) != PIN_LENGTH or not (pin.isascii() and pin.isdigit()):
        return None
    rows = PersonPin.objects.filter(pin=pin, status__in=_ANSWERED)
    ids = list(as_of(rows, on).values_list("person_id", flat=True)[:MAX_RECORDS])
    if not ids:
        return None
    members: dict[int, Membership] = {}
    of_persons = Membership.objects.filter(person__in=ids).order_by("pk")
    for row in as_of(of_persons, on):
        members[row.person_id] = row
    chosen = ids[0] if len(ids) == 1 else _best(ids, members, on)
    return _Found(chosen, members.get(chosen), _shield_of_all(ids))


def _shield_of_all(ids: list[int]) -> Shield:
    """Protect every record of a PIN as the best protected: they are one person."""
    found = list(shields(ids).values())
    return Shield(
        hides_person=any(one.hides_person for one in found),
        hides_place=any(one.hides_place for one in found),
        hides_history=any(one.hides_history for one in found),
    )


def _best(ids: list[int], members: dict[int, Membership], on: date) -> int:
    facts = as_of(PersonFacts.objects.filter(person__in=ids), on)
    deaths = facts.filter(death_date__lte=on).values_list("person_id", flat=True)
    dead = set(deaths)
    return max(ids, key=lambda pk: (pk not in dead, pk in members, pk))


def _order(row: PersonFacts, member: Membership) -> tuple[bool, date, int]:
    return (not member.is_head, row.birth_date or date.max, row.person_id)


def _member(row: PersonFacts, member: Membership, shield: Shield) -> FamilyMember:
    if shield.hides_place:
        return FamilyMember("", "", "", "", "", None, is_hidden=True)
    return FamilyMember(
        surname=row.surname,
        given_name=row.given_name,
        patronymic=" ".join(part for part in (row.patronymic, row.suffix) if part),
        relation=shield.relation(member.relation),
        sex=row.sex,
        birth_date=row.birth_date,
    )
