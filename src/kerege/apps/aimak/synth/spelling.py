"""How names are made of names: surnames, patronymics, forms of a woman, Latin spellings."""

from functools import cache

from kerege.apps.aimak.synth.facts import read

LATIN_SCHEMES = ("resolution", "passport", "bgn_pcgn")
"""Resolutions 467 and 284 (ж = j), passports (zh), BGN/PCGN 1979."""
_VOWELS = "аеёиоуыэюяөү"
_SOFT = "йь"


def surname_of(given: str) -> str:
    """Return the surname of a man whose forefather had this name: Асан, Асанов."""
    last = given[-1].lower()
    if last in "йь":
        return given[:-1] + "ев"
    if last in "аяыэи":
        stem = given if last in "аэ" else given[:-1] + ("и" if last in "ыи" else "я")
        return stem + "ев"
    if last in _VOWELS:
        return given + "ев"
    return given + "ов"


def feminine(surname: str) -> str:
    """Return a woman's form of a surname; many do not change (Шевченко, Машинло)."""
    if surname.endswith(("ов", "ев", "ёв", "ин", "ын")):
        return surname + "а"
    if surname.endswith(("ский", "цкий")):
        return surname[:-2] + "ая"
    return surname


def patronymics(given: str) -> tuple[str, str]:
    """Return the Russian patronymics of a man and a woman: Асанович, Асановна."""
    known = read("names.toml")["patronymics"].get(given)
    if known:
        return known[0], known[1]
    stem = surname_of(given)
    return stem + "ич", stem + "на"


def of_father(given: str) -> tuple[str, str]:
    """Return the Kyrgyz forms: Асан уулу, Асан кызы."""
    return f"{given} уулу", f"{given} кызы"


@cache
def _letters() -> tuple[dict[str, str], ...]:
    tables: tuple[dict[str, str], ...] = ({}, {}, {})
    lines = read("names.toml")["latin"]["letters"].replace("\n", "|").split("|")
    for line in lines:
        cyrillic, *forms = line.split()
        for table, form in zip(tables, forms, strict=True):
            latin = "" if form == "-" else form
            table[cyrillic] = latin
            table[cyrillic.upper()] = latin.capitalize()
    return tables


def latin(name: str, scheme: int) -> str:
    """Return a Cyrillic name in Latin letters, by a place in LATIN_SCHEMES."""
    table = _letters()[scheme]
    return "".join(table.get(letter, letter) for letter in name)
