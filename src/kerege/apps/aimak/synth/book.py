"""The book of a block: all its tables, still as numpy columns, before mistakes go in."""

from dataclasses import dataclass, field

import numpy as np

from kerege.apps.aimak.synth import belongings, pins
from kerege.apps.aimak.synth.addresses import Addresses, addresses, nationalities
from kerege.apps.aimak.synth.ages import YEAR, day_number, people
from kerege.apps.aimak.synth.belongings import Rows
from kerege.apps.aimak.synth.columns import NOTHING, Words, where
from kerege.apps.aimak.synth.facts import Floats, Ints, pick, read, stream
from kerege.apps.aimak.synth.households import gather
from kerege.apps.aimak.synth.kinship import connect
from kerege.apps.aimak.synth.plan import Block, Plan
from kerege.apps.aimak.synth.residents import Residents, residents
from kerege.apps.aimak.synth.vocabulary import NATIONALITIES, vocabulary

ID_ROOM = 1 << 17
"""Identifiers of a block: twice the people it can have, for the dead and for duplicates."""
WIDTH = {"land_plots": 8, "livestock": 8}
"""Identifiers of a block in tables that have more rows than it has people."""
OCCUPATIONS: tuple[str, ...] = (
    "farmer",
    "public",
    "trade",
    "builder",
    "driver",
    "service",
    "abroad",
    "none",
    "child",
    "pupil",
    "student",
    "pensioner",
)
EDUCATION: tuple[str, ...] = (
    "none",
    "primary",
    "basic",
    "secondary",
    "vocational",
    "higher",
)
ABSENCES = ("work_abroad", "work", "study", "army", "treatment", "prison")
PIN_STATUS = ("active", "replaced", "blocked")
_CHILD, _PUPIL, _STUDENT, _PENSIONER = range(8, 12)
_KYRGYZ_PENSION_MAN, _KYRGYZ_PENSION_WOMAN = 63, 58


@dataclass(slots=True)
class Memberships:
    """Who belongs to which household, as what, from when to when."""

    household: Ints
    person: Ints
    relation: Ints
    valid_from: Ints
    valid_to: Ints


@dataclass(slots=True)
class Pins:
    """PINs with their history; `texts` are those that are not 14 digits."""

    person: Ints
    digits: pins.Digits
    status: Ints
    valid_from: Ints
    valid_to: Ints
    texts: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Book:
    """Everything of a block; persons and households are numbered from 0."""

    block: Block
    today: int
    people: Residents
    given: Words
    surname: Words
    patronymic: Words
    education: Ints
    occupation: Ints
    memberships: Memberships
    absences: Rows
    """Its `household` column holds persons."""
    pins: Pins
    address: Addresses
    unit: Words
    """The code of the settlement, of each household."""
    opened: Ints
    dwellings: Rows
    land: Rows
    livestock: Rows
    machinery: Rows
    added: int = 0
    """Households at the end that nobody lives in."""

    @property
    def households(self) -> int:
        """Return how many households there are."""
        return len(self.opened)

    @property
    def first_id(self) -> int:
        """Return the identifier of row 0 of each table."""
        return self.block.index * ID_ROOM + 1


def make_book(plan: Plan, block: Block) -> Book:
    """Return the block's book, right in everything."""
    rng = stream(plan.seed, 100, block.index)
    today = day_number(plan.on)
    born, woman = people(rng, block.persons, today)
    kin = connect(rng, born, woman, today, town=block.town)
    homes = gather(rng, kin)
    sizes = np.bincount(homes.of, minlength=homes.count)
    address = addresses(rng, block, sizes)
    nationality = nationalities(rng, block, address.part)[homes.of]
    them = residents(rng, kin, homes, nationality, today)
    names = vocabulary()
    town = np.full(homes.count, block.town)
    muslim = np.ones(homes.count, dtype=np.bool_)
    muslim[homes.of[nationality == NATIONALITIES.index("russian")]] = False
    opened = _opened(rng, them, homes.count, today)
    return Book(
        block,
        today,
        them,
        Words(names.given, them.given),
        Words(names.surnames, them.surname),
        Words(names.patronymics, them.patronymic),
        *_schooling(rng, them, today, town=block.town),
        _memberships(rng, them, opened),
        _absences(rng, them, today),
        _pins(rng, plan, block, them, today),
        address,
        Words([p.settlement.code for p in block.parts], address.part.copy()),
        opened,
        belongings.dwellings(rng, address.in_flat, sizes, plan.on.year),
        belongings.land(rng, town, address.in_flat, sizes),
        belongings.livestock(rng, town, muslim),
        belongings.machinery(rng, town, plan.on.year),
    )


