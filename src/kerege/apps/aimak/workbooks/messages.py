"""What is told about files, cells and rows, by id, in Kyrgyz, Russian and English.

The texts are in ``messages.toml``, one table for each id: ``en``, ``ru``, ``ky`` (a
draft unless ``reviewed = true``). Each says what is wrong and what to do.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

LANGUAGES = ("ky", "ru", "en")
MAX_SHOWN_CHARS = 60
"""Of a cell's text inside a message."""


class WorkbookError(Exception):
    """A file that cannot be read at all."""

    def __init__(self, code: str, **details: str) -> None:
        """Remember why.

        Args:
            code: Id of the message.
            **details: What the message names.
        """
        super().__init__(code)
        self.code = code
        self.details = details

    def __str__(self) -> str:
        return text_of(self.code, self.details, "en")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about one cell or row: why it is not taken, or what was made of it."""

    code: str
    """Id of the message."""
    cell: str = ""
    """``C17``; empty for the whole row."""
    value: str = ""
    """What stands there, shortened, without control characters."""
    details: Mapping[str, str] = field(default_factory=dict)
    """What else the message names."""

    def text(self, language: str) -> str:
        """Return the message in ``ky``, ``ru`` or ``en``."""
        return text_of(self.code, {"value": self.value, **self.details}, language)


def shown(value: object) -> str:
    """Return a cell's value as a message may show it."""
    text = "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value)
    )
    return text if len(text) <= MAX_SHOWN_CHARS else text[: MAX_SHOWN_CHARS - 1] + "…"


def text_of(code: str, details: Mapping[str, str], language: str) -> str:
    """Return the text of a message, with its details in their places.

    Raises:
        KeyError: If there is no such message, language or detail: an error of ours.
    """
    return messages()[code][language].format_map(details)


@cache
def messages() -> Mapping[str, Mapping[str, str]]:
    """Return all messages: id, then language, then text."""
    text = files(__package__).joinpath("messages.toml").read_text(encoding="utf-8")
    return {
        code: {language: texts[language] for language in LANGUAGES}
        for code, texts in tomllib.loads(text).items()
    }
