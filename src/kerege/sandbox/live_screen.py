"""The live screen: a snapshot as lines for a terminal of any size.

What matters most comes first and stays when there is little room: how much passes and
how fast, what the servers say, what failed and what to do about it. Above 120 columns
tables stand side by side. All of it is text; colour only helps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from kerege.sandbox import live_parts as parts
from kerege.sandbox.live_text import (
    BLANK,
    Line,
    Span,
    Style,
    beside,
    cut,
    fitted,
    line,
    line_width,
    width_of,
)
from kerege.sandbox.live_values import Snapshot

WIDE = 120
"""From here on tables stand side by side."""
SMALLEST = (40, 10)
"""Columns and lines below which nothing useful fits."""


@dataclass(frozen=True, slots=True)
class View:
    """How the screen is to look."""

    width: int
    height: int
    zone: tzinfo = field(default=UTC)
    is_paused: bool = False
    has_keys: bool = True
    """Whether there is a keyboard."""
    note: str = ""
    """Said in the last line, such as that the log has ended."""
    when_empty: tuple[str, ...] = ()
    """Shown in the place of messages while there are none."""
    can_unicode: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the screen and the lines that it wants."""

    make: Callable[[int, int], list[Line]]
    """Width and lines at most; gives lines."""
    least: int
    wanted: int


def screen(snapshot: Snapshot, view: View) -> list[Line]:
    """Return exactly ``view.height`` lines of ``view.width`` columns."""
    if view.width < SMALLEST[0] or view.height < SMALLEST[1]:
        lines = [line("The terminal is too small"), *[BLANK] * view.height]
        return _finished(lines[: view.height], view)
    top = [_header(snapshot, view), *parts.flows(snapshot, view.width)]
    room = view.height - len(top) - 1
    wide = view.width >= WIDE
    blocks = _wide(snapshot, view) if wide else _narrow(snapshot, view)
    lines = [*top, *_stacked(blocks, view.width, room)]
    lines += [BLANK] * (view.height - 1 - len(lines))
    return _finished([*lines, _footer(snapshot, view)], view)


def help_page(text: Sequence[str], view: View) -> list[Line]:
    """Return a page of text, with the keys in the last line."""
    lines = [line(one) for one in text][: view.height - 1]
    lines += [BLANK] * (view.height - 1 - len(lines))
    lines.append(line(Span(" h more   any other key: back", Style.DIM)))
    return _finished(lines, view)


def _finished(lines: Sequence[Line], view: View) -> list[Line]:
    made = [fitted(one, view.width) for one in lines]
    return made if view.can_unicode else [_in_ascii(one) for one in made]


def _narrow(snapshot: Snapshot, view: View) -> list[Block]:
    def block(part: parts.Part, least: int, wanted: int) -> Block:
        return Block(lambda w, h: part(snapshot, w, h, view.zone), least, wanted)

    return [
        block(parts.servers, 1, len(snapshot.servers) or 0),
        block(parts.services, 2, 1 + len(snapshot.services)),
        block(parts.clients, 2, 1 + len(snapshot.clients)),
        block(parts.faults, 3, 1 + 2 * max(len(snapshot.faults), 1)),
        _messages(snapshot, view),
    ]


def _wide(snapshot: Snapshot, view: View) -> list[Block]:
    def pair(left: parts.Part, right: parts.Part, least: int, wanted: int) -> Block:
        def make(width: int, height: int) -> list[Line]:
            half = (width - 2) // 2
            first = left(snapshot, half, height, view.zone)
            second = right(snapshot, half, height, view.zone)
            return beside(first, second, width)

        return Block(make, least, wanted)

    rows = max(len(snapshot.services), len(snapshot.clients))
    trouble = max(len(snapshot.servers), 3 * len(snapshot.faults))
    return [
        pair(parts.services, parts.clients, 2, 1 + rows),
        pair(parts.servers_titled, parts.faults, 3, 1 + max(trouble, 1)),
        _messages(snapshot, view),
    ]


def _messages(snapshot: Snapshot, view: View) -> Block:
    def make(width: int, height: int) -> list[Line]:
        if snapshot.last or not view.when_empty:
            return parts.messages(snapshot, width, height, view.zone)
        shown = [line(text) for text in view.when_empty]
        return [parts.title("No messages yet", width), *shown][:height]

    return Block(make, 3, 10_000)


def _stacked(blocks: Sequence[Block], width: int, room: int) -> list[Line]:
    """Share the room: each its least, then a line in turn until all is given."""
    blocks = [block for block in blocks if block.wanted > 0]
    given = [min(block.least, block.wanted) for block in blocks]
    while sum(given) > room and given:
        given[_largest(given)] -= 1
    left = room - sum(given)
    while left > 0:
        hungry = [n for n, block in enumerate(blocks) if given[n] < block.wanted]
        if not hungry:
            break
        for number in hungry[:left]:
            given[number] += 1
        left -= len(hungry[:left])
    lines: list[Line] = []
    for block, height in zip(blocks, given, strict=True):
        if height > 0:
            lines += block.make(width, height)[:height]
    return lines


def _largest(numbers: Sequence[int]) -> int:
    return max(range(len(numbers)), key=lambda n: numbers[n])


def _header(snapshot: Snapshot, view: View) -> Line:
    moment = datetime.fromtimestamp(snapshot.now, view.zone)
    left = " Kerege, live"
    if view.is_paused:
        left += "   PAUSED"
    age = parts.duration(snapshot.now - snapshot.started)
    right = f"{age} watched   {moment:%H:%M:%S} "
    gap = " " * (view.width - width_of(left) - width_of(right))
    return line(Span(left + gap + right, Style.HEAD))


def _footer(snapshot: Snapshot, view: View) -> Line:
    keys = ""
    if view.has_keys:
        pause = "go on" if view.is_paused else "pause"
        keys = f" q quit   p {pause}   s order: {snapshot.sort.value}   h help"
    notes = [view.note] if view.note else []
    if snapshot.strange:
        notes.append(f"{snapshot.strange} lines were no events (--log-format json?)")
    note = cut("; ".join(notes), max(view.width - width_of(keys) - 4, 0))
    left = line(Span(keys, Style.DIM))
    gap = " " * max(view.width - line_width(left) - width_of(note) - 1, 0)
    return (*left, Span(gap), Span(note, Style.WARN))


_PLAIN_LETTERS = str.maketrans(
    {
        "…": "~",
        "→": ">",
        "●": "*",
        "○": "o",
        "─": "-",
        "×": "x",
        **dict(zip("▁▂▃▄▅▆▇█", "_..::oO#", strict=True)),
    }
)


def _in_ascii(content: Line) -> Line:
    """Return a line, as wide, for a terminal that knows no more than ASCII."""
    return tuple(
        Span("".join(map(_ascii, span.text.translate(_PLAIN_LETTERS))), span.style)
        for span in content
    )


def _ascii(character: str) -> str:
    return character if character.isascii() else "?" * width_of(character)
