"""The time-stamping job, and how long it has been failing.

Rules (X-Road 7.8 source, `TaskQueue.java`, `LogManager.java`):

* Every interval of the global configuration (60 s, never less, a day at most) the job
  stamps what waits, batch after batch while batches are full.
* After a failure it tries one record at a time, after the retry delay; when that
  works, the rest follows at once.
* The failing period begins with the first failure and ends with a success, or when
  nothing waits any more. Messages are refused when it is longer than acceptable.

The beginning of the period is in the database: it outlives a restart, and every worker
of a server knows it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, delete, select

from kerege.exchange.messagelog.rows import from_milliseconds, to_milliseconds
from kerege.exchange.messagelog.stamping import Stamper, Unstamped
from kerege.exchange.messagelog.trouble import database_as
from kerege.exchange.messagelog.values import LogPolicy
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import timestamping
from kerege.xroad.faults import XRoadError

MIN_INTERVAL_SECONDS = 60
MAX_INTERVAL_SECONDS = 86_400
ALONE = 1
"""Records tried after a failure."""
_ROW = 1

_log = structlog.get_logger(__name__)


class FailingPeriod:
    """Since when time-stamping has been failing; None: it works."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.since: datetime | None = None

    def has_lasted(self, seconds: float, now: datetime) -> bool:
        """Whether it has failed for longer than ``seconds``; 0 is never too long."""
        if self.since is None or seconds == 0:
            return False
        return now - self.since > timedelta(seconds=seconds)

    async def refresh(self) -> None:
        """Read what another process may have noted. Raises ``database_error``."""
        self.since = await asyncio.to_thread(self._read)

    async def begin(self, at: datetime) -> None:
        """Note a failure; only the first counts."""
        if self.since is None:
            self.since = at
            await asyncio.to_thread(self._write, at)

    async def end(self) -> None:
        """Note that time-stamping works."""
        if self.since is not None:
            await asyncio.to_thread(self._write, None)
            self.since = None

    def _read(self) -> datetime | None:
        question = select(timestamping.c.failed_since)
        unreadable = database_as("database_error", "The message log cannot be read")
        with unreadable, self._database.read() as connection:
            stored = connection.execute(question).scalar()
        return None if stored is None else from_milliseconds(stored)

    def _write(self, since: datetime | None) -> None:
        unwritable = database_as("database_error", "The message log cannot be written")
        with unwritable, self._database.write() as connection:
            _replace(connection, None if since is None else to_milliseconds(since))


def _replace(connection: Connection, since: int | None) -> None:
    connection.execute(delete(timestamping))
    connection.execute(timestamping.insert().values(id=_ROW, failed_since=since))


class TimestampJob:
    """Stamps what waits, again and again.

    Args:
        stamper: Who stamps.
        period: Where failures are noted.
        policy: Limits and delays.
        interval: Seconds between two runs, asked each time; the global configuration
            says.
        clock: The time.
    """

    def __init__(
        self,
        stamper: Stamper,
        period: FailingPeriod,
        policy: LogPolicy,
        *,
        interval: Callable[[], float],
        clock: Callable[[], datetime],
    ) -> None:
        self._stamper = stamper
        self._period = period
        self._policy = policy
        self._interval = interval
        self._clock = clock
        self._lock = asyncio.Lock()

    async def run(
        self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Run for ever; trouble is logged and tried again."""
        while True:
            try:
                await self.run_once()
            except XRoadError as error:
                _log.error("time-stamping failed", error=str(error), hint=error.advice)
            except Exception:  # noqa: BLE001 - a bug must not end the job
                _log.exception("time-stamping failed")
            await sleep(self.next_delay())

    async def run_once(self) -> int:
        """Stamp what waits now; return how many records.

        What comes meanwhile waits for the next run: otherwise a busy server would ask
        for a time-stamp many times a second, each for a few records.

        Raises:
            XRoadError: why it stopped; the failure is noted.
        """
        async with self._lock:
            count = 0
            is_full = True
            while is_full and (waiting := await self._next_batch()):
                is_full = len(waiting) >= self._batch_size
                await self._stamp(waiting)
                count += len(waiting)
                _log.info("time-stamped", records=len(waiting))
            return count

    def next_delay(self) -> float:
        """Return the seconds to the next run."""
        try:
            interval = self._interval()
        except XRoadError as error:  # the global configuration is out of date
            _log.warning("time-stamping interval unknown", error=str(error))
            interval = MIN_INTERVAL_SECONDS
        retry = self._policy.retry_delay_seconds
        if self._period.since is not None and 0 < retry < interval:
            interval = retry
        return min(max(interval, MIN_INTERVAL_SECONDS), MAX_INTERVAL_SECONDS)

    async def _next_batch(self) -> list[Unstamped]:
        waiting = await self._stamper.waiting(self._batch_size)
        if not waiting:
            await self._period.end()
        return waiting

    @property
    def _batch_size(self) -> int:
        failing = self._period.since is not None
        return ALONE if failing else self._policy.timestamp_records_limit

    async def _stamp(self, waiting: list[Unstamped]) -> None:
        try:
            await self._stamper.stamp(waiting)
        except Exception:
            if await self._stamper.waiting(ALONE):  # else somebody else has succeeded
                await self._period.begin(self._clock())
            raise
        await self._period.end()
