"""Which columns hold codes, and of which list; and how long texts may be."""

from collections.abc import Iterator, Mapping

from django.db.models import CharField

from kerege.apps.aimak.codes import UnknownCodeError, code_list
from kerege.apps.aimak.models import (
    Absence,
    Dwelling,
    HouseholdFacts,
    LandPlot,
    Livestock,
    Machinery,
    Membership,
    PersonFacts,
    SocialPassport,
    Versioned,
)

LISTS: Mapping[type[Versioned], Mapping[str, str]] = {
    PersonFacts: {
        "nationality": "nationalities",
        "marital_status": "marital_status",
        "education": "education",
    },
    HouseholdFacts: {"kind": "household_kinds"},
    Membership: {"relation": "relations"},
    Absence: {"reason": "absence_reasons"},
    SocialPassport: {"category": "need_categories"},
    Dwelling: {
        "kind": "dwelling_kinds",
        "wall_material": "wall_materials",
        "heating": "heating",
        "water": "water",
        "ownership": "ownership",
    },
    LandPlot: {"kind": "land_kinds", "ownership": "ownership"},
    Livestock: {"species": "species", "age_group": "age_groups"},
    Machinery: {"kind": "machinery_kinds"},
}
"""Columns that are not here hold free text, numbers or days."""


def unknown_codes(
    model: type[Versioned], values: Mapping[str, object]
) -> Iterator[tuple[str, UnknownCodeError]]:
    """Yield each column whose value is in no list, with what there is. Blank is no code."""
    for column, name in LISTS.get(model, {}).items():
        value = values.get(column)
        if value not in (None, ""):
            try:
                code_list(name).require(str(value))
            except UnknownCodeError as error:
                yield column, error


def too_long(
    model: type[Versioned], values: Mapping[str, object]
) -> Iterator[tuple[str, int]]:
    """Yield each text that is longer than its column, with how long it may be."""
    for column, value in values.items():
        field = model._meta.get_field(column)
        if isinstance(field, CharField) and isinstance(value, str):
            most = field.max_length
            if most is not None and len(value) > most:
                yield column, most
