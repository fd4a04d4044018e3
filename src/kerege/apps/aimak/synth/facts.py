"""What the synthetic country is made to look like: the files of `data/`, read once."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@cache
def read(name: str) -> dict[str, Any]:
    """Return one file of `data/` (`country.toml`, `names.toml`, `defects.toml`)."""
    return tomllib.loads(_text(name))


@cache
def table(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the rows of a file of `data/` with tabs; lines with # are comments."""
    lines = _text(name).splitlines()
    return tuple(
        tuple(line.split("\t")) for line in lines if line and not line.startswith("#")
    )


def _text(name: str) -> str:
    return (files(__package__) / "data" / name).read_text(encoding="utf-8")


def curve(name: str, ages: Floats) -> Floats:
    """Return a curve of `[families]` or `[pyramid]` at these ages, between its points."""
    country = read("country.toml")
    part = country["pyramid"] if name == "women" else country["families"]
    return np.asarray(np.interp(ages, part[f"{name}_at"], part[name]))


def pick(rng: np.random.Generator, weights: Floats, count: int) -> Ints:
    """Return `count` places in `weights`, each as often as its weight says."""
    edges = np.cumsum(weights, dtype=np.float64)
    places = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
    found: Ints = np.minimum(places, len(weights) - 1).astype(np.int64)
    return found


def shares(total: int, weights: Floats) -> Ints:
    """Return `total` divided by weight in whole numbers, the largest remainders first."""
    exact = total * weights / max(weights.sum(), 1e-12)
    whole: Ints = np.floor(exact).astype(np.int64)
    left = total - int(whole.sum())
    order = np.argsort(whole - exact, kind="stable")
    whole[order[:left]] += 1
    return whole


def stream(seed: int, *place: int) -> np.random.Generator:
    """Return the random numbers of one place of a country: the same for the same seed."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, *place])))
