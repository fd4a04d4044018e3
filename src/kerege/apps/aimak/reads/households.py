"""Reading households and the book of an office."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from kerege.apps.aimak.history import as_of, chunks
from kerege.apps.aimak.models import (
    Dwelling,
    Household,
    HouseholdFacts,
    LandPlot,
    Livestock,
    Machinery,
    Membership,
    SocialPassport,
    Versioned,
)
from kerege.apps.aimak.protection import VEILED, Shield, Sight, shields
from kerege.apps.aimak.reads.people import away_of, named
from kerege.apps.aimak.reads.places import addresses
from kerege.apps.aimak.reads.values import (
    Address,
    Away,
    DwellingLine,
    HouseholdCard,
    LandLine,
    LivestockLine,
    MachineLine,
    Member,
    Named,
    SocialPassportCard,
)

V = TypeVar("V", bound=Versioned)

BOOK_CHUNK = 200
"""Households read at once when a book is printed: about a thousand persons."""


def household_card(
    household: Household,
    on: date,
    known_at: datetime | None = None,
    sight: Sight = VEILED,
) -> HouseholdCard | None:
    """Return a household on a day.

    Args:
        household: Which; the caller has looked at its office.
        on: The day.
        known_at: What the register believed then; None: what it believes now.
        sight: Whose protection is lifted.

    Returns:
        None if the household did not exist on that day.
    """
    return next(book([household], on, known_at, sight), None)


def book(
    households: Iterable[Household],
    on: date,
    known_at: datetime | None = None,
    sight: Sight = VEILED,
) -> Iterator[HouseholdCard]:
    """Yield the cards of many households in their order: to print or export.

    About a dozen statements for each 200 households. Those that did not exist on that
    day are left out.
    """
    for chunk in chunks(households, BOOK_CHUNK):
        pages = _read([household.pk for household in chunk], on, known_at)
        places = addresses(pages.facts.values(), on)
        members = _members(pages.members, on, known_at, sight)
        for household in chunk:
            if household.pk in pages.facts:
                own = members.get(household.pk, [])
                yield _card(household, pages, on, own, places[household.pk])


@dataclass(frozen=True, slots=True)
class _Pages:
    """All rows of some households, by household."""

    facts: dict[int, HouseholdFacts]
    members: dict[int, list[Membership]]
    dwellings: dict[int, list[Dwelling]]
    land: dict[int, list[LandPlot]]
    livestock: dict[int, list[Livestock]]
    machinery: dict[int, list[Machinery]]
    passports: dict[int, list[SocialPassport]]


def _read(ids: list[int], on: date, known_at: datetime | None) -> _Pages:
    def by_household(model: type[V], *order: str) -> dict[int, list[V]]:
        found: defaultdict[int, list[V]] = defaultdict(list)
        rows = model._default_manager.filter(household__in=ids).order_by(*order, "pk")
        for row in as_of(rows, on, known_at):
            found[row.household_id].append(row)  # type: ignore[attr-defined]
        return found

    facts = by_household(HouseholdFacts)
    return _Pages(
        facts={household: rows[-1] for household, rows in facts.items()},
        members=by_household(Membership),
        dwellings=by_household(Dwelling, "line"),
        land=by_household(LandPlot, "line"),
        livestock=by_household(Livestock, "species", "age_group", "sex"),
        machinery=by_household(Machinery, "line"),
        passports=by_household(SocialPassport),
    )


def _card(
    household: Household,
    pages: _Pages,
    on: date,
    members: list[Member],
    address: Address,
) -> HouseholdCard:
    facts = pages.facts[household.pk]
    return HouseholdCard(
        household_id=household.pk,
        public_id=household.public_id,
        version=household.version,
        office_id=facts.office_id,
        on=on,
        number=facts.number,
        kind=facts.kind,
        address=address,
        since=facts.valid_from,
        members=tuple(members),
        dwellings=tuple(map(_dwelling, pages.dwellings.get(household.pk, ()))),
        land=tuple(map(_plot, pages.land.get(household.pk, ()))),
        livestock=tuple(map(_animals, pages.livestock.get(household.pk, ()))),
        machinery=tuple(map(_machine, pages.machinery.get(household.pk, ()))),
        social_passport=_passport(pages.passports.get(household.pk, ())),
        warnings=_warnings(members, on),
    )


def _members(
    rows: dict[int, list[Membership]],
    on: date,
    known_at: datetime | None,
    sight: Sight,
) -> dict[int, list[Member]]:
    ids = [row.person_id for members in rows.values() for row in members]
    hidden = shields(ids, sight)
    people = named(ids, on, known_at, hidden)
    away = away_of(ids, on, known_at)
    found: dict[int, list[Member]] = {}
    for household, members in rows.items():
        own = [
            _member(row, person, hidden[row.person_id], away.get(row.person_id))
            for row in members
            if (person := people.get(row.person_id))
        ]
        found[household] = sorted(own, key=_head_first)
    return found


def _member(
    row: Membership, person: Named, shield: Shield, away: Away | None
) -> Member:
    if shield.hides_place or person.is_hidden:
        person = Named(person_id=person.person_id, public_id="", is_hidden=True)
        return Member(person, "", is_head=False, since=None, until=None)
    return Member(
        person=person,
        relation=shield.relation(row.relation),
        is_head=row.is_head,
        since=None if shield.hides_history else row.valid_from,
        until=row.valid_to,
        away=away,
    )


def _head_first(member: Member) -> tuple[bool, bool, date, int]:
    person = member.person
    born = person.birth_date or date.max
    return (person.is_hidden, not member.is_head, born, person.person_id)


def _warnings(members: list[Member], on: date) -> tuple[str, ...]:
    shown = [member for member in members if not member.person.is_hidden]
    heads = sum(member.is_head for member in shown)
    found = []
    if members and not heads and len(shown) == len(members):
        found.append("no_head")
    if heads > 1:
        found.append("two_heads")
    if any(one.person.death_date and one.person.death_date <= on for one in shown):
        found.append("dead_member")
    return tuple(found)


def _dwelling(row: Dwelling) -> DwellingLine:
    return DwellingLine(
        row.line,
        row.kind,
        row.wall_material,
        row.ownership,
        row.year_built,
        row.rooms,
        row.area_m2,
        row.cadastre_code,
        row.heating,
        row.water,
    )


def _plot(row: LandPlot) -> LandLine:
    return LandLine(
        row.line, row.kind, row.ownership, row.area_m2, row.irrigated, row.cadastre_code
    )


def _animals(row: Livestock) -> LivestockLine:
    return LivestockLine(row.species, row.sex, row.age_group, row.count)


def _machine(row: Machinery) -> MachineLine:
    return MachineLine(row.line, row.kind, row.make, row.year_built, row.count)


def _passport(rows: Sequence[SocialPassport]) -> SocialPassportCard | None:
    if not rows:
        return None
    row = rows[-1]
    return SocialPassportCard(
        row.number, row.category, row.income_per_person, row.needs, row.valid_from
    )
