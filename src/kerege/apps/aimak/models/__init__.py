"""The register's tables: anchors, versions of facts, and the changes that made them.

An *anchor* (a person, a household, a street) is only an identity. Everything that is
known of it is a row of a *version* table with two times: the days on which it was so
(`valid_from`, `valid_to`) and the time in which the register believed it (`recorded_at`,
`superseded_at`). Rows are added and superseded by a `Change`; nothing is overwritten and
nothing is deleted. The rules are in `kerege.apps.aimak.history`, and only there.
"""

from kerege.apps.aimak.models.anchors import Household, Person
from kerege.apps.aimak.models.changes import Change, ChangeKind, Touch
from kerege.apps.aimak.models.households import (
    Absence,
    HouseholdFacts,
    Membership,
    SocialPassport,
)
from kerege.apps.aimak.models.persons import (
    BirthPrecision,
    PersonFacts,
    PersonPin,
    PinStatus,
    Protection,
    ProtectionKind,
    Sex,
)
from kerege.apps.aimak.models.places import Level, Street, StreetName, Unit
from kerege.apps.aimak.models.property import Dwelling, LandPlot, Livestock, Machinery
from kerege.apps.aimak.models.versioned import Versioned

VERSIONED: tuple[type[Versioned], ...] = (
    PersonFacts,
    PersonPin,
    Protection,
    HouseholdFacts,
    Membership,
    Absence,
    SocialPassport,
    Dwelling,
    LandPlot,
    Livestock,
    Machinery,
    Unit,
    StreetName,
)
"""All version tables, in an order in which they can be filled."""

__all__ = [
    "VERSIONED",
    "Absence",
    "BirthPrecision",
    "Change",
    "ChangeKind",
    "Dwelling",
    "Household",
    "HouseholdFacts",
    "LandPlot",
    "Level",
    "Livestock",
    "Machinery",
    "Membership",
    "Person",
    "PersonFacts",
    "PersonPin",
    "PinStatus",
    "Protection",
    "ProtectionKind",
    "Sex",
    "SocialPassport",
    "Street",
    "StreetName",
    "Touch",
    "Unit",
    "Versioned",
]
