"""The event of every message that passed, written many at a time.

A busy server writes a thousand of these in a second. Each is a line like all others
(`kerege.cli.logs`), but they are gathered for a moment and go out in as few writes as
the stream takes whole lines in.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from kerege.cli.logs import LogFormat, LogLevel, without_personal_data
from kerege.exchange.security_server.runtime import Exchange
from kerege.exchange.supervisor.lines import LOST_LINES, PIPE_BUF, Lines

GATHER_SECONDS = 0.02
"""How long an event may wait for others; a live view does not notice."""
ROOM = PIPE_BUF - len(LOST_LINES % 10**20) - len("\n\n")
"""Bytes of text in one write, with what `Lines` may have to put before and behind it."""

_log = structlog.get_logger(__name__)


def message_events(
    style: LogFormat, level: LogLevel, worker: int, descriptor: int
) -> tuple[Callable[[Exchange], None], Callable[[], None]]:
    """Return what hears of every message, and what writes those that still wait.

    Args:
        style: How a line looks.
        level: The least severe events; above info nothing is written.
        worker: This process's number.
        descriptor: Where the lines go.
    """
    if level not in (LogLevel.DEBUG, LogLevel.INFO):
        return (lambda _exchange: None), (lambda: None)
    if style is not LogFormat.JSON:
        return log_exchange, (lambda: None)
    events = MessageEvents(Lines(descriptor), worker)
    return events.hear, events.flush


class MessageEvents:
    """Gathers events and writes them as JSON."""

    def __init__(self, lines: Lines, worker: int) -> None:
        """Write to ``lines``."""
        self._lines = lines
        self._worker = worker
        self._waiting: list[tuple[datetime, Exchange]] = []

    def hear(self, exchange: Exchange) -> None:
        """Take the event of one message that passed."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self.flush)
        self._waiting.append((datetime.now(UTC), exchange))

    def flush(self) -> None:
        """Write what waits; whatever goes wrong, it waits no longer."""
        waiting, self._waiting = self._waiting, []
        text, count = "", 0
        for time, exchange in waiting:
            line = self._line(time, exchange)
            if count and len(text) + len("\n") + len(line) > ROOM:
                self._lines.write(text, count)
                text, count = "", 0
            text = f"{text}\n{line}" if count else line
            count += 1
        if count:
            self._lines.write(text, count)

    def _line(self, time: datetime, exchange: Exchange) -> str:
        event = {
            "timestamp": time.isoformat(timespec="microseconds")[:26] + "Z",
            "level": "info",
            "event": "message",
            **_fields(exchange),
            "worker": self._worker,
        }
        return json.dumps(without_personal_data(None, "info", event))


def log_exchange(exchange: Exchange) -> None:
    """Write the event of one message that passed, in the style of all others."""
    _log.info("message", **_fields(exchange))


def _fields(exchange: Exchange) -> dict[str, object]:
    fields: dict[str, object] = {
        "side": exchange.side,
        "client": exchange.client,
        "service": exchange.service,
        "verdict": exchange.verdict,
        "milliseconds": round(exchange.milliseconds, 1),
        "request_id": exchange.request_id,
    }
    if exchange.fault_detail:
        fields["detail"] = exchange.fault_detail
    return fields
