"""The lawful Latin spellings of a Cyrillic name.

A Kyrgyz name has several: the rule for geographic names, passports of yesterday and
today, and the tables that other countries use, and each rule leaves some letters open.
Which rules there are, from when and by what source is data: `romanisation.toml`. A
document is compared with the set of all, never with one of them. A citizen may also ask
for a spelling of their own, so a spelling outside the set is odd, not wrong.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from itertools import product

from .alphabet import MAX_NAME_CHARS, clean

MAX_VARIANTS = 128
"""Variants of one name; the rules as they stand make fewer for any name."""

PASSPORT = "passport"
"""The rule of the spelling that is proposed first, since it is on most documents."""


@dataclass(frozen=True, slots=True)
class Romanisation:
    """One rule for writing Kyrgyz in Latin letters."""

    id: str
    name: str
    source: str
    letters: Mapping[str, tuple[str, ...]]
    """Each Cyrillic letter and its spellings, the usual one first."""
    start: date | None
    end: date | None
    """The last day; None while it holds."""


@cache
def romanisations() -> tuple[Romanisation, ...]:
    """Return the rules that came with the program, in the order of their file."""
    file = resources.files(__package__) / "romanisation.toml"
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    plain = {letter: tuple(found) for letter, found in data["plain"].items()}
    return tuple(
        Romanisation(
            id=system["id"],
            name=system["name"],
            source=system["source"],
            letters=plain | {k: tuple(v) for k, v in system["letters"].items()},
            start=system.get("from"),
            end=system.get("until"),
        )
        for system in data["systems"]
    )


def latin_variants(name: str) -> tuple[str, ...]:
    """Return the lawful Latin spellings of a Cyrillic name, the passport's first.

    Each has a capital where the name has one. Characters that no rule knows stay as they
    are, so a Latin name has one variant: itself. Never raises; at most `MAX_VARIANTS`,
    of the name's first `MAX_NAME_CHARS` characters.
    """
    first = sorted(romanisations(), key=lambda system: system.id != PASSPORT)
    found: dict[str, None] = {}
    for system in first:
        for spelling in _choices(name, system):
            found[_written(name, spelling)] = None
            if len(found) == MAX_VARIANTS:
                return tuple(found)
    return tuple(found)


def passport_spelling(name: str) -> str:
    """Return the Latin spelling that a passport issued today most likely has."""
    return latin_variants(name)[0]


def is_lawful(latin: str, name: str) -> bool:
    """Tell whether a Latin spelling is one of the name's, whatever its capitals."""
    return clean(latin) in {clean(variant) for variant in latin_variants(name)}


def _choices(name: str, system: Romanisation) -> list[dict[str, str]]:
    """Return each way to choose one spelling for each letter of the name."""
    used = [c for c in dict.fromkeys(clean(name)) if c in system.letters]
    spellings = product(*(system.letters[letter] for letter in used))
    return [dict(zip(used, chosen, strict=True)) for chosen in spellings]


def _written(name: str, spelling: Mapping[str, str]) -> str:
    original = name[:MAX_NAME_CHARS]
    shouted = original.isupper() and len(original) > 1
    parts = []
    for character in original:
        lower = character.lower()
        latin = spelling.get(lower)
        if latin is None:
            parts.append(character)
        elif character == lower:
            parts.append(latin)
        else:
            parts.append(latin.upper() if shouted else latin.capitalize())
    return "".join(parts)
