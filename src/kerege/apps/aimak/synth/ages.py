"""Who is alive: a day of birth and a sex for each, in the shape of the country."""

from datetime import date
from functools import cache

import numpy as np

from kerege.apps.aimak.synth.facts import Bools, Floats, Ints, curve, read

YEAR = 365.2425
_EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Return days since 1970, as Arrow's date32 counts them."""
    return (day - _EPOCH).days


@cache
def pyramid() -> Floats:
    """Return the share of each year of age, 0 to 99; they add up to 1.

    The first year is that of the births a day; the rest is drawn through the middles of
    the bands of `country.toml`.
    """
    facts = read("country.toml")
    edges = np.array(facts["pyramid"]["edges"], dtype=np.float64)
    bands = np.array(facts["pyramid"]["shares"], dtype=np.float64)
    middles = (edges[1:] + edges[:-1]) / 2
    years: Floats = np.interp(np.arange(100) + 0.5, middles, bands / np.diff(edges))
    births = facts["population"]["births_per_day"] * YEAR
    newborn = births / facts["population"]["persons"]
    years[1:] *= (1 - newborn) / years[1:].sum()
    years[0] = newborn
    return years


def people(rng: np.random.Generator, count: int, today: int) -> tuple[Ints, Bools]:
    """Return days of birth and who is a woman, in no order.

    Every block has the whole pyramid: ages are drawn one from each of `count` equal
    slices of it.
    """
    slices = (np.arange(count) + rng.random(count)) / count
    edges = np.concatenate(([0.0], np.cumsum(pyramid())))
    ages = np.interp(slices, edges, np.arange(101))
    rng.shuffle(ages)
    born = today - np.floor(ages * YEAR).astype(np.int64)
    return born, rng.random(count) < curve("women", ages)
