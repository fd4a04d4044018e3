"""What a reader of the book gets: frozen values, codes not yet named."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class UnitName:
    """A unit with its names."""

    code: str
    level: str
    name_ky: str
    name_ru: str
    name_en: str

    def name(self, language: str) -> str:
        """Return the name in a language, or the Russian one, which all have."""
        names = {"ky": self.name_ky, "ru": self.name_ru, "en": self.name_en}
        return names.get(language) or self.name_ru or self.name_ky


@dataclass(frozen=True, slots=True)
class Address:
    """Where a household lives."""

    units: tuple[UnitName, ...] = ()
    """From the region down to the village or town."""
    unit_code: str = ""
    street_id: str = ""
    street_ky: str = ""
    street_ru: str = ""
    street_en: str = ""
    house: str = ""
    flat: str = ""

    def street(self, language: str) -> str:
        """Return the street's name in a language, or one of those it has."""
        names = {"ky": self.street_ky, "ru": self.street_ru, "en": self.street_en}
        return names.get(language) or self.street_ru or self.street_ky


@dataclass(frozen=True, slots=True)
class Away:
    """A temporary absence."""

    since: date | None
    until: date | None
    reason: str
    place: str
    country: str


@dataclass(frozen=True, slots=True)
class Named:
    """A person as lists show them."""

    person_id: int
    """Our own; never in a URL or an answer."""
    public_id: str
    surname: str = ""
    given_name: str = ""
    patronymic: str = ""
    suffix: str = ""
    sex: str = ""
    birth_date: date | None = None
    birth_precision: str = "day"
    death_date: date | None = None
    pin: str = ""
    is_hidden: bool = False
    """A protected person: no name, no date, no PIN, and `public_id` is empty."""

    @property
    def full_name(self) -> str:
        """Surname, given name and patronymic, as the book has them."""
        parts = (self.surname, self.given_name, self.patronymic, self.suffix)
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a household."""

    person: Named
    relation: str
    is_head: bool
    since: date | None
    until: date | None
    away: Away | None = None


@dataclass(frozen=True, slots=True)
class DwellingLine:
    """A dwelling of a household."""

    line: int
    kind: str
    wall_material: str
    ownership: str
    year_built: int | None
    rooms: int | None
    area_m2: Decimal | None
    cadastre_code: str
    heating: str
    water: str


@dataclass(frozen=True, slots=True)
class LandLine:
    """A plot of land."""

    line: int
    kind: str
    ownership: str
    area_m2: Decimal | None
    irrigated: bool | None
    cadastre_code: str


@dataclass(frozen=True, slots=True)
class LivestockLine:
    """Animals of one species, sex and age group."""

    species: int
    sex: str
    age_group: str
    count: int


@dataclass(frozen=True, slots=True)
class MachineLine:
    """Machines of one kind."""

    line: int
    kind: str
    make: str
    year_built: int | None
    count: int


@dataclass(frozen=True, slots=True)
class SocialPassportCard:
    """The social passport of a household."""

    number: str
    category: str
    income_per_person: Decimal | None
    needs: str
    since: date | None


@dataclass(frozen=True, slots=True)
class HouseholdCard:
    """A household on a day."""

    household_id: int
    public_id: str
    version: int
    """For forms: `kerege.apps.aimak.actions.lock`."""
    office_id: int
    on: date
    number: str
    kind: str
    address: Address
    since: date | None
    members: tuple[Member, ...]
    """The head first, then by age."""
    dwellings: tuple[DwellingLine, ...] = ()
    land: tuple[LandLine, ...] = ()
    livestock: tuple[LivestockLine, ...] = ()
    machinery: tuple[MachineLine, ...] = ()
    social_passport: SocialPassportCard | None = None
    warnings: tuple[str, ...] = ()
    """What the book should not say: ``no_head``, ``two_heads``, ``dead_member``."""


@dataclass(frozen=True, slots=True)
class PersonCard:
    """A person on a day."""

    person: Named
    version: int
    office_id: int
    on: date
    facts: dict[str, object]
    """All columns of `PersonFacts` that are not times or keys."""
    pin_status: str
    earlier_pins: tuple[str, ...]
    household_public_id: str
    """Empty: in none, or hidden."""
    relation: str
    address: Address | None
    away: Away | None
    protections: tuple[str, ...]
    """Shown to those who see them; else empty."""


@dataclass(frozen=True, slots=True)
class FamilyMember:
    """One of a family, as the service tells it."""

    surname: str
    given_name: str
    patronymic: str
    relation: str
    sex: str
    birth_date: date | None
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class AddressFact:
    """Where somebody in fact lives, as the service tells it."""

    pin: str
    since: date | None
    address: Address
