"""Tables for people and JSON for programs."""

import json
from collections.abc import Sequence
from datetime import datetime

import click


def print_json(document: object) -> None:
    """Print a JSON document."""
    text = json.dumps(document, ensure_ascii=False, indent=2, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes that were no text, or half of a surrogate pair
        text = json.dumps(document, indent=2, default=str)
    click.echo(text)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, nothing: str
) -> None:
    """Print rows below their columns' names, or say that there are none."""
    if not rows:
        click.echo(nothing)
        return
    texts = [list(columns), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for line in texts:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def plain(text: str) -> str:
    """Replace what a terminal would obey: texts of strangers hold control characters.

    Line breaks stay.
    """
    return "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def day(moment: datetime) -> str:
    """Return a day as people write it in tables."""
    return moment.strftime("%Y-%m-%d")


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return plain(" ".join(str(cell).split()))
