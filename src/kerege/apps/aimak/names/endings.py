"""Endings of surnames and patronymics, told apart from the stem.

Асанов and Асанова are one surname, written for a man and for a woman; Асан уулу and
Асан кызы say whose son and daughter somebody is, as a word of its own or joined
(Асануулу). A search compares stems, then whether the endings go together.

All is done on folded names, so every spelling of an ending is one: -ова, -ova; -ская,
-skaya, -skaia; -ович, -ovich; уулу, uulu; кызы, kyzy, kizi.
"""

import re
from dataclasses import dataclass
from enum import Enum


class Gender(Enum):
    """Whom an ending speaks of."""

    MALE = "male"
    FEMALE = "female"


@dataclass(frozen=True, slots=True)
class Ending:
    """What a name ends with."""

    family: str
    """The same for both genders: `ov`, `ev`, `in`, `ski`, `ulu` or a patronymic."""
    gender: Gender


@dataclass(frozen=True, slots=True)
class Stem:
    """A folded name without its ending."""

    stem: str
    ending: Ending | None


_FORMS = {
    "ovic": ("ov-patronymic", Gender.MALE),
    "ovna": ("ov-patronymic", Gender.FEMALE),
    "evic": ("ev-patronymic", Gender.MALE),
    "evna": ("ev-patronymic", Gender.FEMALE),
    "skaia": ("ski", Gender.FEMALE),
    "ski": ("ski", Gender.MALE),
    "ulu": ("ulu", Gender.MALE),
    "kizi": ("ulu", Gender.FEMALE),
    "ova": ("ov", Gender.FEMALE),
    "ov": ("ov", Gender.MALE),
    "eva": ("ev", Gender.FEMALE),
    "ev": ("ev", Gender.MALE),
    "ina": ("in", Gender.FEMALE),
    "in": ("in", Gender.MALE),
}
_SHORTEST = {"in": 4}
"""Many given names end like a surname in -ин (Алтын, Амина): they keep it."""
_SHORTEST_STEM = 3
"""Усов and Лина are not taken apart: nothing that names would be left."""
_ENDING = re.compile(f"(?:{'|'.join(_FORMS)})$")
_MARKERS = {
    "ulu": Gender.MALE,
    "uli": Gender.MALE,
    "oglu": Gender.MALE,
    "ogli": Gender.MALE,
    "kizi": Gender.FEMALE,
}
"""Words that say son and daughter: Kyrgyz, and as neighbours write them."""


def marker(folded: str) -> Gender | None:
    """Return the gender that a word `уулу` or `кызы` tells; None for other words."""
    return _MARKERS.get(folded)


def split_ending(folded: str) -> Stem:
    """Take a folded name apart. Never raises; most given names have no ending."""
    match = _ENDING.search(folded)
    if match is None:
        return Stem(folded, None)
    family, gender = _FORMS[match.group()]
    if match.start() < _SHORTEST.get(family, _SHORTEST_STEM):
        return Stem(folded, None)
    return Stem(folded[: match.start()], Ending(family, gender))


def go_together(first: Ending | None, second: Ending | None) -> bool:
    """Tell whether two endings can belong to one name, of whatever gender."""
    if first is None or second is None:
        return first is second
    return first.family == second.family
