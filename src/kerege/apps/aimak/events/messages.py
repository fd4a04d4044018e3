"""Texts of problems, in three languages, by id: ``messages.toml``."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from django.utils.translation import get_language


@cache
def messages() -> Mapping[str, Mapping[str, str]]:
    """Return all texts by id and language."""
    path = files(__package__) / "messages.toml"
    found: Mapping[str, Mapping[str, str]] = tomllib.loads(
        path.read_text(encoding="utf-8")
    )
    return found


def text_of(
    message: str, values: Mapping[str, str], language: str | None = None
) -> str:
    """Return a text in a language (None: that of the page) with its values."""
    texts = messages()[message]
    chosen = (language or get_language() or "en")[:2]
    return texts.get(chosen, texts["en"]).format_map(values)
