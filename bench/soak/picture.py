"""The picture of a soak: panels over one time axis, as a small SVG."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.soak.faults import Planned
from bench.soak.samples import Sample

WIDTH, LEFT, RIGHT = 1080, 80, 34
PANEL, GAP, TOP, FAULTS = 96, 34, 80, 150
INK, SOFT, PAPER = "#1d2b2d", "#44565a", "#f7f5f0"
COLOURS = ("#2f5d62", "#c0562f", "#7a6a2b")
_TICKS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Line:
    """One curve."""

    name: str
    of: Callable[[Sample], float]


@dataclass(frozen=True, slots=True)
class Panel:
    """A frame with curves that share their scale."""

    title: str
    lines: tuple[Line, ...]
    is_log: bool = False


PANELS = (
    Panel("answers a second", (Line("", lambda s: s.rate),)),
    Panel(
        "milliseconds",
        (Line("p50", lambda s: s.p50_ms), Line("p99", lambda s: s.p99_ms)),
        is_log=True,
    ),
    Panel(
        "memory, MB (PSS)",
        (
            Line("consumer's server", lambda s: s.memory_mb[0]),
            Line("provider's server", lambda s: s.memory_mb[1]),
        ),
    ),
    Panel(
        "open handles",
        (
            Line("consumer's server", lambda s: s.handles[0]),
            Line("provider's server", lambda s: s.handles[1]),
        ),
    ),
    Panel("temporary files", (Line("both servers", lambda s: sum(s.temporary)),)),
    Panel(
        "records that wait for a time-stamp",
        (
            Line("consumer's server", lambda s: s.backlog[0]),
            Line("provider's server", lambda s: s.backlog[1]),
        ),
    ),
)


def draw(title: str, samples: Sequence[Sample], faults: Sequence[Planned]) -> str:
    """Return the picture."""
    height = TOP + len(PANELS) * (PANEL + GAP) + FAULTS
    end = max(samples[-1].seconds, 1.0)

    def x(seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * seconds / end

    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'font-family="system-ui, sans-serif" font-size="13" role="img" '
            f'aria-label="{escape(title)}">'
        ),
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>',
        _text(LEFT, 28, title, size=17, weight=600),
    ]
    bottom = height - FAULTS
    for fault in faults:
        at = x(60 * fault.minute)
        parts.append(
            f'<path d="M{at:.1f} {TOP - 14}V{bottom - 8}" stroke="#a33b20" '
            'stroke-width="1" stroke-opacity=".25"/>'
        )
        parts.append(
            f'<text transform="translate({at + 4:.1f} {bottom + 2}) rotate(60)" '
            f'font-size="10.5" fill="#a33b20">{escape(fault.name)}</text>'
        )
    for number, panel in enumerate(PANELS):
        parts += _panel(panel, TOP + number * (PANEL + GAP), samples, x)
    for minute in range(0, int(end // 60) + 1, 5):
        parts.append(
            _text(x(60 * minute), TOP - 28, f"{minute} min", size=11, anchor="middle")
        )
    return "\n".join([*parts, "</svg>", ""])


def _panel(
    panel: Panel, top: float, samples: Sequence[Sample], x: Callable[[float], float]
) -> list[str]:
    values = [line.of(sample) for line in panel.lines for sample in samples]
    most = max([*values, 1.0])
    least = max(min([v for v in values if v > 0], default=1.0), 1.0)

    def y(value: float) -> float:
        if panel.is_log:
            span = math.log(most / least) or 1.0
            share = math.log(max(value, least) / least) / span
        else:
            share = value / most
        return top + PANEL * (1 - share)

    parts = [
        (
            f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{PANEL}" '
            'fill="#fff" fill-opacity=".6"/>'
        )
    ]
    for tick in _ticks(least if panel.is_log else 0.0, most, is_log=panel.is_log):
        parts.append(
            f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="{INK}" '
            'stroke-opacity=".12"/>'
        )
        parts.append(_text(LEFT - 6, y(tick) + 4, f"{tick:,g}", size=11, anchor="end"))
    legend = LEFT + 6 + 8.0 * len(panel.title)
    parts.append(_text(LEFT, top - 5, panel.title, weight=600))
    for line, colour in zip(panel.lines, COLOURS, strict=False):
        points = " ".join(
            f"{x(sample.seconds):.1f},{y(line.of(sample)):.1f}" for sample in samples
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" '
            'stroke-width="1.4"/>'
        )
        if line.name:
            parts.append(_text(legend + 14, top - 5, line.name, colour=colour, size=12))
            legend += 24 + 7 * len(line.name)
    return parts


def _ticks(least: float, most: float, *, is_log: bool) -> list[float]:
    if is_log:
        powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
        return [10.0**p for p in powers if least <= 10.0**p <= most]
    power = 10.0 ** math.floor(math.log10(most))
    step = next(
        (power * t / 2 for t in _TICKS if most / (power * t / 2) <= 4), power * 5
    )
    return [step * n for n in range(int(most / step) + 1)]


def _text(  # noqa: PLR0913 - attributes by name
    x: float,
    y: float,
    text: str,
    *,
    size: float = 13,
    weight: int = 400,
    anchor: str = "start",
    colour: str = INK,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" font-weight="{weight}" '
        f'text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
    )
