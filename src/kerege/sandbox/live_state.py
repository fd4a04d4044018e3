"""What is behind the live screen: log events in, a snapshot out.

Rules:

* Pure: the time is handed in, nothing is read or written.
* Bounded: so many services, clients, faults and messages are remembered; what has not
  been seen for longest goes. A log is a stranger's text: names are cut, and what a
  terminal would obey is replaced.
* No personal data: of a service five codes are kept, nothing behind them.
* ``joined`` is for logs of both sides of all messages, as in the demo: a message is
  what the consumer's server says, the provider's only adds its time.
"""

from collections import Counter, OrderedDict, deque
from datetime import datetime
from typing import Generic, TypeVar

from kerege.exchange.client.advice import advice_for
from kerege.sandbox.events import Event
from kerege.sandbox.live_values import (
    FaultRow,
    Flow,
    Passed,
    Row,
    ServerRow,
    Snapshot,
    Sort,
)
from kerege.sandbox.live_windows import MINUTE, Window, percentile

MAX_ROWS = 200
"""Services remembered, and clients."""
MAX_FAULTS = 50
MAX_SERVERS = 16
MAX_LAST = 200
WAITING = 1000
"""Provider sides remembered until their consumer's line comes."""
MAX_NAME = 120
"""Characters of a name that are kept."""
ROW_SLOT_SECONDS = 5
NOW_SECONDS = 3
SERVICE_CODES = 5
"""Instance, class, member, subsystem, service."""
FAULT = "fault"
LOCKED = "not logged in"
VERDICTS = ("2xx", "3xx", "4xx", "5xx", FAULT)
QUIET = frozenset({"message failed", "message replayed"})
"""Warnings that are about one message and are shown as such."""
STATES = {
    "ready": "up",
    "stopping": "stopping",
    "stopped": "stopped",
    "process ended": "ended",
}

LOCKS = {"not logged in": True, "logged out": True, "logged in": False}
"""Events after which a server that is up has no keys, or has them again."""

Kept = TypeVar("Kept")


class _Remembered(Generic[Kept]):
    """So many things by name; the one that was not seen for longest goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.by_name: OrderedDict[str, Kept] = OrderedDict()

    def get(self, name: str, fresh: Kept) -> Kept:
        """Return what is there, or ``fresh`` from now on."""
        found = self.by_name.pop(name, fresh)
        self.by_name[name] = found
        while len(self.by_name) > self._most:
            self.by_name.popitem(last=False)
        return found


class _Tally:
    """Messages of a service, a client, or a side."""

    def __init__(self, slot_seconds: int = ROW_SLOT_SECONDS) -> None:
        self.window = Window(slot_seconds)
        self.total = 0
        self.refused = 0

    def add(self, at: float, milliseconds: float, *, is_fault: bool) -> None:
        self.window.add(at, milliseconds)
        self.total += 1
        self.refused += is_fault

    def row(self, name: str, now: float, age: float) -> Row:
        rate = self.window.count(now) / age
        slow = percentile(self.window.durations(now), 0.95)
        return Row(name, rate, self.total, self.refused, slow)


class _Server:
    """What a server's log has said of itself."""

    def __init__(self, at: float) -> None:
        self.name = ""
        self.status = ""
        self.is_locked = False
        self.since = at
        self.stamped_at: float | None = None
        self.stamped_records = 0
        self.troubles = 0
        self.trouble = ("", "", 0.0)

    def row(self, name: str) -> ServerRow:
        trouble, level, at = self.trouble
        return ServerRow(
            name=self.name or name,
            status=LOCKED if self.is_locked and self.status == "up" else self.status,
            since=self.since,
            stamped_at=self.stamped_at,
            stamped_records=self.stamped_records,
            troubles=self.troubles,
            trouble=trouble,
            trouble_level=level,
            trouble_at=at,
        )


