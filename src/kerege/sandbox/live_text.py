"""Lines of styled text for a terminal: cut, padded, put side by side, written.

Plain ANSI: bold, dim, reverse and eight colours, which every terminal has and no colour
scheme makes unreadable. Meaning never hangs on colour alone.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple, TypeAlias


class Style(Enum):
    """How a piece of text looks: the parameters of SGR."""

    PLAIN = ""
    TITLE = "1"
    HEAD = "7"
    DIM = "2"
    GOOD = "32"
    BAD = "31;1"
    WARN = "33"
    NAME = "36"

    @property
    def without_colour(self) -> str:
        """The same for those who want none."""
        kept = [code for code in self.value.split(";") if not code.startswith("3")]
        return ";".join(kept)


class Span(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: Style = Style.PLAIN


Line: TypeAlias = tuple[Span, ...]
BLANK: Line = ()


def line(*parts: str | Span) -> Line:
    """Make a line of pieces; plain text is plain."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts)


@lru_cache(maxsize=4096)
def width_of(text: str) -> int:
    """Return the columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def line_width(content: Line) -> int:
    """Return the columns that a line takes."""
    return sum(width_of(span.text) for span in content)


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """Return as much of a text as fits, with a mark if it is not all."""
    if width_of(text) <= width:
        return text
    taken, columns = [], 0
    for character in text:
        columns += _columns(character)
        if columns > width - width_of(ellipsis):
            break
        taken.append(character)
    return ("".join(taken) + ellipsis)[: max(width, 0)]


def cut_front(text: str, width: int, ellipsis: str = "…") -> str:
    """The same, keeping the end: of an identifier it tells most."""
    if width_of(text) <= width:
        return text
    return cut(text[::-1], width, ellipsis)[::-1]


def fitted(content: Line, width: int) -> Line:
    """Cut or fill a line to exactly ``width`` columns."""
    spans: list[Span] = []
    left = width
    for span in content:
        if left <= 0:
            break
        text = cut(span.text, left)
        spans.append(Span(text, span.style))
        left -= width_of(text)
    if left > 0:
        spans.append(Span(" " * left))
    return tuple(spans)


def beside(
    left: Sequence[Line], right: Sequence[Line], width: int, gap: int = 2
) -> list[Line]:
    """Put two columns of lines next to each other in ``width``."""
    half = (width - gap) // 2
    rows = max(len(left), len(right))
    lines = []
    for number in range(rows):
        first = left[number] if number < len(left) else BLANK
        second = right[number] if number < len(right) else BLANK
        middle = Span(" " * (width - 2 * half))
        lines.append((*fitted(first, half), middle, *fitted(second, half)))
    return lines


def wrapped(text: str, width: int, most: int) -> list[str]:
    """Break a text between words into at most so many lines."""
    lines: list[str] = []
    current = ""
    for word in text.split():
        longer = f"{current} {word}".lstrip()
        if width_of(longer) <= width or not current:
            current = longer
            continue
        lines.append(current)
        current = word
    if current:
        lines.append(current)
    if len(lines) > most:
        lines[most - 1 :] = [cut(" ".join(lines[most - 1 :]), width)]
    return lines[:most]


def ansi(content: Line, *, colour: bool) -> str:
    """Return a line as a terminal takes it."""
    return "".join(_ansi_spans(content, colour=colour))


def _ansi_spans(content: Iterable[Span], *, colour: bool) -> Iterable[str]:
    for span in content:
        codes = span.style.value if colour else span.style.without_colour
        yield f"\x1b[{codes}m{span.text}\x1b[0m" if codes else span.text


def plain(content: Line) -> str:
    """Return a line without styles."""
    return "".join(span.text for span in content).rstrip()
