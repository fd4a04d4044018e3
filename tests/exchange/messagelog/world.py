"""A log, a clock and a time-stamping authority for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from kerege.exchange.messagelog import (
    Direction,
    LogPolicy,
    LogRecord,
    MessageLog,
)
from kerege.exchange.messagelog.stored import StoredRecord, load
from kerege.exchange.spool import Spool
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import records
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId
from tests.exchange.messagelog.authority import NOON, SandboxTimestamper, sign

CONSUMER = ClientId("TEST", "COM", "1234", "Client")
SERVICE = ServiceId("TEST", "GOV", "5678", "Service", "people")
BLOCK = b"GET\r\n/r1/TEST/GOV/5678/Service/people\r\nx-road-id:q1"


@dataclass
class Clock:
    """A clock that the test turns."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class World:
    """Everything that a test of the log needs."""

    database: Database
    policy: LogPolicy
    clock: Clock = field(default_factory=Clock)
    timestamper: SandboxTimestamper = field(default_factory=SandboxTimestamper)
    retry_seconds: float = 0.0

    def log(self) -> MessageLog:
        return MessageLog(
            self.database,
            self.policy,
            self.timestamper,
            clock=self.clock,
            retry_seconds=self.retry_seconds,
        )

    def record(
        self,
        query_id: str = "q1",
        direction: Direction = Direction.REQUEST,
        **changes: object,
    ) -> LogRecord:
        fields: dict[str, object] = {
            "direction": direction,
            "client_side": True,
            "query_id": query_id,
            "x_request_id": f"request-{query_id}"[:255],
            "client_id": CONSUMER,
            "service_id": SERVICE,
            "message": BLOCK,
            "signature": sign(BLOCK).signature,
            "time": self.clock(),
        }
        return LogRecord(**(fields | changes))  # type: ignore[arg-type]  # by name

    def stored(self) -> list[StoredRecord]:
        """Return everything that is in the log."""
        with self.database.read() as connection:
            ids = list(connection.execute(select(records.c.id)).scalars())
            return load(connection, ids)

    def files(self) -> list[str]:
        """Return the names of body files."""
        return sorted(path.name for path in self.policy.bodies.iterdir())


def make_world(database: Database, folder: Path, **policy: object) -> World:
    for name in ("bodies", "archive"):
        (folder / name).mkdir(exist_ok=True)
    settings = LogPolicy(folder / "bodies", folder / "archive", **policy)  # type: ignore[arg-type]  # by name
    return World(database, settings)


async def spooled(folder: Path, data: bytes) -> Spool:
    """Return a finished spool, in a file if the data are large."""
    spool = Spool(folder, SHA512.new())
    for start in range(0, len(data), 65536):
        await spool.write(data[start : start + 65536])
    await spool.finish()
    return spool


@contextmanager
def raises(code: str) -> Iterator[None]:
    """Expect a fault with exactly this code."""
    with pytest.raises(XRoadError) as caught:
        yield
    assert caught.value.code == code, caught.value
