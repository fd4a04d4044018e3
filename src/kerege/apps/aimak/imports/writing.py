"""Writing households of a file into the book, a batch in each transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from kerege.apps.aimak import history
from kerege.apps.aimak.actions import lock, touch
from kerege.apps.aimak.codes import code_list
from kerege.apps.aimak.imports.planning import HouseholdKey, PlannedHousehold
from kerege.apps.aimak.models import (
    Change,
    Dwelling,
    Household,
    HouseholdFacts,
    LandPlot,
    Livestock,
    Membership,
    Person,
    PersonFacts,
    PersonPin,
    PinStatus,
    Street,
    StreetName,
    Touch,
)
from kerege.apps.aimak.models.versioned import CURRENT
from kerege.apps.aimak.search.index import refresh_persons, refresh_streets
from kerege.apps.aimak.workbooks.candidates import Candidate, Typed
from kerege.apps.common.staff.models import Office

SPECIES = {
    "cattle": 1, "horses": 2, "sheep_goats": 3, "pigs": 4, "poultry": 5, "bees": 6,
}  # fmt: skip
"""Fields and codes of the national livestock register."""
_HECTARE, _ARE = Decimal(10_000), Decimal(100)
_PLOTS = (
    ("household_plot_ha", "homestead", _HECTARE),
    ("household_plot_are", "homestead", _ARE),
    ("arable_ha", "share", _HECTARE),
)
_SUFFIXES = ("уулу", "кызы", "uulu", "kyzy")
_COPIED = (
    "given_name", "sex", "birth_date", "birth_place", "nationality", "education",
    "marital_status", "occupation", "phone",
)  # fmt: skip


@dataclass(slots=True)
class Streets:
    """Streets of the office's units by name; new ones are made when first named."""

    by_name: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, units: Iterable[str]) -> "Streets":
        """Read the streets of some units."""
        found = cls()
        rows = StreetName.objects.filter(
            CURRENT, valid_to__isnull=True, street__unit_code__in=sorted(set(units))
        )
        for unit, street, *names in rows.values_list(
            "street__unit_code", "street_id", "name_ky", "name_ru", "name_en"
        ):
            found.by_name.update({(unit, n.casefold()): street for n in names if n})
        return found

    def ensure(self, wanted: Iterable[tuple[str, str]], change: Change) -> None:
        """Make the streets that there are not yet: unit code and name."""
        new = {(u, n.casefold()): n for u, n in wanted}
        new = {key: name for key, name in new.items() if key not in self.by_name}
        streets = Street.objects.bulk_create(Street(unit_code=unit) for unit, _ in new)
        ids = [street.pk for street in streets]
        rows = [
            ((pk,), {"name_ky": name, "name_ru": name})
            for pk, name in zip(ids, new.values(), strict=True)
        ]
        history.insert_many(StreetName, rows, None, change)
        refresh_streets(ids)
        self.by_name.update(zip(new, ids, strict=True))

    def id_of(self, unit: str, name: str) -> int | None:
        """Return a street's id, None for no name."""
        return self.by_name[unit, name.casefold()] if name else None


def write_batch(
    office: Office,
    batch: Sequence[PlannedHousehold],
    existing: Mapping[HouseholdKey, int],
    streets: Streets,
    change: Change,
) -> None:
    """Write some households and their members; call it inside a transaction.

    Args:
        office: Whose book it is.
        batch: The households, with only the members that are taken.
        existing: Of those that the register has, their ids.
        streets: Of the office; new ones are added.
        change: The import's.
    """
    new = [one for one in batch if one.key not in existing]
    known = {one.key: existing[one.key] for one in batch if one.key in existing}
    lock(dict.fromkeys(known.values()), {})
    anchors = Household.objects.bulk_create(Household(office=office) for _ in new)
    ids = known | {one.key: a.pk for one, a in zip(new, anchors, strict=True)}
    _write_facts(office, new, ids, streets, change)
    _write_property(batch, ids, set(known.values()), change)
    persons = _write_members(office, batch, ids, change)
    Touch.objects.bulk_create(
        Touch(change=change, household=anchor, version=1) for anchor in anchors
    )
    touch(change, known.values(), ())
    refresh_persons(persons)


