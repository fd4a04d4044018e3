"""What households own: dwelling, land, livestock, machines."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerege.apps.aimak.synth.columns import Words, where
from kerege.apps.aimak.synth.facts import Bools, Floats, Ints, pick, read

DWELLINGS = ("house", "flat", "hostel")
WALLS = ("adobe", "brick", "panel", "wood", "block")
HEATING = ("stove_coal", "stove_dung", "central", "gas", "electric")
WATER = ("in_house", "in_yard", "street_pump", "spring")
HELD = ("own", "lease", "use")
SEXES = ("F", "M")
MACHINES: tuple[str, ...] = ("tractor", "combine", "lorry", "car", "trailer", "mower")
AGES = tuple(f"{half / 2:g}" for half in range(61))
"""Ages of animals as the livestock register writes them: half years, as text."""
_WATER = (0.34, 0.36, 0.24, 0.06)


@dataclass(slots=True)
class Rows:
    """Rows of one table that belong to households: their places, and the columns."""

    household: Ints
    columns: dict[str, Any]

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.household)


def dwellings(rng: np.random.Generator, in_flat: Bools, sizes: Ints, year: int) -> Rows:
    """Return the dwelling of each household."""
    count = len(sizes)
    kind = np.where(in_flat, 1, 0)
    kind[rng.random(count) < 0.004] = 2
    walls = pick(rng, np.array([0.55, 0.22, 0.02, 0.06, 0.15]), count)
    walls = np.where(kind == 0, walls, pick(rng, np.array([0.0, 0.45, 0.55]), count))
    rooms = np.clip(rng.poisson(1.2 + 0.45 * sizes), 1, 12)
    heating = pick(rng, np.array([0.52, 0.22, 0.0, 0.06, 0.20]), count)
    water = np.where(kind == 0, pick(rng, np.array(_WATER), count), 0)
    area = np.round(rooms * (14 + 8 * rng.random(count)), 1)
    return Rows(
        np.arange(count),
        {
            "kind": kind,
            "rooms": rooms,
            "area_m2": area,
            "walls": walls,
            "heating": np.where(kind == 0, heating, 2),
            "water": water,
            "built": year
            - np.floor(rng.gamma(2.2, 15.0, count)).clip(0, 110).astype(int),
        },
    )


def land(rng: np.random.Generator, town: Bools, in_flat: Bools, sizes: Ints) -> Rows:
    """Return the plots of each household, by kind."""
    facts = read("country.toml")["property"]
    households, kinds = _chosen(rng, facts, ("land_in_village", "land_in_town"), town)
    keep = ~(in_flat[households] & (kinds == 0))
    households, kinds = households[keep], kinds[keep]
    count = len(kinds)
    mean = np.array(facts["land_hectares"])[kinds]
    area = mean * np.exp(rng.normal(0, 0.45, count) - 0.1)
    area = np.where(kinds == 1, area * np.sqrt(sizes[households] / 4.6), area)
    return Rows(
        households,
        {
            "kind": np.array(facts["land_kinds"])[kinds],
            "area_hectares": np.maximum(np.round(area, 2), 0.02),
            "held": np.where((kinds == 2) | (kinds == 4), 1, 0),
        },
    )


def livestock(rng: np.random.Generator, town: Bools, muslim: Bools) -> Rows:
    """Return herds by species, sex and age: males are fewer and young."""
    facts = read("country.toml")["property"]
    households, kinds = _chosen(rng, facts, ("keep_in_village", "keep_in_town"), town)
    keep = ~(muslim[households] & (kinds == 3))
    households, kinds = households[keep], kinds[keep]
    herd = 1 + rng.poisson(rng.gamma(1.3, np.array(facts["head_mean"])[kinds] / 1.3))
    oldest = np.array(facts["oldest"])[kinds]
    parts = []
    for share, male, top in ((0.5, 0, 1.0), (0.3, 0, 0.35), (0.2, 1, 0.4)):
        heads = rng.binomial(herd, share)
        age = 0.5 + rng.random(len(herd)) * (oldest * top - 0.5)
        parts.append((households, kinds, heads, np.full(len(herd), male), age))
    columns = [np.concatenate(each) for each in zip(*parts, strict=True)]
    some = where(columns[2] > 0)
    some = some[np.lexsort((columns[1][some], columns[0][some]))]
    household, kind, counts, males, ages = (column[some] for column in columns)
    bees = kind == 5
    return Rows(
        household,
        {
            "species": np.array(facts["species"])[kind],
            "sex": np.where(bees, -1, males),
            "age_text": Words(AGES, np.where(bees, -1, np.round(ages * 2)).astype(int)),
            "heads": counts,
        },
    )


def machinery(rng: np.random.Generator, town: Bools, year: int) -> Rows:
    """Return machines and vehicles."""
    facts = read("country.toml")["property"]
    names = ("machines_in_village", "machines_in_town")
    households, kinds = _chosen(rng, facts, names, town)
    made = year - np.floor(rng.gamma(3.0, 6.0, len(kinds))).clip(0, 55).astype(int)
    return Rows(households, {"kind": kinds, "made": made})


def _chosen(
    rng: np.random.Generator, facts: dict[str, Any], names: tuple[str, str], town: Bools
) -> tuple[Ints, Ints]:
    """Return households and kinds of thing, drawn by the share that has each kind."""
    village, urban = (np.array(facts[name], dtype=np.float64) for name in names)
    chance: Floats = np.where(town[:, None], urban, village)
    households, kinds = np.nonzero(rng.random(chance.shape) < chance)
    return households.astype(np.int64), kinds.astype(np.int64)
