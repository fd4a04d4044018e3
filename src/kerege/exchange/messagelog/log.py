"""The message log: what was accepted is on stable storage before it is answered for.

Rules (X-Road 7.8 source, `LogManager.java`; design decisions on bodies):

* Without a time-stamping service no message is logged
  (``mlog.no_timestamping_provider_found``), nor when time-stamping has failed for
  longer than acceptable (``timestamping_failed``): a message that cannot be proved
  later must not be answered.
* A body's file is synced before the record that names it is written.
* With immediate time-stamping the message also waits for its own time-stamp.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import TracebackType
from typing import Self

import structlog

from kerege.exchange.clock import utc_now
from kerege.exchange.messagelog import bodies
from kerege.exchange.messagelog.body_logging import without_body
from kerege.exchange.messagelog.endings import Endings
from kerege.exchange.messagelog.ids import RecordIds
from kerege.exchange.messagelog.job import FailingPeriod, TimestampJob
from kerege.exchange.messagelog.rows import (
    AttachmentRow,
    RecordRows,
    to_milliseconds,
    to_rows,
)
from kerege.exchange.messagelog.stamping import Stamper
from kerege.exchange.messagelog.timestamp_client import no_timestamping_provider
from kerege.exchange.messagelog.values import LogPolicy, LogRecord, Timestamper
from kerege.exchange.messagelog.writer import (
    RETRY_SECONDS,
    GroupWriter,
    InDoubtError,
)
from kerege.exchange.storage import Database
from kerege.xroad.faults import XRoadError

PERIOD_REFRESH_SECONDS = 10.0
"""How often a worker asks whether another one's time-stamping fails: the acceptable
period is hours."""
DEFAULT_INTERVAL_SECONDS = 60
"""Between two runs of the time-stamping job, if nobody says otherwise."""

_log = structlog.get_logger(__name__)


class MessageLog:
    """The log of one process; open it with ``async with``.

    Args:
        database: Where records go. The caller closes it.
        policy: How the log works.
        timestamper: Who gives time-stamps.
        clock: The time.
        interval: Seconds between two runs of the job, asked each time.
        retry_seconds: How long a locked or restarting database is waited for.
    """

    def __init__(
        self,
        database: Database,
        policy: LogPolicy,
        timestamper: Timestamper,
        *,
        clock: Callable[[], datetime] = utc_now,
        interval: Callable[[], float] = lambda: DEFAULT_INTERVAL_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.database = database
        self.policy = policy
        self._timestamper = timestamper
        self._clock = clock
        self._ids = RecordIds(lambda: to_milliseconds(clock()))
        self._endings = Endings()
        self._writer = GroupWriter(
            database, self._ids, policy.digest, retry_seconds=retry_seconds
        )
        self.stamper = Stamper(
            database, policy, timestamper, ids=self._ids, clock=clock
        )
        self.period = FailingPeriod(database)
        self.job = TimestampJob(
            self.stamper, self.period, policy, interval=interval, clock=clock
        )
        """Run it in one process of a server (`TimestampJob.run`)."""
        self._refreshing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.period.refresh()
        self._writer.start()
        self._refreshing = asyncio.get_running_loop().create_task(self._refresh())
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
            self._refreshing = None
        await self._writer.close()

    @property
    def waiting(self) -> int:
        """Records that wait for their commit."""
        return self._writer.waiting

    def write(self, record: LogRecord) -> Awaitable[object]:
        """Log a message; what is returned is done when it is on stable storage.

        The work begins at once, whether or not somebody waits. A large body's file
        becomes the log's: the spool may still be read, and discarding it does no harm.

        Raises (when awaited):
            XRoadError: ``mlog.no_timestamping_provider_found``,
                ``timestamping_failed``, ``logging_failed``.
        """
        try:
            self.require_stampable()
            body_logging = self.policy.body_logging
            if body_logging is not None and not body_logging.logs(record):
                record = without_body(record)
            stored = bodies.in_memory(record, self.policy)
            if stored is not None and not self.policy.timestamp_immediately:
                return self._writer.submit(self._rows(record, stored))
        except XRoadError as error:
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            return failed
        return asyncio.ensure_future(self._write_patiently(record))

    async def _write_patiently(self, record: LogRecord) -> None:
        """Log a message that takes more than its records: files, a time-stamp."""
        stored = await bodies.store(record, self.policy) if record.loggable else ()
        try:
            record_id = await self._writer.submit(self._rows(record, stored))
        except InDoubtError:
            raise  # a record may name the files; if none does, cleaning removes them
        except XRoadError:
            bodies.remove(self.policy.bodies, stored)
            raise
        if self.policy.timestamp_immediately:
            await self.stamper.stamp_alone(record_id)

    def _rows(self, record: LogRecord, stored: tuple[AttachmentRow, ...]) -> RecordRows:
        return to_rows(record, stored, self._endings, self.policy.sealing)

    async def timestamp(self, record_id: int) -> None:
        """Have one record time-stamped now; nothing happens if it already is.

        A success also ends the failing period, as nothing else may end it for a while.

        Raises:
            XRoadError: why it could not be stamped.
        """
        if await self.stamper.is_stamped(record_id):
            return
        await self.stamper.stamp_alone(record_id)
        await self.period.end()

    def require_stampable(self) -> None:
        """Raise what `write` raises if records cannot be time-stamped."""
        if not self._timestamper.is_configured:
            raise no_timestamping_provider()
        if self.policy.timestamp_immediately or self.period.since is None:
            return
        acceptable = self.policy.acceptable_failure_seconds
        if self.period.has_lasted(acceptable, self._clock()):
            raise XRoadError(
                "timestamping_failed",
                f"Cannot time-stamp messages since {self.period.since:%Y-%m-%d %H:%M} "
                "UTC",
                advice="Look at the time-stamping services; messages are accepted "
                "again as soon as one of them answers.",
            )

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_REFRESH_SECONDS)
            try:
                await self.period.refresh()
            except XRoadError as error:
                _log.warning("time-stamping state unknown", error=str(error))
            except Exception:  # noqa: BLE001 - a bug must not end the job
                _log.exception("time-stamping state unknown")
