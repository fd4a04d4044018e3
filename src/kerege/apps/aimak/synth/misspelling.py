"""How hands and keyboards spell a name wrongly; every function gives another spelling."""

import numpy as np

from kerege.apps.aimak.synth.facts import read

LOOK_ALIKE = dict(zip("аеорсухкАВЕКМНОРСТХ", "aeopcyxkABEKMHOPCTX", strict=True))
"""Cyrillic letters and the Latin ones that look the same."""
_CONFUSED = {
    "ө": "о", "ү": "у", "ң": "н", "ы": "и", "э": "е", "и": "ы", "а": "о", "о": "а",
    "б": "п", "д": "т", "з": "с", "ж": "ш", "г": "к", "й": "и", "у": "ү", "е": "и",
}  # fmt: skip
_READ_BACK = (
    ("ж", "дж"), ("ө", "о"), ("ү", "у"), ("ң", "нг"), ("э", "е"), ("й", "и"),
    ("ы", "и"), ("ё", "е"), ("ь", ""), ("х", "кх"),
)  # fmt: skip
_SHORT_ENDS = ("бек", "гүл", "кул", "мырза", "бүбү", "жан", "бай")


def typing_error(rng: np.random.Generator, name: str) -> str:
    """Return the name with one letter lost, doubled, exchanged or confused."""
    for _ in range(20):
        at = int(rng.integers(1, max(2, len(name))))
        letter = name[at : at + 1]
        kind = int(rng.integers(4))
        if kind == 0:
            wrong = name[:at] + name[at + 1 :]
        elif kind == 1:
            wrong = name[:at] + letter + name[at:]
        elif kind == 2:
            wrong = name[:at] + name[at + 1 : at + 2] + letter + name[at + 2 :]
        else:
            wrong = name[:at] + _CONFUSED.get(letter, letter) + name[at + 1 :]
        if wrong != name and len(wrong) > 1 and wrong.strip() == wrong:
            return wrong
    return name + "а"


def read_back(name: str) -> str:
    """Return the name as from a Latin spelling, letter by letter: Өмүрбек, Омурбек."""
    wrong = name
    for letter, others in _READ_BACK:
        wrong = wrong.replace(letter, others)
        wrong = wrong.replace(letter.upper(), others.capitalize())
    return wrong


def short(name: str) -> str:
    """Return what friends say; the name itself where nothing shorter is known."""
    known: str | None = read("names.toml")["nicknames"].get(name)
    if known:
        return known
    for end in _SHORT_ENDS:
        if name.endswith(end) and len(name) > len(end) + 2:
            return name[: -len(end)]
    return name


def look_alike(rng: np.random.Generator, name: str) -> str:
    """Return the name with one Latin letter that looks the same, if it has such a one."""
    places = [at for at, letter in enumerate(name) if letter in LOOK_ALIKE]
    if not places:
        return name
    at = places[int(rng.integers(len(places)))]
    return name[:at] + LOOK_ALIKE[name[at]] + name[at + 1 :]