def _opened(rng: np.random.Generator, them: Residents, count: int, today: int) -> Ints:
    """Return since when each household is in the book: before any of its dead died."""
    years = read("country.toml")["register"]["oldest_entry_years"]
    opened: Ints = (
        today - np.floor(rng.random(count) * years * YEAR).astype(np.int64) - 30
    )
    dead = where(them.died != NOTHING)
    np.minimum.at(opened, them.household[dead], them.died[dead] - 30)
    return opened


def _memberships(
    rng: np.random.Generator, them: Residents, opened: Ints
) -> Memberships:
    start = opened[them.household]
    return Memberships(
        them.household.copy(),
        np.arange(len(them)),
        them.relation.copy(),
        np.maximum(start, them.born),
        them.died.copy(),
    )


def _ages(them: Residents, today: int) -> Floats:
    return np.asarray((today - them.born) / YEAR)


def _schooling(
    rng: np.random.Generator, them: Residents, today: int, *, town: bool
) -> tuple[Ints, Ints]:
    facts = read("country.toml")
    place = "town" if town else "village"
    ages, count = _ages(them, today), len(them)
    education = pick(rng, np.array(facts["education"][place]), count)
    education = np.where(ages < 18, 2, education)
    education = np.where(ages < 15, 1, education)
    education = np.where(ages < 11, 0, education)
    work = pick(rng, np.array(facts["occupation"][place]), count)
    pension = np.where(them.woman, _KYRGYZ_PENSION_WOMAN, _KYRGYZ_PENSION_MAN)
    work = np.where(ages >= pension, _PENSIONER, work)
    work = np.where((ages < 23) & (rng.random(count) < 0.35), _STUDENT, work)
    work = np.where(ages < 18, _PUPIL, work)
    return education, np.where(ages < 7, _CHILD, work)


def _absences(rng: np.random.Generator, them: Residents, today: int) -> Rows:
    share = read("country.toml")["register"]["absent"]
    ages = _ages(them, today)
    able = (them.died == NOTHING) & (ages > 18) & (ages < 60)
    away = where(able & (rng.random(len(them)) < share / 0.52))
    why = pick(rng, np.array([0.68, 0.14, 0.10, 0.04, 0.03, 0.01]), len(away))
    began = today - np.floor(rng.gamma(1.5, 400.0, len(away))).clip(1, 5000)
    ended = np.where(rng.random(len(away)) < 0.3, today - 1, NOTHING)
    started = np.maximum(began.astype(np.int64), them.born[away] + 6000)
    ended = np.where(ended <= started, NOTHING, ended)
    return Rows(away, {"valid_from": started, "valid_to": ended, "reason": why})


def _pins(
    rng: np.random.Generator, plan: Plan, block: Block, them: Residents, today: int
) -> Pins:
    facts = read("country.toml")["register"]
    count = len(them)
    draws = rng.random(count)
    numbers = pins.serials(them.born, them.woman, block.index, len(plan.blocks))
    digits = pins.digits(them.born, them.woman, numbers)
    given = np.maximum(them.born + 2, day_number(plan.on.replace(year=1996, day=1)))
    new = today - them.born < 3  # within three working days of the birth
    changed = where(~new & (draws < facts["pin_changed"]) & (given < today - 400))
    blocked = ~new & (draws > 1 - facts["pin_blocked"])
    have = where(~new)
    status = np.where(blocked, 2, 0)
    when = today - 1 - np.floor(rng.random(len(changed)) * 380).astype(np.int64)
    old = digits[changed].copy()
    odd = 1 + 2 * rng.integers(0, 5, len(changed))
    old[:, -1] = (old[:, -1] - ord("0") + odd) % 10 + ord("0")
    begin = given.copy()
    begin[changed] = when
    return Pins(
        np.concatenate((have, changed)),
        np.concatenate((digits[have], old)),
        np.concatenate((status[have], np.full(len(changed), 1))),
        np.concatenate((begin[have], given[changed])),
        np.concatenate((np.full(len(have), NOTHING), when)),
    )
