"""The parts of the live screen, each in as many lines as it is given."""

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import TypeAlias

from kerege.sandbox.live_text import (
    Line,
    Span,
    Style,
    cut,
    cut_front,
    fitted,
    line,
    width_of,
    wrapped,
)
from kerege.sandbox.live_values import (
    FaultRow,
    Flow,
    Passed,
    Row,
    ServerRow,
    Snapshot,
)

BARS = "▁▂▃▄▅▆▇█"
SIDES = {"client": "asked", "server": "answered"}
"""What own applications asked others; what this server answered to others."""
NARROW = 100
"""Below, a message's names are cut earlier."""
TABLE = 30
"""Columns of a table's numbers."""

Part: TypeAlias = Callable[[Snapshot, int, int, tzinfo], list[Line]]
"""Snapshot, width, lines at most, time zone; gives lines."""


def title(text: str, width: int, right: str = "") -> Line:
    """Return a heading with a rule."""
    head = f"{text} "
    tail = f" {right}" if right else ""
    rule = "─" * max(width - width_of(head) - width_of(tail), 0)
    return line(Span(head, Style.TITLE), Span(rule, Style.DIM), Span(tail, Style.DIM))


def flows(snapshot: Snapshot, width: int) -> list[Line]:
    """Return rates, durations and verdicts."""
    head = (
        f"{'':10}{'now/s':>7}{'1 min':>8}{'peak':>6}"
        f"{'p50':>8}{'p95':>8}{'p99':>8}  last minute"
    )
    rows = [line(Span(head, Style.DIM))]
    rows += [_flow(flow, width) for flow in snapshot.flows]
    return [*rows, _verdicts(snapshot)]


def _flow(flow: Flow, width: int) -> Line:
    p50, p95, p99 = (milliseconds(value) for value in flow.percentiles)
    name = SIDES.get(flow.name, flow.name)
    numbers = (
        f"{rate(flow.now):>7}{rate(flow.minute):>8}{flow.peak:>6}"
        f"{p50:>8}{p95:>8}{p99:>8}  "
    )
    bars = sparkline(flow.seconds[:-1], width - 10 - width_of(numbers) - 1)
    return line(Span(f" {name:<9}", Style.TITLE), numbers, Span(bars, Style.NAME))