class LiveState:
    """Hears events; see the module."""

    def __init__(self, started: float, *, joined: bool = False) -> None:
        """Begin at ``started``, in Unix seconds."""
        self._started = started
        self._joined = joined
        self._flows = {"client": _Tally(1), "server": _Tally(1)}
        self._verdicts: Counter[str] = Counter()
        self._services: _Remembered[_Tally] = _Remembered(MAX_ROWS)
        self._clients: _Remembered[_Tally] = _Remembered(MAX_ROWS)
        self._faults: _Remembered[list[float]] = _Remembered(MAX_FAULTS)
        self._servers: _Remembered[_Server] = _Remembered(MAX_SERVERS)
        self._last: deque[Passed] = deque(maxlen=MAX_LAST)
        self._provider_ms: OrderedDict[str, float] = OrderedDict()
        self._strange = 0

    def hear(self, event: Event, now: float, server: str = "") -> None:
        """Take one event.

        Args:
            event: A line of a server's log.
            now: The time, in Unix seconds; an event may not be later.
            server: Whose log it is.
        """
        at = _time_of(event, now)
        self._started = min(self._started, at)
        name = text_of(event.get("event"))
        if name == "message":
            self._message(event, at)
        else:
            self._about_server(event, name, at, server)

    def strange_line(self) -> None:
        """Note a line that is not an event."""
        self._strange += 1

    def snapshot(self, now: float, sort: Sort = Sort.RATE) -> Snapshot:
        """Return what there is to show."""
        age = min(max(now - self._started, 1.0), MINUTE)
        sides = ("client",) if self._joined else ("client", "server")
        return Snapshot(
            now=now,
            started=self._started,
            flows=tuple(self._flow(side, now, age) for side in sides),
            verdicts=tuple((name, self._verdicts[name]) for name in VERDICTS),
            services=_rows(self._services, now, age),
            clients=_rows(self._clients, now, age),
            sort=Sort.RATE,
            last=tuple(reversed(self._last)),
            faults=tuple(
                FaultRow(code, int(count), last, advice_for(code))
                for code, (count, last) in reversed(self._faults.by_name.items())
            ),
            servers=tuple(
                server.row(name)
                for name, server in sorted(self._servers.by_name.items())
            ),
            strange=self._strange,
        ).in_order(sort)

    def _message(self, event: Event, at: float) -> None:
        side = "server" if event.get("side") == "server" else "client"
        took = number_of(event.get("milliseconds"))
        request_id = text_of(event.get("request_id"))
        if self._joined and side == "server":
            self._provider_ms[request_id] = took
            while len(self._provider_ms) > WAITING:
                self._provider_ms.popitem(last=False)
            return
        verdict = text_of(event.get("verdict"))
        is_fault = not _is_status(verdict)
        passed = Passed(
            at=at,
            side=side,
            client=short_name(event.get("client")),
            service=short_name(event.get("service")),
            verdict=verdict,
            is_good=is_good(verdict),
            milliseconds=took,
            provider_milliseconds=self._provider_ms.pop(request_id, None),
        )
        self._last.append(passed)
        self._verdicts[FAULT if is_fault else f"{verdict[0]}xx"] += 1
        for tally in (
            self._flows[side],
            self._services.get(passed.service, _Tally()),
            self._clients.get(passed.client, _Tally()),
        ):
            tally.add(at, took, is_fault=is_fault)
        if is_fault:
            fault = self._faults.get(verdict, [0, at])
            fault[0] += 1
            fault[1] = at

    def _about_server(self, event: Event, name: str, at: float, key: str) -> None:
        server = self._servers.get(key, _Server(at))
        if name in STATES and not (
            name == "process ended" and server.status == "stopped"
        ):
            server.status, server.since = STATES[name], at
        if name in LOCKS:
            server.is_locked, server.since = LOCKS[name], at
        if name == "ready":
            server.name = server.name or short_name(event.get("server"))
        if name == "time-stamped":
            server.stamped_at = at
            server.stamped_records = int(number_of(event.get("records")))
        level = text_of(event.get("level"))
        if level in ("warning", "error", "critical") and name not in QUIET:
            server.troubles += 1
            server.trouble = (name, level, at)

    def _flow(self, side: str, now: float, age: float) -> Flow:
        tally = self._flows[side]
        seconds = tally.window.counts(now)
        durations = tally.window.durations(now)
        recent = seconds[-1 - NOW_SECONDS : -1]  # the last one is not over
        return Flow(
            name=side,
            now=sum(recent) / NOW_SECONDS,
            minute=sum(seconds) / age,
            peak=tally.window.peak,
            percentiles=(
                percentile(durations, 0.5),
                percentile(durations, 0.95),
                percentile(durations, 0.99),
            ),
            total=tally.total,
            refused=tally.refused,
            seconds=seconds,
        )


def text_of(value: object) -> str:
    """Return a value of an event as text that no terminal obeys, cut."""
    text = str(value) if isinstance(value, str | int | float) else ""
    return "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:MAX_NAME]
    )


def short_name(identifier: object) -> str:
    """Leave out the type and the instance: ``GOV/70000001/portal``."""
    text = text_of(identifier) or "?"
    codes = (text.partition(":")[2] or text).split("/")[:SERVICE_CODES]
    return "/".join(codes[1:]) or text


def is_good(verdict: str) -> bool:
    """Whether a message got what it asked for: a status below 400."""
    return _is_status(verdict) and verdict < "400"


def _is_status(verdict: str) -> bool:
    return len(verdict) == 3 and verdict.isascii() and verdict.isdigit()


def number_of(value: object) -> float:
    """Return a number of an event, which may be anything; 0 for what is none."""
    if isinstance(value, int | float) and 0 <= value < 1e12:
        return float(value)
    return 0.0


def _time_of(event: Event, now: float) -> float:
    """Return when an event was; what cannot be is now."""
    stamp = event.get("timestamp")
    if not isinstance(stamp, str):
        return now
    try:
        moment = datetime.fromisoformat(stamp)
        return min(now, moment.timestamp()) if moment.tzinfo else now
    except (ValueError, OverflowError, OSError):
        return now


def _rows(kept: _Remembered[_Tally], now: float, age: float) -> tuple[Row, ...]:
    return tuple(tally.row(name, now, age) for name, tally in kept.by_name.items())
