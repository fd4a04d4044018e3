"""The plan of a country: its size, its day, its units, and the blocks it is made in.

A block is some whole villages, or a part of a town. It has a stream of random numbers of
its own, so that blocks can be made in any order, at the same time, or alone.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kerege.apps.aimak.synth import units as administrative
from kerege.apps.aimak.synth.facts import read
from kerege.apps.aimak.synth.units import Settlement, Unit

BLOCK_PERSONS = 65_536
"""People of a block, but for the last village: arrays of half a megabyte, which stay in
the processor's cache, and row groups that Parquet's readers like."""
MAX_PERSONS = 50_000_000
"""More than seven times the country: with more, a block has too few numbers for PINs."""
MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Part:
    """The people of one settlement in a block."""

    settlement: Settlement
    number: int
    """Of the part, from 0: a town has several."""
    persons: int


@dataclass(frozen=True, slots=True)
class Block:
    """What is made at a time."""

    index: int
    town: bool
    parts: tuple[Part, ...]

    @property
    def persons(self) -> int:
        """Return how many people live in it."""
        return sum(part.persons for part in self.parts)


@dataclass(frozen=True, slots=True)
class Plan:
    """A country before it is made."""

    persons: int
    seed: int
    on: date
    """The day on which the register is looked at: ages count from it."""
    clean: bool
    """Without planted defects and duplicates."""
    units: tuple[Unit, ...]
    blocks: tuple[Block, ...]


def make_plan(
    persons: int,
    seed: int,
    *,
    on: date | None = None,
    clean: bool = False,
    units_file: Path | None = None,
    urban_share: float | None = None,
) -> Plan:
    """Return the plan of a country.

    Args:
        persons: how many people live in it, exactly; the dead and second records come on
            top.
        seed: the same one gives the same country.
        on: the day it is looked at; that of the population figures if None.
        clean: leave out defects and duplicates.
        units_file: CSV of regions, districts and towns; our own list if None.
        urban_share: share of townspeople; that of the census if None.

    Raises:
        ValueError: a number is out of its bounds.
        UnitsFileError: the file of units cannot be used.
    """
    if not 1 <= persons <= MAX_PERSONS:
        message = f"A country has 1 to {MAX_PERSONS:,} people, not {persons:,}"
        raise ValueError(message)
    if not 0 <= seed <= MAX_SEED:
        message = f"A seed is a whole number from 0 to {MAX_SEED}, not {seed}"
        raise ValueError(message)
    own = administrative.own_units
    above = administrative.read_units(units_file) if units_file else own()
    units, settlements = administrative.settle(persons, seed, above, urban_share)
    day = on or read("country.toml")["population"]["on"]
    blocks = tuple(_blocks(settlements))
    return Plan(persons, seed, day, clean, tuple(units), blocks)


def _blocks(settlements: list[Settlement]) -> list[Block]:
    blocks: list[Block] = []
    parts: list[Part] = []
    for part in (part for each in settlements for part in _parts(each)):
        full = sum(p.persons for p in parts) + part.persons > BLOCK_PERSONS
        other = parts and parts[0].settlement.town is not part.settlement.town
        if parts and (full or other):
            blocks.append(_block(len(blocks), parts))
            parts = []
        parts.append(part)
    if parts:
        blocks.append(_block(len(blocks), parts))
    return blocks


def _block(index: int, parts: list[Part]) -> Block:
    return Block(index, parts[0].settlement.town, tuple(parts))


def _parts(settlement: Settlement) -> list[Part]:
    count = -(-settlement.persons // BLOCK_PERSONS)
    whole, more = divmod(settlement.persons, count)
    return [
        Part(settlement, number, whole + (number < more)) for number in range(count)
    ]
