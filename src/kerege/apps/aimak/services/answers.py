"""From what the book says to the shapes of the answers.

Texts are Russian, as clients of the real service have them.
"""

from datetime import date
from decimal import Decimal

from kerege.apps.aimak.codes import code_list
from kerege.apps.aimak.models import Level
from kerege.apps.aimak.reads import address_fact, family_members
from kerege.apps.aimak.reads.values import (
    Address,
    DwellingLine,
    HouseholdCard as Card,
    LandLine,
    LivestockLine,
    Member,
)
from kerege.apps.aimak.services import shapes

LANGUAGE = "ru"
STATE = ("Кыргызская Республика", "41700000000000")
NO_FAMILY = shapes.Family(code=405, message="Семья не найдена", members=[])


def address_of(pin: str, on: date) -> shapes.AddressFact | None:
    """Return the answer of `address-fact`; None: nobody, or hidden."""
    found = address_fact(pin, on)
    if found is None:
        return None
    address = found.address
    region, district, city = _levels(address)
    return shapes.AddressFact(
        pin=pin,
        live_in_household_from=True,
        state=STATE[0],
        state_id=STATE[1],
        region=region[0],
        region_id=region[1],
        district=district[0],
        district_id=district[1],
        city=city[0],
        city_id=city[1],
        street=address.street(LANGUAGE),
        street_id=address.street_id,
        house=address.house,
        flat=address.flat or None,
    )


def family_of(pin: str, on: date) -> shapes.Family:
    """Return the answer of `family-members`; `NO_FAMILY`: nobody, none, or hidden."""
    found = family_members(pin, on)
    if not found:
        return NO_FAMILY
    members = [
        shapes.FamilyMember(
            name=_joined(one.surname, one.given_name, one.patronymic),
            role=_role(one.relation, one.sex),
        )
        for one in found
    ]
    return shapes.Family(code=200, message="OK", members=members)


def livestock_of(pin: str, card: Card) -> shapes.Livestock:
    """Return the answer of `livestock`."""
    animals = [_animals(one) for one in card.livestock]
    return shapes.Livestock(pin=pin, household=card.public_id, animals=animals)


def land_of(pin: str, card: Card) -> shapes.Land:
    """Return the answer of `land`."""
    plots = [_plot(one) for one in card.land]
    return shapes.Land(pin=pin, household=card.public_id, plots=plots)


def card_of(card: Card) -> shapes.HouseholdCard:
    """Return the answer of `household-card`."""
    address = card.address
    return shapes.HouseholdCard(
        household=card.public_id,
        number=card.number,
        on=card.on,
        address=shapes.Place(
            unit_code=address.unit_code,
            text=", ".join(unit.name(LANGUAGE) for unit in address.units),
            street=address.street(LANGUAGE),
            house=address.house,
            flat=address.flat,
        ),
        members=[_member(one, card.on) for one in card.members if _lives(one, card.on)],
        dwellings=[_home(one) for one in card.dwellings],
        plots=[_plot(one) for one in card.land],
        animals=[_animals(one) for one in card.livestock],
    )


def _levels(address: Address) -> tuple[tuple[str, str], ...]:
    """Return name and code of region, district and settlement.

    A town stands where a district does and is the settlement too.
    """
    region = district = city = ("", "")
    for unit in address.units:
        named = (unit.name(LANGUAGE), unit.code)
        if unit.level == Level.REGION:
            region = named
        elif unit.level in (Level.DISTRICT, Level.TOWN):
            district = named
        if unit.code == address.unit_code:
            city = named
    return region, district, city if city[1] else ("", address.unit_code)


def _lives(member: Member, on: date) -> bool:
    death = member.person.death_date
    return death is None or death > on


def _member(member: Member, on: date) -> shapes.CardMember:
    person, away = member.person, member.away
    return shapes.CardMember(
        pin=person.pin,
        name=person.full_name,
        role=_role(member.relation, person.sex),
        sex=person.sex,
        birth_date=person.birth_date,
        is_head=member.is_head,
        is_away=away is not None and (away.until is None or away.until > on),
    )


def _home(line: DwellingLine) -> shapes.Home:
    return shapes.Home(
        kind=line.kind,
        kind_name=_named("dwelling_kinds", line.kind),
        wall_material=line.wall_material,
        year_built=line.year_built,
        rooms=line.rooms,
        area_m2=_number(line.area_m2),
        cadastre_code=line.cadastre_code,
    )


def _plot(line: LandLine) -> shapes.Plot:
    return shapes.Plot(
        kind=line.kind,
        kind_name=_named("land_kinds", line.kind),
        ownership=line.ownership,
        area_m2=_number(line.area_m2),
        irrigated=line.irrigated,
        cadastre_code=line.cadastre_code,
    )


def _animals(line: LivestockLine) -> shapes.Animals:
    return shapes.Animals(
        species=line.species,
        species_name=_named("species", str(line.species)),
        sex=line.sex,
        age_group=line.age_group,
        count=line.count,
    )


def _role(relation: str, sex: str) -> str:
    """Return a relation as clients read it: "Глава семьи", "Супруга"."""
    text = code_list("relations").text(relation, LANGUAGE, sex) if relation else ""
    return text[:1].upper() + text[1:]


def _named(codes: str, code: str) -> str:
    return code_list(codes).text(code, LANGUAGE) if code else ""


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