def sparkline(counts: Sequence[int], width: int) -> str:
    """Draw counts as bars; neighbours are added where there is no room for each."""
    if width <= 0 or not counts:
        return ""
    each = -(-len(counts) // width)
    padded = [0] * (-len(counts) % each) + list(counts)
    sums = [sum(padded[at : at + each]) for at in range(0, len(padded), each)]
    most = max(sums)
    if not most:
        return BARS[0] * len(sums)
    return "".join(BARS[-(-count * (len(BARS) - 1) // most)] for count in sums)


def _verdicts(snapshot: Snapshot) -> Line:
    total = sum(count for _, count in snapshot.verdicts)
    spans = [Span(f" {total} messages", Style.TITLE)]
    for name, count in snapshot.verdicts:
        style = Style.DIM
        if count:
            style = {"fault": Style.BAD, "5xx": Style.BAD, "4xx": Style.WARN}.get(
                name, Style.GOOD
            )
        spans.append(Span(f"   {name} {count}", style))
    return tuple(spans)


def services(snapshot: Snapshot, width: int, height: int, _zone: tzinfo) -> list[Line]:
    """Return the table of services."""
    return _table("Services", snapshot.services, snapshot, width, height)


def clients(snapshot: Snapshot, width: int, height: int, _zone: tzinfo) -> list[Line]:
    """Return the table of those who ask."""
    return _table("Who asks", snapshot.clients, snapshot, width, height)


def _table(
    name: str, rows: Sequence[Row], snapshot: Snapshot, width: int, height: int
) -> list[Line]:
    shown = rows[: height - 1]
    more = f" ({len(shown)} of {len(rows)})" if len(rows) > len(shown) else ""
    columns = f"{'/s':>7}{'total':>8}{'faults':>7}{'p95':>8}"
    head = title(name + more, width - TABLE)
    lines = [(*head, Span(columns, Style.DIM))]
    for row in shown:
        numbers = f"{rate(row.rate):>7}{row.total:>8}"
        style = Style.BAD if row.refused else Style.DIM
        lines.append(
            (
                *fitted(
                    line(f" {cut_front(row.name, width - TABLE - 2)}"), width - TABLE
                ),
                Span(numbers),
                Span(f"{row.refused:>7}", style),
                Span(f"{milliseconds(row.slow):>8}"),
            )
        )
    return lines


def faults(snapshot: Snapshot, width: int, height: int, zone: tzinfo) -> list[Line]:
    """Return what failed, each with what to do about it."""
    lines = [title("Faults", width)]
    if not snapshot.faults:
        lines.append(line(Span(" none", Style.DIM)))
    for fault in snapshot.faults:
        if len(lines) >= height:
            break
        most = 3 if width * 3 < height * 20 else 2  # room for a second line of advice
        lines += _fault(fault, width, min(most, height - len(lines)), zone)
    return lines[:height]


def _fault(fault: FaultRow, width: int, most: int, zone: tzinfo) -> list[Line]:
    when = clock(fault.last, zone)
    count = f" {fault.count}× "
    room = width - width_of(count) - width_of(when) - 3
    code = cut_front(fault.code, room)
    gap = " " * (room - width_of(code) + 1)
    lines = [line(count, Span(code, Style.BAD), gap, Span(when, Style.DIM))]
    advice = wrapped(fault.advice, width - 4, most - 1) if most > 1 else []
    return [*lines, *(line(Span(f"   {text}", Style.DIM)) for text in advice)]


def servers(snapshot: Snapshot, width: int, height: int, zone: tzinfo) -> list[Line]:
    """Return a line for each server."""
    return [_server(row, snapshot.now, width, zone) for row in snapshot.servers][
        :height
    ]


def servers_titled(
    snapshot: Snapshot, width: int, height: int, zone: tzinfo
) -> list[Line]:
    """The same with a heading."""
    rows = servers(snapshot, width, height - 1, zone)
    nothing = [line(Span(" nothing heard of any yet", Style.DIM))]
    return [title("Servers", width), *(rows or nothing)]


_MARKS = {
    "up": ("●", Style.GOOD),
    "": ("●", Style.DIM),
}


def _server(row: ServerRow, now: float, width: int, zone: tzinfo) -> Line:
    mark, style = _MARKS.get(row.status, ("○", Style.BAD))
    name = cut_front(row.name or "server", 24)
    status = f"{row.status} {duration(now - row.since)}" if row.status else "running"
    spans = [Span(f" {mark} ", style), Span(name, Style.TITLE), Span(f"  {status}")]
    if row.stamped_at is not None:
        ago = duration(now - row.stamped_at)
        records = f" ({row.stamped_records})" if width >= NARROW else ""
        spans.append(Span(f"   time-stamped {ago} ago{records}", Style.DIM))
    if row.trouble:
        bad = row.trouble_level != "warning"
        text = f"   {row.trouble} {clock(row.trouble_at, zone)}"
        if row.troubles > 1:
            text += f" (of {row.troubles})"
        spans.append(Span(text, Style.BAD if bad else Style.WARN))
    return tuple(spans)


def messages(snapshot: Snapshot, width: int, height: int, zone: tzinfo) -> list[Line]:
    """Return the last messages, the newest first."""
    lines = [title("Last messages", width)]
    if not snapshot.last:
        lines.append(line(Span(" none yet", Style.DIM)))
    lines += [
        _message(passed, width, zone, len(snapshot.flows) > 1)
        for passed in snapshot.last[: height - 1]
    ]
    return lines[:height]


def _message(passed: Passed, width: int, zone: tzinfo, has_sides: bool) -> Line:  # noqa: FBT001
    style = Style.GOOD if passed.is_good else Style.BAD
    mark = "ok" if passed.is_good else "no"
    took = f"{milliseconds(passed.milliseconds):>7}"
    if passed.provider_milliseconds is not None and width >= NARROW:
        took += f", provider {milliseconds(passed.provider_milliseconds):>7}"
    start = f" {clock(passed.at, zone)} "
    if has_sides:
        start += "out " if passed.side == "client" else "in  "
    end = _verdict(passed, width)
    room = width - width_of(start) - 3 - 2 - width_of(end) - 2 - width_of(took) - 3
    client = cut_front(passed.client, max(room // 2, 8))
    service = cut_front(passed.service, max(room - width_of(client), 8))
    gap = " " * max(room - width_of(client) - width_of(service), 0)
    return line(
        Span(start, Style.DIM),
        Span(f"{mark} ", style),
        client,
        Span(" → ", Style.DIM),
        service,
        gap,
        Span(f"  {end}", style),
        Span(f"  {took}"),
    )


def _verdict(passed: Passed, width: int) -> str:
    """Return a status as it is, a code's end where there is little room."""
    if passed.verdict.isdigit() or width >= NARROW:
        return cut_front(passed.verdict, 50)
    return cut(passed.verdict.rpartition(".")[2], 22)


def clock(at: float, zone: tzinfo) -> str:
    """Return a time of day."""
    return f"{datetime.fromtimestamp(at, zone):%H:%M:%S}"


def duration(seconds: float) -> str:
    """Return a length of time, short."""
    whole = int(max(seconds, 0))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3600} h {whole // 60 % 60:02} min"
    return f"{whole // 86_400} d {whole // 3600 % 24} h"


def milliseconds(value: float | None) -> str:
    """Return a duration of a message, short."""
    if value is None:
        return "-"
    if value < 9.95:
        return f"{value:.1f} ms"
    if value < 999.5:
        return f"{value:.0f} ms"
    if value < 99_950:
        return f"{value / 1000:.1f} s"
    return f"{value / 1000:.0f} s"


def rate(value: float) -> str:
    """Return messages a second, short."""
    if value == 0:
        return "0"
    if value < 0.1:
        return "<0.1"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