def _write_facts(
    office: Office,
    new: Sequence[PlannedHousehold],
    ids: Mapping[HouseholdKey, int],
    streets: Streets,
    change: Change,
) -> None:
    named = [
        (one.key[0], str(one.facts["street"])) for one in new if "street" in one.facts
    ]
    streets.ensure(named, change)
    rows = []
    for one in new:
        unit = one.key[0]
        street = str(one.facts.get("street", ""))
        values = {
            "office_id": office.pk,
            "number": str(one.members[0].values["household_number"]),
            "kind": "family" if len(one.members) > 1 else "single",
            "unit_code": unit,
            "street_id": streets.id_of(unit, street),
            "house": str(one.facts.get("house", "")),
            "flat": str(one.facts.get("flat", "")),
        }
        rows.append(((ids[one.key],), values))
    history.insert_many(HouseholdFacts, rows, None, change)


def _write_property(
    batch: Sequence[PlannedHousehold],
    ids: Mapping[HouseholdKey, int],
    known: set[int],
    change: Change,
) -> None:
    """Write what a household has; of known ones only what the book has nothing of."""
    dwellings, plots, animals = [], [], []
    for one in batch:
        pk, facts = ids[one.key], one.facts
        if "dwelling_m2" in facts:
            dwellings.append(((pk, 1), {"area_m2": facts["dwelling_m2"]}))
        line = 0
        for name, kind, factor in _PLOTS:
            area = facts.get(name)
            if isinstance(area, Decimal):
                line += 1
                values = {"kind": kind, "area_m2": area * factor}
                plots.append(((pk, line), values))
        for name, species in SPECIES.items():
            if facts.get(name):
                animals.append(((pk, species, "", ""), {"count": facts[name]}))
    for model, rows in ((Dwelling, dwellings), (LandPlot, plots), (Livestock, animals)):
        taken = _with_open_rows(model, known)
        fresh = [row for row in rows if row[0][0] not in taken]
        history.insert_many(model, fresh, None, change)


def _with_open_rows(
    model: type[Dwelling | LandPlot | Livestock], households: set[int]
) -> set[int]:
    if not households:
        return set()
    rows = model._default_manager.filter(CURRENT, household__in=households)
    return set(rows.values_list("household_id", flat=True))


def _write_members(
    office: Office,
    batch: Sequence[PlannedHousehold],
    ids: Mapping[HouseholdKey, int],
    change: Change,
) -> list[int]:
    members = [(ids[one.key], member) for one in batch for member in one.members]
    persons = Person.objects.bulk_create(Person(office=office) for _ in members)
    relations = code_list("relations")
    facts, pins, belongs = [], [], []
    for person, (household, member) in zip(persons, members, strict=True):
        values = member.values
        facts.append(((person.pk,), person_facts(values)))
        if values.get("pin"):
            pin = {"pin": values["pin"], "status": PinStatus.ASSIGNED}
            pins.append(((person.pk,), pin))
        belonging = {
            "relation": relations.canonical(str(values["relation"])),
            "is_head": values["relation"] == "head",
            "valid_from": _since(member),
        }
        belongs.append(((person.pk, household), belonging))
    history.insert_many(PersonFacts, facts, None, change)
    history.insert_many(PersonPin, pins, None, change)
    history.insert_many(Membership, belongs, None, change)
    Touch.objects.bulk_create(
        Touch(change=change, person=person, version=1) for person in persons
    )
    return [person.pk for person in persons]


def person_facts(values: Mapping[str, Typed]) -> dict[str, object]:
    """Return the columns of `PersonFacts` for a row's values."""
    surname, suffix = _split_suffix(str(values.get("surname", "")))
    patronymic, own_suffix = _split_suffix(str(values.get("patronymic", "")))
    found: dict[str, object] = {
        name: values[name] for name in _COPIED if name in values
    }
    return found | {
        "surname": surname,
        "patronymic": patronymic,
        "suffix": own_suffix or suffix,
    }


def _split_suffix(name: str) -> tuple[str, str]:
    start, _, last = name.rpartition(" ")
    return (start, last) if start and last.casefold() in _SUFFIXES else (name, "")


def _since(member: Candidate) -> date | None:
    """Return since when somebody belongs to the household: not before being born."""
    since, born = member.values.get("since"), member.values.get("birth_date")
    known = [day for day in (since, born) if isinstance(day, date)]
    return max(known, default=None)
