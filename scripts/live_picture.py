"""Draw the live screen as it was after some logs, as an SVG picture for the documents.

python scripts/live_picture.py var/demo/servers/*/server.log > docs/images/live.svg
"""

import sys
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from kerege.sandbox.events import Event, parse_event
from kerege.sandbox.live_screen import View, screen
from kerege.sandbox.live_state import LiveState
from kerege.sandbox.live_text import Line, Style, width_of

COLUMNS, ROWS = 104, 30
CELL = (7.8, 17.0)
"""Width and height of a character at 13 pixels."""
MARGIN = 10
PAPER, INK = "#1d2126", "#d8dee6"
LOOK = {
    Style.TITLE: 'font-weight="bold"',
    Style.HEAD: f'fill="{PAPER}"',
    Style.DIM: 'fill="#8b96a3"',
    Style.GOOD: 'fill="#7fc77f"',
    Style.BAD: 'fill="#f08a80" font-weight="bold"',
    Style.WARN: 'fill="#e3c26b"',
    Style.NAME: 'fill="#74c0cf"',
}


def main(names: list[str]) -> None:
    """Read the logs in the order of time and print the picture."""
    heard = sorted(
        (
            (str(event.get("timestamp")), number, event)
            for number, name in enumerate(names)
            for event in events(Path(name))
        ),
        key=lambda each: each[:2],
    )
    end = datetime.fromisoformat(heard[-1][0]).timestamp()
    state = LiveState(datetime.fromisoformat(heard[0][0]).timestamp(), joined=True)
    for stamp, number, event in heard:
        state.hear(event, datetime.fromisoformat(stamp).timestamp(), names[number])
    sys.stdout.write(svg(screen(state.snapshot(end), View(COLUMNS, ROWS, zone=UTC))))


def events(path: Path) -> list[Event]:
    """Return a log's events that have a time, until the server was told to stop."""
    found = []
    for line in path.read_bytes().splitlines():
        event = parse_event(line)
        if event is not None and "timestamp" in event:
            if event.get("event") == "stopping":
                break
            found.append(event)
    return found


def svg(lines: list[Line]) -> str:
    """Return lines as a picture; every piece is stretched to its columns."""
    width = COLUMNS * CELL[0] + 2 * MARGIN
    height = len(lines) * CELL[1] + 2 * MARGIN
    drawn = "\n".join(_row(number, line) for number, line in enumerate(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13" '
        f'role="img">\n<title>The live screen of the demo</title>\n'
        f'<rect width="{width:g}" height="{height:g}" rx="6" fill="{PAPER}"/>\n'
        f'<g fill="{INK}" xml:space="preserve">\n{drawn}\n</g>\n</svg>\n'
    )


def _row(number: int, line: Line) -> str:
    top = MARGIN + number * CELL[1]
    column, pieces = 0, []
    for span in line:
        columns = width_of(span.text)
        left, wide = MARGIN + column * CELL[0], columns * CELL[0]
        column += columns
        if span.style is Style.HEAD:
            box = f'x="{left:g}" y="{top:g}" width="{wide:g}" height="{CELL[1]:g}"'
            pieces.append(f'<rect {box} fill="{INK}"/>')
        if span.text.strip():
            at = f'x="{left:g}" y="{top + 13:g}" textLength="{wide:g}"'
            look = LOOK.get(span.style, "")
            pieces.append(f"<text {at} {look}>{escape(span.text)}</text>")
    return "".join(pieces)


if __name__ == "__main__":
    main(sys.argv[1:])
