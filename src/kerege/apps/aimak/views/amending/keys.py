"""Which row an address means: ``3`` of the plots, ``3-female-adult`` of the animals."""

from typing import Any

NEW = "new"
"""A line that is not in the book yet."""
MAX_LINE = 32_000
"""Lines of one household's pages: what the column holds."""


def own_key(anchor: int, line: str) -> tuple[Any, ...] | None:
    """Return the key of facts that somebody has once."""
    return (anchor,) if line in ("", "now") else None


def line_key(anchor: int, line: str) -> tuple[Any, ...] | None:
    """Return the key of a numbered line."""
    known = line.isascii() and line.isdigit() and len(line) < 6
    return (anchor, int(line)) if known and int(line) <= MAX_LINE else None


def stock_key(anchor: int, line: str) -> tuple[Any, ...] | None:
    """Return the key of animals: species, sex and age group."""
    parts = line.split("-", 2)
    if len(parts) != 3 or not (parts[0].isascii() and parts[0].isdigit()):
        return None
    return (anchor, int(parts[0]), parts[1], parts[2]) if len(parts[0]) < 3 else None
