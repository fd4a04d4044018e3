"""Events of the live screen, from the operational monitoring of a running server.

A server's admin port tells what passed, page by page; see `monitoring_pages`. What it
says is a stranger's text: it is bounded here, and made harmless by `live_state`.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kerege.exchange.http import ClientPool, HttpError
from kerege.sandbox.events import Event

ASK_SECONDS = 1.0
"""Between two questions."""
ANSWER_SECONDS = 10.0
"""Longest wait for an answer: the admin port's own bound."""
BEHIND_SECONDS = 4.0
"""How old the newest records are: a second until they are stored, two until they are
told, and one between two questions."""
MAX_PAGE_BYTES = 8 * 1024 * 1024
FAULT = "fault"

Address = tuple[str, int]


class MonitorError(Exception):
    """A server does not tell what passed; the message says why."""


@dataclass(slots=True)
class Told:
    """What a server has told at one time."""

    events: list[Event]
    behind: bool
    """Whether there is more that it would tell at once."""


class RecordSource:
    """Asks one server, again and again."""

    def __init__(self, address: Address, pool: ClientPool) -> None:
        """Ask the admin port at ``address``."""
        self._address = address
        self._pool = pool
        self._after = 0

    async def follow(self) -> AsyncGenerator[list[Event] | MonitorError]:
        """Yield what passed, the last minute first; or why it cannot be had."""
        while True:
            try:
                told = await self.ask()
            except MonitorError as error:
                yield error
                await asyncio.sleep(ASK_SECONDS)
                continue
            yield told.events
            if not told.behind:
                await asyncio.sleep(ASK_SECONDS)

    async def ask(self) -> Told:
        """Ask once for what came after the last answer. Raises `MonitorError`."""
        query = f"?after={self._after}" if self._after else ""
        content = await self._page(f"/operational-data{query}")
        records, after = content.get("records"), content.get("after")
        if not isinstance(records, list) or not isinstance(after, int):
            raise MonitorError("This is not the admin port of a Kerege server")
        self._after = max(after, self._after)
        events = [event_of(record) for record in records if isinstance(record, dict)]
        return Told(events, bool(content.get("more")))

    async def name(self) -> str:
        """Return the server's name. Raises `MonitorError`."""
        content = await self._page("/ready")
        return str(content.get("server", ""))

    async def _page(self, target: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                response = await self._pool.request(
                    self._address, method="GET", target=target.encode()
                )
                data = await response.body.read_all(MAX_PAGE_BYTES)
        except (HttpError, OSError, TimeoutError) as error:
            host, port = self._address
            msg = f"No answer from the admin port {host}:{port}: {error}"
            raise MonitorError(msg) from error
        try:
            content = json.loads(data)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise MonitorError("This is not the admin port of a Kerege server")
        if "error" in content:
            raise MonitorError(str(content["error"])[:200])
        return content


def event_of(record: dict[str, Any]) -> Event:
    """Return a record as the event that a server's log has of the same message."""
    verdict = record.get("faultCode") or record.get("statusCode")
    if verdict is None:  # SOAP has no statuses
        verdict = "200" if record.get("succeeded") is True else FAULT
    began, ended = record.get("requestInTs"), record.get("responseOutTs")
    return {
        "event": "message",
        "level": "info",
        "timestamp": _timestamp(ended),
        "side": "server"
        if record.get("securityServerType") == "Producer"
        else "client",
        "client": record.get("client", ""),
        "service": record.get("service", ""),
        "verdict": str(verdict),
        "milliseconds": _between(began, ended),
        "request_id": record.get("xRequestId", ""),
    }


def _timestamp(milliseconds: object) -> str:
    if isinstance(milliseconds, int) and 0 <= milliseconds < 10**14:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
    return datetime.now(UTC).isoformat()


def _between(began: object, ended: object) -> int:
    if isinstance(began, int) and isinstance(ended, int):
        return max(ended - began, 0)
    return 0
