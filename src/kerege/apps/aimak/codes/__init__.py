"""Code lists: dated data with a source and names in three languages.

Each list is a file beside this module. An entry may have days from and to which it is
given out (`valid_from`, `valid_to`), other spellings that stand for it (`also`), and
names for a woman or a man. Texts are stored by code; screens and services name them.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from django.utils.translation import get_language


class UnknownCodeError(ValueError):
    """A code is not in its list; the text names those that are."""

    def __init__(self, list_name: str, code: str, known: tuple[str, ...]) -> None:
        """Say which code, of which list, and what there is."""
        super().__init__(
            f"{code!r} is not a code of the list {list_name}; use one of: "
            + ", ".join(known)
        )
        self.list_name = list_name
        self.code = code
        self.known = known


@dataclass(frozen=True, slots=True)
class Code:
    """One entry of a list."""

    code: str
    names: Mapping[str, str]
    """By language: ``ky``, ``ru``, ``en``."""
    by_sex: Mapping[str, Mapping[str, str]]
    """Names for ``female`` and ``male``, where they differ."""
    also: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    """The first day on which it is no longer given out; old rows keep it."""

    def name(self, language: str | None = None, sex: str = "") -> str:
        """Return its name in a language (the page's own if None), for a sex."""
        names = self.by_sex.get(sex, self.names)
        return names.get((language or get_language() or "en")[:2], names["en"])

    def holds(self, day: date) -> bool:
        """Return whether it is given out on a day."""
        return not (
            (self.valid_from and day < self.valid_from)
            or (self.valid_to and day >= self.valid_to)
        )


@dataclass(frozen=True, slots=True)
class CodeList:
    """A list of codes, in the order in which people read it."""

    name: str
    source: str
    since: date
    codes: Mapping[str, Code]
    aliases: Mapping[str, str]

    def canonical(self, code: str) -> str:
        """Return our code for a code or another spelling of it.

        Raises:
            UnknownCodeError: It is neither.
        """
        if code in self.codes:
            return code
        if code in self.aliases:
            return self.aliases[code]
        raise UnknownCodeError(self.name, code, tuple(self.codes))

    def require(self, code: str) -> None:
        """Hold that this is a code itself, as the book stores it.

        Raises:
            UnknownCodeError: It is none, or another spelling of one.
        """
        if code not in self.codes:
            raise UnknownCodeError(self.name, code, tuple(self.codes))

    def text(self, code: str, language: str | None = None, sex: str = "") -> str:
        """Return the name of a code; of one that is not listed, the code itself."""
        found = self.codes.get(self.aliases.get(code, code))
        return found.name(language, sex) if found else code

    def choices(self, day: date, language: str | None = None) -> list[tuple[str, str]]:
        """Return code and name of all that are given out on a day, for a form."""
        return [
            (code.code, code.name(language))
            for code in self.codes.values()
            if code.holds(day)
        ]


@cache
def code_list(name: str) -> CodeList:
    """Return a list: ``relations``, ``species``, ``land_kinds`` and others.

    Raises:
        FileNotFoundError: There is no such list.
    """
    path = files(__package__) / f"{name}.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    codes = {row["code"]: _code(row) for row in content["code"]}
    aliases = {other: code.code for code in codes.values() for other in code.also}
    return CodeList(name, content["source"], content["since"], codes, aliases)


def code_lists() -> list[str]:
    """Return the names of all lists."""
    found = (entry.name for entry in files(__package__).iterdir())
    return sorted(name[:-5] for name in found if name.endswith(".toml"))


def _code(row: dict[str, object]) -> Code:
    names = {language: str(row[language]) for language in ("ky", "ru", "en")}
    by_sex: dict[str, Mapping[str, str]] = {}
    for sex in ("female", "male"):
        own = row.get(sex)
        if isinstance(own, dict):
            by_sex[sex] = {str(key): str(value) for key, value in own.items()}
    also, since, until = row.get("also"), row.get("valid_from"), row.get("valid_to")
    return Code(
        str(row["code"]),
        names,
        by_sex,
        tuple(str(one) for one in also) if isinstance(also, list) else (),
        since if isinstance(since, date) else None,
        until if isinstance(until, date) else None,
    )
