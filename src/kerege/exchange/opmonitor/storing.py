"""Storing what waits in the buffer, and removing what is old.

Rules:

* Storing never slows a message: it happens in a thread, some hundred records in a
  transaction, with a pause between them.
* While the database does not take them records wait, as far as there is room.
* A record that the database refuses goes; the others of its batch stay.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from kerege.exchange.messagelog.trouble import concerns_all, reason
from kerege.exchange.opmonitor.buffer import MonitoringBuffer, Noted
from kerege.exchange.opmonitor.policy import MonitoringPolicy
from kerege.exchange.opmonitor.rows import insert_records, remove_before
from kerege.exchange.storage import Database
from kerege.xroad.opmonitoring import OperationalRecord

MAX_BATCH = 200
"""Most records in one transaction: about two milliseconds. To make them, in the event
loop, takes one."""
CLEANING_SECONDS = 3600.0
"""Between two removals of old records."""
FIRST_CLEANING_SECONDS = 300.0
"""After a start: a server that is restarted every hour cleans too."""
DAY_SECONDS = 86_400
STORED = "kerege_operational_records_stored_total"
DROPPED = "kerege_operational_records_dropped_total"

_log = structlog.get_logger(__name__)


class MonitoringStore:
    """Moves the records of one process into the database of its server."""

    def __init__(
        self,
        database: Database,
        policy: MonitoringPolicy,
        clock: Callable[[], datetime],
    ) -> None:
        """Store nothing yet. The caller closes the database."""
        self.buffer = MonitoringBuffer(policy.buffer_records)
        self._database = database
        self._policy = policy
        self._clock = clock
        self.count: Callable[[str, float], None] = lambda _, __: None
        """Adds to a counter of the metrics, by its name."""
        self._told_dropped = 0
        self._trouble = ""

    async def run(
        self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Store now and then, until cancelled; then what still waits."""
        try:
            while True:
                await sleep(self._policy.store_interval_seconds)
                await self.store()
        finally:
            await self.store()

    async def store(self) -> None:
        """Store what waits; trouble is logged once, and records wait on."""
        while batch := self.buffer.take(MAX_BATCH):
            try:
                await asyncio.to_thread(self._insert, _records(batch))
            except Exception as error:  # noqa: BLE001 - whatever it is, messages go on
                self.buffer.put_back(batch)
                self._tell_trouble(reason(error))
                break
            self._trouble = ""
            self.count(STORED, len(batch))
        self._tell_dropped()

    async def clean(
        self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Remove old records now and then, until cancelled. One process does."""
        wait = FIRST_CLEANING_SECONDS
        while True:
            await sleep(wait)
            wait = CLEANING_SECONDS
            try:
                await self.clean_once()
            except SQLAlchemyError as error:
                _log.warning("operational data not removed", reason=reason(error))

    async def clean_once(self) -> int:
        """Remove old records; return how many there were."""
        before = int(self._clock().timestamp() - self._policy.keep_days * DAY_SECONDS)
        removed = await asyncio.to_thread(remove_before, self._database, before)
        if removed:
            _log.info("operational data removed", records=removed)
        return removed

    def _insert(self, batch: Sequence[OperationalRecord]) -> None:
        at = int(self._clock().timestamp())
        try:
            with self._database.write() as connection:
                insert_records(connection, batch, at)
        except Exception as error:
            if concerns_all(error):
                raise
            if len(batch) == 1:
                _log.warning("operational record refused", reason=reason(error))
                return
            middle = len(batch) // 2  # halves: what a stranger can cause stays small
            self._insert(batch[:middle])
            self._insert(batch[middle:])

    def _tell_trouble(self, why: str) -> None:
        if why != self._trouble:
            self._trouble = why
            waiting = len(self.buffer)
            _log.warning("operational data not stored", reason=why, waiting=waiting)

    def _tell_dropped(self) -> None:
        dropped = self.buffer.dropped - self._told_dropped
        if dropped:
            self._told_dropped = self.buffer.dropped
            self.count(DROPPED, dropped)
            _log.warning("operational data dropped", records=dropped)


def _records(notes: Sequence[Noted]) -> list[OperationalRecord]:
    records: list[OperationalRecord] = []
    for note in notes:
        try:
            records.append(note.record())
        except Exception:  # noqa: BLE001 - a bug with one must not cost the others
            _log.exception("message not recorded")
    return records
