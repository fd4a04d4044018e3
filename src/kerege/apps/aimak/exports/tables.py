"""The tables that can be taken out of the register.

Both are made of household cards, which hide protected persons already: of somebody whose
address or person is protected there is a row without name, date and PIN, and no export
lifts that. The household book has the columns that an import knows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _, gettext_lazy

from kerege.apps.aimak.codes import code_list
from kerege.apps.aimak.models import Household
from kerege.apps.aimak.reads.households import book
from kerege.apps.aimak.reads.values import HouseholdCard, Member
from kerege.apps.aimak.workbooks.fields import fields
from kerege.apps.aimak.workbooks.writing import Cell, Column, ColumnType
from kerege.apps.common.staff.models import Office

_MEMBER = (
    "household_number", "surname", "given_name", "patronymic", "pin", "birth_date",
    "sex", "relation", "since",
)  # fmt: skip
_PLACE = ("village", "street", "house", "flat")
_SPECIES = {
    1: "cattle", 2: "horses", 3: "sheep_goats", 4: "pigs", 5: "poultry", 6: "bees",
}  # fmt: skip
_AREAS = ("dwelling_m2", "household_plot_ha", "arable_ha")
_TYPES = {
    **dict.fromkeys(("birth_date", "since"), ColumnType.DATE),
    **dict.fromkeys(_AREAS, ColumnType.DECIMAL),
    **dict.fromkeys(_SPECIES.values(), ColumnType.COUNT),
}
_HECTARE = Decimal(10_000)
_SEXES = {
    "female": {"ky": "аял", "ru": "женский", "en": "female"},
    "male": {"ky": "эркек", "ru": "мужской", "en": "male"},
}
_PLOTS = {"homestead": "household_plot_ha", "share": "arable_ha", "leased": "arable_ha"}


@dataclass(frozen=True, slots=True)
class Table:
    """One that can be chosen."""

    title: object
    columns: Callable[[str], Sequence[Column]]
    """For a language."""
    rows: Callable[[HouseholdCard, str], Iterator[Sequence[Cell]]]
    """Of one household, in a language."""


def rows_of(
    table: Table, office: Office, on: date, language: str
) -> Iterator[Sequence[Cell]]:
    """Yield all rows of an office's book on a day; a few households are in memory."""
    households = Household.objects.filter(office=office).order_by("pk")
    for card in book(households.iterator(2_000), on):
        yield from table.rows(card, language)


def _book_columns(language: str) -> list[Column]:
    known = fields()
    return [
        Column(name, labels[language] if (labels := known[name].labels) else name,
               _TYPES.get(name, ColumnType.TEXT))
        for name in (*_MEMBER, *_PLACE, *_AREAS, *_SPECIES.values())
    ]  # fmt: skip


def _book_rows(card: HouseholdCard, language: str) -> Iterator[list[Cell]]:
    place = _place(card, language)
    property_of = _property(card)
    for count, member in enumerate(card.members):
        own = property_of if count == 0 else {}
        names = (*_AREAS, *_SPECIES.values())
        yield [
            card.number,
            *_member(member, language),
            *place,
            *(own.get(name) for name in names),
        ]


def _member(member: Member, language: str) -> list[Cell]:
    person = member.person
    if person.is_hidden:
        return [_("protected person"), *([None] * 7)]
    patronymic = " ".join(p for p in (person.patronymic, person.suffix) if p)
    return [
        person.surname,
        person.given_name,
        patronymic or None,
        person.pin or None,
        person.birth_date,
        _SEXES[person.sex][language] if person.sex in _SEXES else None,
        code_list("relations").text(member.relation, language, person.sex),
        member.since,
    ]


def _place(card: HouseholdCard, language: str) -> list[Cell]:
    address = card.address
    village = address.units[-1].name(language) if address.units else ""
    return [
        village or None,
        address.street(language) or None,
        address.house or None,
        address.flat or None,
    ]


def _property(card: HouseholdCard) -> Mapping[str, Cell]:
    found: dict[str, Cell] = {}
    areas = [line.area_m2 for line in card.dwellings if line.area_m2 is not None]
    if areas:
        found["dwelling_m2"] = sum(areas, Decimal(0))
    for plot in card.land:
        name = _PLOTS.get(plot.kind)
        if name is not None and plot.area_m2 is not None:
            before = found.get(name)
            known = before if isinstance(before, Decimal) else Decimal(0)
            found[name] = (known + plot.area_m2 / _HECTARE).quantize(Decimal("0.001"))
    for animals in card.livestock:
        name = _SPECIES.get(animals.species)
        if name is not None:
            counted = found.get(name)
            so_far = counted if isinstance(counted, int) else 0
            found[name] = so_far + animals.count
    return found


def _list_columns(language: str) -> list[Column]:
    known = fields()
    names = ("household_number", *_PLACE)
    labels = {name: (known[name].labels or {}).get(language, name) for name in names}
    return [
        *(Column(name, label) for name, label in labels.items()),
        Column("head", _("Head")),
        Column("members", _("Members"), ColumnType.COUNT),
    ]


def _list_rows(card: HouseholdCard, language: str) -> Iterator[list[Cell]]:
    head = next((one.person for one in card.members if one.is_head), None)
    name = "" if head is None else head.full_name
    if head is not None and head.is_hidden:
        name = _("protected person")
    yield [card.number, *_place(card, language), name or None, len(card.members)]


TABLES: Mapping[str, Table] = {
    "book": Table(
        gettext_lazy("Household book: a row for each member"), _book_columns, _book_rows
    ),
    "households": Table(gettext_lazy("List of households"), _list_columns, _list_rows),
}
