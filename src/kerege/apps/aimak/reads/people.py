"""Reading persons."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from kerege.apps.aimak.history import CHUNK, as_of, believed, chunks
from kerege.apps.aimak.models import (
    Absence,
    HouseholdFacts,
    Membership,
    Person,
    PersonFacts,
    PersonPin,
    Protection,
)
from kerege.apps.aimak.protection import VEILED, Shield, Sight, shields
from kerege.apps.aimak.reads.places import addresses
from kerege.apps.aimak.reads.values import Address, Away, Named, PersonCard

_NOT_SHOWN = frozenset(
    {
        "id",
        "person_id",
        "valid_from",
        "valid_to",
        "recorded_at",
        "superseded_at",
        "change_id",
        "superseded_by_id",
    }
)


def named(
    persons: Iterable[int],
    on: date,
    known_at: datetime | None = None,
    shield: Mapping[int, Shield] | None = None,
) -> dict[int, Named]:
    """Return persons by id, as lists show them on a day.

    Args:
        persons: Ids.
        on: The day.
        known_at: What the register believed then; None: what it believes now.
        shield: From `shields`, if the caller has it already; else nobody is unveiled.
    """
    ids = list(dict.fromkeys(persons))
    hidden = shields(ids) if shield is None else shield
    found: dict[int, Named] = {}
    for chunk in chunks(ids, CHUNK):
        pins = _pins(chunk, on, known_at)
        rows = as_of(PersonFacts.objects.filter(person__in=chunk), on, known_at)
        for row in rows.select_related("person"):
            if _may_show(row, hidden[row.person_id]):
                found[row.person_id] = _named(row, pins.get(row.person_id, ""))
            else:
                found[row.person_id] = _nobody(row.person_id)
    return {pk: found[pk] for pk in ids if pk in found}


def person_card(
    person: Person,
    on: date,
    known_at: datetime | None = None,
    sight: Sight = VEILED,
) -> PersonCard | None:
    """Return what the book says of somebody on a day.

    Returns:
        None if it says nothing of that day, or all of it is hidden.
    """
    hidden = shields([person.pk], sight)
    shield = hidden[person.pk]
    facts = as_of(person.facts.all(), on, known_at).first()
    if facts is None or not _may_show(facts, shield):
        return None
    pin = as_of(person.pins.all(), on, known_at).first()
    household, relation, address = _place(person, on, known_at, shield)
    names = (f.attname for f in PersonFacts._meta.concrete_fields)
    return PersonCard(
        person=_named(facts, pin.pin if pin else ""),
        version=person.version,
        office_id=person.office_id,
        on=on,
        facts={n: getattr(facts, n) for n in names if n not in _NOT_SHOWN}
        | ({"birth_place": ""} if shield.hides_history else {}),
        pin_status=pin.status if pin else "missing",
        earlier_pins=() if shield.hides_history else _earlier(person, pin),
        household_public_id=household,
        relation=relation,
        address=address,
        away=away_of([person.pk], on, known_at).get(person.pk),
        protections=_protections(person, on) if person.pk in sight.unveiled else (),
    )


def away_of(
    persons: Iterable[int], on: date, known_at: datetime | None = None
) -> dict[int, Away]:
    """Return who is away on a day, by id."""
    found: dict[int, Away] = {}
    for chunk in chunks(persons, CHUNK):
        for row in as_of(Absence.objects.filter(person__in=chunk), on, known_at):
            found[row.person_id] = Away(
                row.valid_from, row.valid_to, row.reason, row.place, row.country
            )
    return found


def _may_show(row: PersonFacts, shield: Shield) -> bool:
    """Of an adopted child, only what is so and believed today."""
    is_past = row.valid_to is not None or row.superseded_at is not None
    return not (shield.hides_person or (shield.hides_history and is_past))


def _nobody(person: int) -> Named:
    return Named(person_id=person, public_id="", is_hidden=True)


def _named(row: PersonFacts, pin: str) -> Named:
    return Named(
        person_id=row.person_id,
        public_id=row.person.public_id,
        surname=row.surname,
        given_name=row.given_name,
        patronymic=row.patronymic,
        suffix=row.suffix,
        sex=row.sex,
        birth_date=row.birth_date,
        birth_precision=row.birth_precision,
        death_date=row.death_date,
        pin=pin,
    )


def _pins(persons: list[int], on: date, known_at: datetime | None) -> dict[int, str]:
    rows = as_of(PersonPin.objects.filter(person__in=persons), on, known_at)
    return dict(rows.values_list("person_id", "pin"))


def _place(
    person: Person, on: date, known_at: datetime | None, shield: Shield
) -> tuple[str, str, Address | None]:
    members = as_of(person.memberships.select_related("household"), on, known_at)
    member: Membership | None = members.order_by("pk").last()
    if member is None or shield.hides_place:
        return "", "", None
    of_household = HouseholdFacts.objects.filter(household=member.household_id)
    address = addresses(as_of(of_household, on, known_at), on)
    return (
        member.household.public_id,
        shield.relation(member.relation),
        address.get(member.household_id),
    )


def _earlier(person: Person, now: PersonPin | None) -> tuple[str, ...]:
    rows = person.pins.filter(believed()).exclude(pin="").order_by("valid_from")
    current = now.pin if now else ""
    found = dict.fromkeys(rows.values_list("pin", flat=True))
    return tuple(pin for pin in found if pin != current)


def _protections(person: Person, on: date) -> tuple[str, ...]:
    rows = as_of(Protection.objects.filter(person=person), on)
    return tuple(rows.order_by("kind").values_list("kind", flat=True))
