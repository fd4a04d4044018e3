"""Where households live: settlement, street, house and flat, and their number in the book."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from kerege.apps.aimak.synth.columns import where
from kerege.apps.aimak.synth.facts import Bools, Ints, read
from kerege.apps.aimak.synth.plan import Block

HOUSES_OF_STREET = 40
FLATS_OF_HOUSE = 60


@dataclass(slots=True)
class Addresses:
    """One row for each household of a block."""

    part: Ints
    """Place of its settlement among the block's parts."""
    number: Ints
    """In its part, from 1, without gaps."""
    street: Ints
    """Place in `streets()`."""
    house: Ints
    flat: Ints
    """0 where the house has none."""

    @property
    def in_flat(self) -> Bools:
        """Say who lives in a flat."""
        return self.flat > 0


def streets() -> list[str]:
    """Return the names of streets."""
    text: str = read("names.toml")["places"]["streets"]
    return text.split()


def addresses(rng: np.random.Generator, block: Block, sizes: Ints) -> Addresses:
    """Return an address for each household; `sizes` are their people.

    Households go to the settlements in turn until each has the people of its part, so a
    settlement has them to within one household.
    """
    bounds = np.cumsum([part.persons for part in block.parts])
    first = np.cumsum(sizes) - sizes
    part = np.searchsorted(bounds, first + sizes // 2, side="right")
    part = np.minimum(part, len(bounds) - 1)
    starts = np.searchsorted(part, np.arange(len(bounds)))
    rank = np.arange(len(sizes)) - starts[part]
    group = rank // (FLATS_OF_HOUSE if block.town else HOUSES_OF_STREET)
    within = rank % (FLATS_OF_HOUSE if block.town else HOUSES_OF_STREET)
    known = len(streets())
    turn = group + np.array([1000 * p.number for p in block.parts])[part]
    shift = np.array([crc32(p.settlement.code.encode()) for p in block.parts])[part]
    lap = turn // known
    share = read("country.toml")["property"]["flats_in_town"]
    flats = rng.random(len(block.parts) * (int(group.max(initial=0)) + 1)) < share
    in_flat = flats[part * (int(group.max(initial=0)) + 1) + group] & block.town
    house = np.where(in_flat, 200 + lap, within + 1 + FLATS_OF_HOUSE * lap)
    return Addresses(
        part,
        rank + 1,
        (turn + shift) % known,
        house,
        np.where(in_flat, within + 1, 0),
    )


def nationalities(rng: np.random.Generator, block: Block, part: Ints) -> Ints:
    """Return a nationality for each household, as its region has them."""
    facts = read("country.toml")["nationalities"]
    found = np.zeros(len(part), dtype=np.int64)
    draws = rng.random(len(part))
    regions = [p.settlement.region for p in block.parts]
    for region in dict.fromkeys(regions):
        edges = np.cumsum(facts.get(region, facts["other"]), dtype=np.float64)
        at = where(np.array([each == region for each in regions])[part])
        places = np.searchsorted(edges, draws[at] * edges[-1], side="right")
        found[at] = np.minimum(places, len(edges) - 1)
    return found
