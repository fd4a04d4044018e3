"""The register's tables and columns in words, and their values."""

from datetime import date
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext as _now, gettext_lazy as _

from kerege.apps.aimak.models import (
    Absence,
    Dwelling,
    HouseholdFacts,
    LandPlot,
    Livestock,
    Machinery,
    Membership,
    PersonFacts,
    PersonPin,
    SocialPassport,
    Street,
    Versioned,
)
from kerege.apps.aimak.views import showing

Text = str | Promise

TABLES: dict[type[Versioned], Text] = {
    PersonFacts: _("Person"),
    PersonPin: _("PIN"),
    HouseholdFacts: _("Household"),
    Membership: _("Relation to the head"),
    Absence: _("Temporary absence"),
    SocialPassport: _("Social passport"),
    Dwelling: _("Dwelling"),
    LandPlot: _("Land"),
    Livestock: _("Livestock"),
    Machinery: _("Machinery"),
}
"""Those that a clerk sees; protections are not among them."""

COLUMNS: dict[type[Versioned], dict[str, Text]] = {
    PersonFacts: {
        "surname": _("Surname"),
        "given_name": _("Given name"),
        "patronymic": _("Patronymic"),
        "patronymic_absent": _("There is no patronymic, by right"),
        "suffix": _("After the name: uulu or kyzy"),
        "latin_names": _("In Latin letters"),
        "sex": _("Sex"),
        "birth_date": _("Date of birth"),
        "birth_place": _("Place of birth"),
        "death_date": _("Day of death"),
        "nationality": _("Nationality"),
        "citizenship": _("Citizenship"),
        "marital_status": _("Marital status"),
        "education": _("Education"),
        "occupation": _("Occupation"),
        "phone": _("Phone"),
    },
    PersonPin: {"pin": _("PIN"), "status": _("State")},
    HouseholdFacts: {
        "number": _("Number"),
        "kind": _("Kind of household"),
        "unit_code": _("Village"),
        "street_id": _("Street"),
        "house": _("House"),
        "flat": _("Flat"),
    },
    Membership: {"relation": _("Relation"), "is_head": _("Head of household")},
    Absence: {
        "reason": _("Why"),
        "place": _("Where"),
        "country": _("Country"),
    },
    SocialPassport: {
        "number": _("Number"),
        "category": _("Category"),
        "income_per_person": _("Income of each member, som a month"),
        "needs": _("Needs"),
    },
    Dwelling: {
        "kind": _("Kind"),
        "wall_material": _("Walls"),
        "ownership": _("Ownership"),
        "year_built": _("Built in"),
        "rooms": _("Rooms"),
        "area_m2": _("Area, m²"),
        "heating": _("Heating"),
        "water": _("Water"),
        "cadastre_code": _("Cadastre code"),
    },
    LandPlot: {
        "kind": _("Kind"),
        "ownership": _("Ownership"),
        "area_m2": _("Area, m²"),
        "irrigated": _("Irrigated"),
        "cadastre_code": _("Cadastre code"),
    },
    Livestock: {
        "species": _("Kind"),
        "sex": _("Sex"),
        "age_group": _("Age"),
        "count": _("Heads"),
    },
    Machinery: {
        "kind": _("Kind"),
        "make": _("Make"),
        "year_built": _("Built in"),
        "count": _("How many"),
    },
}

LISTS: dict[tuple[type[Versioned], str], str] = {
    (PersonFacts, "nationality"): "nationalities",
    (PersonFacts, "citizenship"): "citizenships",
    (PersonFacts, "marital_status"): "marital_status",
    (PersonFacts, "education"): "education",
    (HouseholdFacts, "kind"): "household_kinds",
    (Membership, "relation"): "relations",
    (Absence, "reason"): "absence_reasons",
    (Absence, "country"): "citizenships",
    (SocialPassport, "category"): "need_categories",
    (Dwelling, "kind"): "dwelling_kinds",
    (Dwelling, "wall_material"): "wall_materials",
    (Dwelling, "ownership"): "ownership",
    (Dwelling, "heating"): "heating",
    (Dwelling, "water"): "water",
    (LandPlot, "kind"): "land_kinds",
    (LandPlot, "ownership"): "ownership",
    (Livestock, "species"): "species",
    (Livestock, "age_group"): "age_groups",
    (Machinery, "kind"): "machinery_kinds",
}
"""The code list of a column."""


def column_text(row: Versioned, name: str) -> str:
    """Write the value of a column as the reader would."""
    value = getattr(row, name)
    if name == "street_id":
        return _street(value)
    field = type(row)._meta.get_field(name)
    if found := LISTS.get((type(row), name)):
        return showing.code(found, str(value)) if value else showing.NOTHING
    if getattr(field, "choices", None) and value:
        return str(getattr(row, f"get_{name}_display")())
    return _plain(value)


def _plain(value: object) -> str:
    match value:
        case bool():
            return _now("yes") if value else _now("no")
        case date():
            return showing.day(value)
        case Decimal() | int():
            return showing.number(value)
        case list():
            return ", ".join(map(str, value)) or showing.NOTHING
        case _:
            return str(value or showing.NOTHING)


def _street(street_id: int | None) -> str:
    street = Street.objects.filter(pk=street_id).first() if street_id else None
    name = street.names.order_by("pk").last() if street else None
    if name is None:
        return showing.NOTHING
    return showing.in_language(name.name_ky, name.name_ru, name.name_en)
