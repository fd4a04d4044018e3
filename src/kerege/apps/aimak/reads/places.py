"""Addresses with the names of their units."""

from collections.abc import Iterable
from datetime import date

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import HouseholdFacts, StreetName, Unit
from kerege.apps.aimak.reads.values import Address, UnitName
from kerege.apps.aimak.soate import ancestors


def addresses(facts: Iterable[HouseholdFacts], on: date) -> dict[int, Address]:
    """Return the address of each row of facts, by household, with names of a day.

    Two statements, however many rows.
    """
    rows = list(facts)
    paths = {row.unit_code: [*ancestors(row.unit_code), row.unit_code] for row in rows}
    codes = {code for path in paths.values() for code in path if code}
    units = {
        row.code: UnitName(row.code, row.level, row.name_ky, row.name_ru, row.name_en)
        for row in as_of(Unit.objects.filter(code__in=codes), on)
    }
    streets = {row.street_id for row in rows if row.street_id}
    names = {}
    if streets:
        found = StreetName.objects.filter(street__in=streets).select_related("street")
        names = {row.street_id: row for row in as_of(found, on)}
    return {
        row.household_id: _address(
            row,
            tuple(units[code] for code in paths[row.unit_code] if code in units),
            names.get(row.street_id or 0),
        )
        for row in rows
    }


def _address(
    row: HouseholdFacts, units: tuple[UnitName, ...], street: StreetName | None
) -> Address:
    return Address(
        units=units,
        unit_code=row.unit_code,
        street_id=street.street.public_id if street else "",
        street_ky=street.name_ky if street else "",
        street_ru=street.name_ru if street else "",
        street_en=street.name_en if street else "",
        house=row.house,
        flat=row.flat,
    )
