"""What the live screen shows: one frozen value of each kind."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum


class Sort(Enum):
    """By what services and clients are ordered."""

    RATE = "rate"
    TOTAL = "total"
    REFUSED = "faults"
    SLOW = "slow"

    def following(self) -> "Sort":
        """Return the next one."""
        every = list(Sort)
        return every[(every.index(self) + 1) % len(every)]


@dataclass(frozen=True, slots=True)
class Flow:
    """Messages of one side: asked by own applications, or by other servers."""

    name: str
    now: float
    """Messages a second, over the last three seconds that are complete."""
    minute: float
    """The same over the last minute, or since the beginning."""
    peak: int
    """Most in one second since the beginning."""
    percentiles: tuple[float | None, float | None, float | None]
    """Milliseconds that 50, 95 and 99 of 100 messages did not exceed."""
    total: int
    refused: int
    """Of them, faults: messages that did not reach the service or whose answer was
    not passed on."""
    seconds: tuple[int, ...]
    """Messages of each second of the last minute, the oldest first."""


@dataclass(frozen=True, slots=True)
class Row:
    """A service, or a client."""

    name: str
    """Without type and instance."""
    rate: float
    """Messages a second over the last minute."""
    total: int
    refused: int
    slow: float | None
    """Milliseconds that 95 of 100 messages of the last minute did not exceed."""


@dataclass(frozen=True, slots=True)
class Passed:
    """One message that passed or was refused."""

    at: float
    side: str
    client: str
    service: str
    verdict: str
    is_good: bool
    milliseconds: float
    provider_milliseconds: float | None
    """Of them, what the provider's side took, where that is known."""


@dataclass(frozen=True, slots=True)
class FaultRow:
    """A fault that was seen."""

    code: str
    count: int
    last: float
    advice: str


@dataclass(frozen=True, slots=True)
class ServerRow:
    """One server, as its log shows it."""

    name: str
    status: str
    """``up``, ``not logged in``, ``stopping``, ``stopped``, ``ended``; or empty if the
    log has not said."""
    since: float
    stamped_at: float | None
    """When it last had time-stamps."""
    stamped_records: int
    troubles: int
    """Warnings and errors, faults of messages left out."""
    trouble: str
    """The last of them."""
    trouble_level: str
    trouble_at: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the screen shows, at one instant."""

    now: float
    started: float
    flows: tuple[Flow, ...]
    verdicts: tuple[tuple[str, int], ...]
    """Messages by class of status, and faults."""
    services: tuple[Row, ...]
    clients: tuple[Row, ...]
    sort: Sort
    last: tuple[Passed, ...]
    """The newest first."""
    faults: tuple[FaultRow, ...]
    """The newest first."""
    servers: tuple[ServerRow, ...]
    strange: int
    """Lines that were not events."""

    def in_order(self, sort: Sort) -> "Snapshot":
        """Return the same with services and clients in another order."""
        return replace(
            self,
            services=_ordered(self.services, sort),
            clients=_ordered(self.clients, sort),
            sort=sort,
        )


def _ordered(rows: Iterable[Row], sort: Sort) -> tuple[Row, ...]:
    def order(row: Row) -> tuple[float, int, str]:
        first = {
            Sort.RATE: row.rate,
            Sort.TOTAL: row.total,
            Sort.REFUSED: row.refused,
            Sort.SLOW: row.slow or 0.0,
        }[sort]
        return (-first, -row.total, row.name)

    return tuple(sorted(rows, key=order))
