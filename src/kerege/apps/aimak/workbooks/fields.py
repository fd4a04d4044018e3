"""The fields of the register that a household book can have as columns.

Labels and the words by which headers name them are in ``fields.toml``, in three
languages; here is what kind of value each takes and within which bounds.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files


class Kind(StrEnum):
    """What the value of a field is."""

    TEXT = "text"
    NAME = "name"
    FULL_NAME = "full_name"
    PIN = "pin"
    DATE = "date"
    SEX = "sex"
    RELATION = "relation"
    COUNT = "count"
    DECIMAL = "decimal"


@dataclass(frozen=True, slots=True)
class Field:
    """One field."""

    name: str
    kind: Kind
    is_required: bool = False
    """Whether a row without it is not taken."""
    largest: int = 0
    """Of numbers: more is a mistake (a PIN or a year in the wrong column)."""
    max_chars: int = 200
    """Of texts."""
    labels: Mapping[str, str] | None = None
    """By language; as the mapping page and exports write it."""
    words: tuple[str, ...] = ()
    """Normalised words of headers, the best one first."""


_KINDS: tuple[Field, ...] = (
    Field("household_number", Kind.TEXT, is_required=True, max_chars=20),
    Field("full_name", Kind.FULL_NAME),
    Field("surname", Kind.NAME, max_chars=100),
    Field("given_name", Kind.NAME, max_chars=100),
    Field("patronymic", Kind.NAME, max_chars=100),
    Field("pin", Kind.PIN),
    Field("birth_date", Kind.DATE, is_required=True),
    Field("sex", Kind.SEX),
    Field("relation", Kind.RELATION, is_required=True),
    Field("nationality", Kind.TEXT, max_chars=60),
    Field("education", Kind.TEXT, max_chars=100),
    Field("occupation", Kind.TEXT),
    Field("marital_status", Kind.TEXT, max_chars=60),
    Field("birth_place", Kind.TEXT),
    Field("phone", Kind.TEXT, max_chars=20),
    Field("since", Kind.DATE),
    Field("village", Kind.TEXT, max_chars=100),
    Field("street", Kind.TEXT, max_chars=100),
    Field("house", Kind.TEXT, max_chars=20),
    Field("flat", Kind.TEXT, max_chars=10),
    Field("dwelling_m2", Kind.DECIMAL, largest=5_000),
    Field("household_plot_ha", Kind.DECIMAL, largest=100),
    Field("household_plot_are", Kind.DECIMAL, largest=10_000),
    Field("arable_ha", Kind.DECIMAL, largest=5_000),
    Field("cattle", Kind.COUNT, largest=5_000),
    Field("horses", Kind.COUNT, largest=5_000),
    Field("sheep_goats", Kind.COUNT, largest=50_000),
    Field("pigs", Kind.COUNT, largest=5_000),
    Field("poultry", Kind.COUNT, largest=200_000),
    Field("bees", Kind.COUNT, largest=5_000),
)
"""In the order of an export; the bounds are far above the largest farm's."""


_SIGNS = re.compile(r"[\W_]+")


@cache
def fields() -> Mapping[str, Field]:
    """Return all fields by name, with their labels and words."""
    text = files(__package__).joinpath("fields.toml").read_text(encoding="utf-8")
    known = tomllib.loads(text)
    return {
        field.name: Field(
            field.name,
            field.kind,
            field.is_required,
            field.largest,
            field.max_chars,
            known[field.name]["label"],
            tuple(known[field.name]["words"]),
        )
        for field in _KINDS
    }


def plain_word(text: str) -> str:
    """Return a word of a list as it is compared: small letters, signs as spaces."""
    return " ".join(_SIGNS.sub(" ", text.casefold()).split())


@cache
def words_of(list_name: str) -> Mapping[str, str]:
    """Return a list of words of ``words.toml``: word as written, then our code."""
    text = files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
    return {
        plain_word(word): code
        for code, words in tomllib.loads(text)[list_name].items()
        for word in words
    }
