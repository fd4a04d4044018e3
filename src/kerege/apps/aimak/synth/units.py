"""The administrative units: SOATE codes on four levels, and who lives where.

A code is `417 | RR | DDD | AAA | VVV`: region, district (2xx) or town (4xx), ayil aimak
(8xx), village (010, 020, ...); the parent's code is the code with the lower groups zeroed.
Regions, towns and districts are real names and codes; ayil aimaks and villages are made.
"""

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerege.apps.aimak.synth.facts import read, shares, stream, table

LEVELS = ("region", "district", "town", "aimak", "village")
MAX_UNITS_FILE_BYTES = 5_000_000
"""The official list has 2,500 lines of less than 200 bytes."""
MAX_AIMAKS = 33
"""Ayil aimaks of a district: as many codes 8xx as there are in steps of three."""
MAX_VILLAGES = 99
"""Villages of an ayil aimak: as many codes 010, 020, ... as there are."""
_UNITS, _NAMES = 1, 2  # places of their streams of random numbers


class UnitsFileError(ValueError):
    """The file of administrative units cannot be used; the text says which line."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One administrative unit."""

    code: str
    parent: str
    """Empty for a region."""
    level: str
    """One of `LEVELS`."""
    name_ru: str
    name_ky: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """A place where people live: a village, a town, a district of a city."""

    code: str
    office: str
    """The unit that keeps its book: the ayil aimak, or the town itself."""
    region: str
    """Two digits of the code."""
    town: bool
    persons: int


def read_units(path: Path) -> list[Unit]:
    """Return the units of a CSV file with the columns code,parent,level,name_ru.

    Raises UnitsFileError with the line that cannot be used.
    """
    if path.stat().st_size > MAX_UNITS_FILE_BYTES:
        message = f"{path} has more than {MAX_UNITS_FILE_BYTES} bytes: no list of units"
        raise UnitsFileError(message)
    try:
        units = _read_rows(path)
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"{path} is no CSV file in UTF-8: {error}"
        raise UnitsFileError(message) from error
    if not units:
        message = f"{path} has no units: it needs the columns code,parent,level,name_ru"
        raise UnitsFileError(message)
    return units


def _read_rows(path: Path) -> list[Unit]:
    known = {row[0]: row[4] for row in table("units.tsv")}
    units: list[Unit] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            code, level = row.get("code") or "", row.get("level") or ""
            if len(code) != 14 or not code.isdecimal() or level not in LEVELS:
                message = (
                    f"{path}, line {len(units) + 2}: a unit needs a code of 14 digits "
                    f"and a level out of {', '.join(LEVELS)}"
                )
                raise UnitsFileError(message)
            name = row.get("name_ru") or ""
            parent = row.get("parent") or ""
            units.append(Unit(code, parent, level, name, known.get(code, name)))
    return units


def own_units() -> list[Unit]:
    """Return the regions, towns and districts that come with this program."""
    return [Unit(*row[:5]) for row in table("units.tsv")]


def settle(
    persons: int, seed: int, above: list[Unit], urban_share: float | None = None
) -> tuple[list[Unit], list[Settlement]]:
    """Return all units and the settlements with their people, towns first.

    Args:
        persons: how many people there are.
        seed: of the random numbers.
        above: regions, towns and districts (and ayil aimaks and villages, where known).
        urban_share: of townspeople; that of the census if None.
    """
    facts = read("country.toml")["population"]
    share = facts["urban_share"] if urban_share is None else urban_share
    weights = {row[0]: (float(row[5]), float(row[6])) for row in table("units.tsv")}
    parents = {unit.parent for unit in above}
    towns = [u for u in above if _is_town(u, parents)]
    districts = [u for u in above if u.level == "district" and u not in towns]
    urban = round(persons * share) if towns else 0
    if not districts:
        urban = persons
    in_town = shares(
        urban, np.array([weights.get(u.code, (40.0, 0))[0] for u in towns])
    )
    settlements = [
        Settlement(u.code, u.code, u.code[3:5], True, int(count))
        for u, count in zip(towns, in_town, strict=True)
    ]
    rural = np.array([weights.get(u.code, (0, 100.0))[1] for u in districts])
    made, villages = _countryside(persons - urban, seed, districts, rural)
    known = {unit.code for unit in above}
    units = above + [unit for unit in made if unit.code not in known]
    return units, [s for s in settlements + villages if s.persons]


def _is_town(unit: Unit, parents: set[str]) -> bool:
    """Say if townspeople live there: a town, or a city and its districts."""
    city = unit.code[3] in "12" and unit.code[3:5] in {"11", "21"}
    if unit.level == "region":
        return city and unit.code not in parents
    return unit.level == "town" or (unit.level == "district" and city)


def _countryside(
    persons: int, seed: int, districts: list[Unit], weights: np.ndarray
) -> tuple[list[Unit], list[Settlement]]:
    if not districts or not persons:
        return [], []
    rng = stream(seed, _UNITS)
    facts = read("country.toml")["population"]
    wanted = max(1, round(persons / facts["persons_per_aimak"]))
    counts = np.minimum(shares(wanted, weights), MAX_AIMAKS)
    people = shares(persons, weights * (counts > 0))
    units: list[Unit] = []
    settlements: list[Settlement] = []
    names = _place_names(seed)
    for district, count, inside in zip(districts, counts, people, strict=True):
        if not count:
            continue
        sizes = shares(int(inside), np.exp(rng.normal(0, 0.42, count)))
        for number, size in enumerate(sizes, start=1):
            code = f"{district.code[:8]}{800 + 3 * number}000"
            aimak = Unit(code, district.code, "aimak", *next(names))
            villages, living = _villages(rng, aimak, int(size), names)
            units += [aimak, *villages]
            settlements += living
    return units, settlements


def _villages(
    rng: np.random.Generator,
    aimak: Unit,
    persons: int,
    names: Iterator[tuple[str, str]],
) -> tuple[list[Unit], list[Settlement]]:
    per_village = read("country.toml")["population"]["persons_per_village"]
    count = min(MAX_VILLAGES, max(1, round(persons / per_village)))
    sizes = shares(persons, np.exp(rng.normal(0, 0.8, count)))
    codes = [f"{aimak.code[:11]}{10 * (n + 1):03d}" for n in range(count)]
    units = [
        Unit(code, aimak.code, "village", *name)
        for code, name in zip(codes, itertools.islice(names, count), strict=True)
    ]
    return units, [
        Settlement(code, aimak.code, aimak.code[3:5], False, int(size))
        for code, size in zip(codes, sizes, strict=True)
    ]


_TO_RUSSIAN = str.maketrans("ңөүҢӨҮ", "ноуНОУ")


def _place_names(seed: int) -> Iterator[tuple[str, str]]:
    """Return pairs of a Russian and a Kyrgyz name, each once before one comes again."""
    parts = read("names.toml")["places"]
    pairs = itertools.product(parts["first"].split(), parts["last"].split())
    names = [f"{first}-{last}" for first, last in pairs if first != last]
    order = stream(seed, _NAMES).permutation(len(names))
    for name in itertools.cycle(names[at] for at in order):
        yield name.translate(_TO_RUSSIAN), name
