"""What a clerk typed into the one search field.

People are asked for by whatever is at hand: the PIN or the part of it that can be read,
the number of the household, a name or two in any order and any alphabet, a year or a
date of birth, a street and a house. `parse_query` sorts the words out; it decides only
what is certain. A lone number stays a `number`: it may be a household or a house.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from .alphabet import APOSTROPHES
from .endings import Gender, marker
from .folding import fold
from .keyboard import other_layout

MAX_QUERY_CHARS = 200
"""Longer than any name with an address; the rest is not read."""
MAX_NAMES = 4
"""A double surname, given name and patronymic; more words are told as left out."""

PIN_DIGITS = 14
_FEWEST_PIN_DIGITS = 6
"""Shorter numbers are households, houses, flats and years."""
_YEARS = range(1900, 2100)
_DATE = re.compile(
    r"^(?:(?P<d>\d{1,2})[./-](?P<m>\d{1,2})[./-](?P<y>\d{4})"
    r"|(?P<y2>\d{4})-(?P<m2>\d{1,2})-(?P<d2>\d{1,2}))$"
)
_HOUSE = re.compile(r"^[0-9]{1,5}[а-яa-z]?(?:[/-][0-9]{1,3})?$", re.IGNORECASE)
_PIN_WITH_SPACES = re.compile(r"(?<!\d)\d(?:[ -]?\d){13}(?!\d)")
_NUMBER_FIRST = re.compile(r"^(?P<number>[0-9]+[а-я]?)-(?P<mark>[^\W\d_]+)$")
_LETTERS = re.compile(r"[^\W\d_]+")
_MARK = re.compile(r"^(?P<mark>[^\W\d_]+\.?|№|#)(?P<number>\d.*)$")

_HOUSEHOLD = {
    "№",
    "#",
    "household",
    "чарба",
    "түтүн",
    "хозяйство",
    "хоз",
    "х/о",
    "үй-бүлө",
}
_STREET = {"street", "st", "ул", "улица", "пер", "көчө", "көчөсү", "көч", "кочосу"}
_HOUSE_MARK = {"house", "дом", "д", "үй"}
_FLAT = {"flat", "apt", "кв", "квартира", "батир"}
_BORN = {"born", "г.р", "туулган", "год", "жыл"}


@dataclass(frozen=True, slots=True)
class NameWord:
    """One word of a name, as it was typed."""

    text: str
    typed_otherwise: str | None = None
    """What the same keys write in the other layout of the keyboard."""


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for. Fields that were not typed are None or empty."""

    names: tuple[NameWord, ...] = ()
    pin: str | None = None
    """14 digits."""
    pin_part: str | None = None
    """6 to 13 digits that follow each other in a PIN."""
    household: str | None = None
    """The number after a word or sign that says household."""
    number: str | None = None
    """A number that may be a household or a house."""
    birth_date: date | None = None
    birth_year: int | None = None
    parent_gender: Gender | None = None
    """Set by `уулу` and `кызы`: whose child is asked for is among the names."""
    street: str | None = None
    house: str | None = None
    flat: str | None = None
    left_out: tuple[str, ...] = field(default=())
    """Words that could not be used, for the page to say so."""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing can be looked for."""
        return replace(self, left_out=()) == Query()


def parse_query(text: str) -> Query:
    """Sort out what was typed. Never raises; reads `MAX_QUERY_CHARS` characters."""
    text = text[:MAX_QUERY_CHARS]
    query = Query()
    if match := _PIN_WITH_SPACES.search(text):
        digits = re.sub(r"\D", "", match.group())
        if digits.isascii():
            query = replace(query, pin=digits)
            text = text[: match.start()] + " " + text[match.end() :]
    mark = ""
    for word in _words(text):
        if found := mark_of(word):
            mark = found
            if mark == "street" and query.names and _follows_its_name(word):
                *names, street = query.names
                query = replace(query, names=tuple(names), street=street.text)
                mark = ""
            continue
        query, mark = _with_marked(query, mark, word), ""
    return query


def _follows_its_name(mark: str) -> bool:
    """Tell whether a word for street is Kyrgyz: the name stands before it."""
    return fold(mark).startswith("koc")


def words(name: str) -> list[str]:
    """Return the words of a name: of double surnames and `Ала-Тоо` each part."""
    joined = "".join(c for c in name if c not in APOSTROPHES)
    return _LETTERS.findall(joined)


def mark_of(word: str) -> str:
    """Return what the next word is, if this word says so: `street`, `flat`, ..."""
    plain = word.lower().strip(".,:")
    for kind, marks in (
        ("household", _HOUSEHOLD),
        ("street", _STREET),
        ("house", _HOUSE_MARK),
        ("flat", _FLAT),
        ("born", _BORN),
    ):
        if plain in marks:
            return kind
    return ""


def _words(text: str) -> Iterator[str]:
    """Yield the words, with marks that stick to their number cut off (`кв.3`, `12-үй`)."""
    for raw in text.split():
        match = _MARK.match(raw) or _NUMBER_FIRST.match(raw.strip(","))
        if match and mark_of(match["mark"]):
            yield match["mark"]
            yield match["number"]
        elif _typed_otherwise(raw.strip(",.")):
            yield raw.strip(",.")
        else:
            yield from (part for part in re.split(r"[,;]+", raw) if part)


def _with_marked(query: Query, mark: str, word: str) -> Query:
    if not _typed_otherwise(word):
        word = word.strip(".,;:()")
    if mark == "street" and query.street is None and word:
        return replace(query, street=word)
    if any(c.isdigit() for c in word):
        return _with_number(query, mark, word)
    return _with_name(query, word)


def _with_number(query: Query, mark: str, word: str) -> Query:
    if mark in _NUMBERED and _HOUSE.match(word):
        return _NUMBERED[mark](query, word)
    if born := _date(word):
        return replace(query, birth_date=born)
    if word.isascii() and word.isdigit():
        return _with_digits(query, word)
    if _HOUSE.match(word) and query.house is None:
        return replace(query, house=word)
    return replace(query, left_out=(*query.left_out, word))


_NUMBERED: Mapping[str, Callable[[Query, str], Query]] = {
    "household": lambda query, number: replace(query, household=number),
    "house": lambda query, number: replace(query, house=number),
    "flat": lambda query, number: replace(query, flat=number),
}


def _with_digits(query: Query, digits: str) -> Query:
    if len(digits) == PIN_DIGITS:
        return replace(query, pin=digits)
    if _FEWEST_PIN_DIGITS <= len(digits) < PIN_DIGITS:
        return replace(query, pin_part=digits)
    if len(digits) == 4 and int(digits) in _YEARS and query.birth_year is None:
        return replace(query, birth_year=int(digits))
    if query.street is not None and query.house is None:
        return replace(query, house=digits)
    if query.number is None and len(digits) < _FEWEST_PIN_DIGITS:
        return replace(query, number=digits)
    return replace(query, left_out=(*query.left_out, digits))


def _date(word: str) -> date | None:
    match = _DATE.match(word)
    if match is None:
        return None
    year, month, day = (match[k] or match[f"{k}2"] for k in "ymd")
    try:
        born = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return born if born.year in _YEARS else None


def _with_name(query: Query, word: str) -> Query:
    meant = _typed_otherwise(word)
    parts = [word] if meant else words(word)
    for part in parts:
        if gender := marker(fold(part)):
            query = replace(query, parent_gender=gender)
        elif len(query.names) == MAX_NAMES:
            query = replace(query, left_out=(*query.left_out, part))
        else:
            name = NameWord(part, meant or other_layout(part))
            query = replace(query, names=(*query.names, name))
    return query


def _typed_otherwise(word: str) -> str | None:
    """Return the other layout's word if this one can hardly be a name (`;tty,trjd`)."""
    meant = other_layout(word)
    if meant is None or word.isalpha():
        return None
    return meant if _vowels(word) < 0.2 and _vowels(meant) > 0.25 else None


def _vowels(word: str) -> float:
    return sum(c in "aeiouyаеёиоөуүыэюя" for c in word.lower()) / len(word)
