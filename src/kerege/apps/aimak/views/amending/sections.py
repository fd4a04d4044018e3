"""Which facts of a household or a person a clerk may change, by the word in an address."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import (
    Absence,
    Dwelling,
    Household,
    HouseholdFacts,
    LandPlot,
    Livestock,
    Machinery,
    Person,
    PersonFacts,
    PersonPin,
    SocialPassport,
    Versioned,
)
from kerege.apps.aimak.views.amending.keys import line_key, own_key, stock_key


@dataclass(frozen=True, slots=True)
class Section:
    """Facts of one table."""

    model: type[Versioned]
    about: type[Person] | type[Household]
    fixed: tuple[str, ...] = ()
    """Columns that belong to the key: asked for only when the row is new."""
    key: Callable[[int, str], tuple[Any, ...] | None] = own_key
    """Make the key of an anchor's id and the word of a line; None: there is no such."""
    can_end: bool = True
    """Whether it may be no more: not so of a name."""


SECTIONS: dict[str, Section] = {
    "address": Section(HouseholdFacts, Household, can_end=False),
    "dwelling": Section(Dwelling, Household, key=line_key),
    "land": Section(LandPlot, Household, key=line_key),
    "livestock": Section(
        Livestock, Household, ("species", "sex", "age_group"), stock_key
    ),
    "machinery": Section(Machinery, Household, key=line_key),
    "passport": Section(SocialPassport, Household),
    "facts": Section(PersonFacts, Person, can_end=False),
    "pin": Section(PersonPin, Person, can_end=False),
    "absence": Section(Absence, Person),
}


def current_row(section: Section, key: tuple[Any, ...], on: date) -> Versioned | None:
    """Return the row of a key that holds on a day."""
    columns = dict(zip(section.model.KEY, key, strict=True))
    rows = section.model._default_manager.filter(**columns)
    return as_of(rows, on).first()


__all__ = ["SECTIONS", "Section", "current_row"]
