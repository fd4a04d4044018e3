"""The writer: one transaction at a time for all records that wait (group commit).

Rules:

* A record is answered for only after the commit that contains it.
* While a commit runs, new records gather; the next transaction takes them all. So a
  busy server commits rarely and an idle one at once.
* What may wait is done in the writer's thread, what is quick in the event loop
  (`kerege.exchange.messagelog.at_once`).
* Passing trouble (a lock, a restart of the database) is retried for a while, then
  every record of the batch fails with ``logging_failed``. A full disk fails at once.
* A connection that broke during a commit leaves the question whether the commit
  happened: the next attempt looks for the batch's records first.
* One record that the database refuses does not take the others down: they are
  written one by one.
* What waits is bounded; above, records are refused.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from kerege.exchange.messagelog.at_once import AtOnce, Done, Rows
from kerege.exchange.messagelog.ids import RecordIds
from kerege.exchange.messagelog.rows import RecordRows, insert_records
from kerege.exchange.messagelog.trouble import concerns_all, is_passing, reason
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import records
from kerege.xroad.algorithms import Digest
from kerege.xroad.faults import XRoadError

MAX_BATCH_RECORDS = 512
"""Most records in one transaction: some tens of milliseconds of work."""
MAX_BATCH_BYTES = 16 * 1024 * 1024
"""Most bytes in one transaction, so that one commit stays short."""
MAX_WAITING_RECORDS = 10_000
"""Most records that wait for the database, ten seconds' worth on a busy server."""
MAX_WAITING_BYTES = 128 * 1024 * 1024
"""Most bytes that wait: the memory that a stalled database may cost us."""
RETRY_SECONDS = 10.0
"""How long passing trouble is tried again; a PostgreSQL restart takes two or three."""
GATHER_SECONDS = 0.0003
"""How long a busy server waits for company before it commits, for each record of the
last transaction: a commit costs as much as two records."""
MAX_GATHER_SECONDS = 0.006
"""Longest such wait: nobody notices it where fifty messages are under way."""
FIRST_DELAY_SECONDS = 0.05
MAX_DELAY_SECONDS = 1.0
MAX_COLLISIONS = 3
"""How often new ids are taken: the odds of one collision are one in a thousand."""

_log = structlog.get_logger(__name__)


class InDoubtError(XRoadError):
    """``logging_failed``, and nobody knows whether the record was written after all."""


@dataclass(slots=True)
class _Waiting:
    """A record, and the future of who waits for it."""

    rows: RecordRows
    future: "asyncio.Future[int]"
    digest: bytes = b""
    record_id: int = 0
    error: XRoadError | None = None


@dataclass(frozen=True, slots=True)
class _Batch:
    """Records of one transaction, and whether they are inserted already."""

    records: list[_Waiting]
    inserted: bool


class GroupWriter:
    """Writes records from any number of tasks of one event loop.

    Args:
        database: Where to.
        ids: Where record ids come from.
        digest: Of signatures, for the time-stamps to come.
        retry_seconds: How long passing trouble is tried again.
    """

    def __init__(
        self,
        database: Database,
        ids: RecordIds,
        digest: Digest,
        *,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._ids = ids
        self._digest = digest
        self._retry_seconds = retry_seconds
        self._gathered: deque[_Waiting] = deque()
        self._batches: queue.SimpleQueue[_Batch | Callable[[], None] | None] = (
            queue.SimpleQueue()
        )
        self._is_writing = False
        self._last_batch = 0
        self._is_in_doubt = False
        self._waiting_records = 0
        self._waiting_bytes = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._at_once: AtOnce | None = None
        self._idle = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Records that are not yet committed."""
        return self._waiting_records

    def start(self) -> None:
        """Start the thread, for the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._at_once = AtOnce.of(self._database)
        self._thread = threading.Thread(
            target=self._run, args=(self._loop,), name="message-log", daemon=True
        )
        self._thread.start()

    def submit(self, rows: RecordRows) -> "asyncio.Future[int]":
        """Queue a record; the future gives its id after the commit.

        The future, or this call, raises ``logging_failed``.
        """
        if self._loop is None:
            raise _failed("the log is not open")
        size = self._waiting_bytes + rows.size
        if self._waiting_records >= MAX_WAITING_RECORDS or size > MAX_WAITING_BYTES:
            raise _failed("too many messages wait for the database")
        waiting = _Waiting(rows, self._loop.create_future())
        self._waiting_records += 1
        self._waiting_bytes = size
        self._gathered.append(waiting)
        if not self._is_writing:
            self._is_writing = True
            self._idle.clear()
            if self._last_batch > 1:
                company = min(self._last_batch * GATHER_SECONDS, MAX_GATHER_SECONDS)
                self._loop.call_later(company, self._begin)
            else:
                self._loop.call_soon(self._begin)
        return waiting.future

    async def close(self) -> None:
        """Write what waits, then end the thread."""
        self._loop = None
        if self._is_writing:
            await self._idle.wait()
        if self._thread is not None:
            self._batches.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        if self._at_once is not None:
            self._at_once.close()
            self._at_once = None

    def _begin(self) -> None:
        """Take what waits; insert it if that can be done at once."""
        batch = self._gather()
        if not batch:
            self._is_writing = False
            self._idle.set()
            return
        self._last_batch = len(batch)
        done = Done.NOTHING
        if self._at_once is not None:
            try:
                self._take_ids(batch)
                done = self._at_once.write(_rows(self._digested(batch)))
            except Exception:  # noqa: BLE001 - a bug must not stop the log
                _log.exception("messages not written at once")
        if done is Done.COMMITTED:
            self._answer(batch)
        else:
            self._batches.put(_Batch(batch, done is Done.INSERTED))
        if self._at_once is not None and self._at_once.take_move():
            self._batches.put(self._at_once.move)

    def _gather(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while (
            self._gathered and len(batch) < MAX_BATCH_RECORDS and size < MAX_BATCH_BYTES
        ):
            waiting = self._gathered.popleft()
            batch.append(waiting)
            size += waiting.rows.size
        return batch

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while (batch := self._batches.get()) is not None:
            if not isinstance(batch, _Batch):
                batch()
                continue
            self._write(batch.records, inserted=batch.inserted)
            with contextlib.suppress(RuntimeError):  # the loop is gone, nobody waits
                loop.call_soon_threadsafe(self._answer, batch.records)

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            self._waiting_records -= 1
            self._waiting_bytes -= waiting.rows.size
            if waiting.future.done():  # whoever waited was cancelled
                continue
            if waiting.error is None:
                waiting.future.set_result(waiting.record_id)
            else:
                waiting.future.set_exception(waiting.error)
        if self._loop is not None and self._gathered:
            self._loop.call_soon(self._begin)
        else:
            self._begin()

    def _write(self, batch: Sequence[_Waiting], *, inserted: bool = False) -> None:
        """Write a batch; every record then has its id, or its error."""
        self._is_in_doubt = False
        try:
            if inserted and self._at_once is not None:
                self._commit_inserted(self._at_once, batch)
            else:
                self._commit(self._digested(batch))
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            in_doubt = self._is_in_doubt
            if len(batch) > 1 and not concerns_all(error) and not in_doubt:
                for waiting in batch:
                    self._write([waiting])
                return
            _log.error("messages not logged", count=len(batch), error=reason(error))
            in_doubt |= isinstance(error, DBAPIError) and is_passing(error)
            for waiting in batch:
                waiting.error = _failed(reason(error), in_doubt=in_doubt)

    def _digested(self, batch: Sequence[_Waiting]) -> Sequence[_Waiting]:
        for waiting in batch:
            waiting.digest = self._digest.of(waiting.rows.signature)
        return batch

    def _commit_inserted(self, at_once: AtOnce, batch: Sequence[_Waiting]) -> None:
        """Commit what was inserted at once; what fails is done again from the start."""
        try:
            at_once.commit()
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                at_once.rollback()
            self._commit(batch, in_doubt=True)

    def _commit(self, batch: Sequence[_Waiting], *, in_doubt: bool = False) -> None:
        """Commit the batch in one transaction; try again while the trouble may pass."""
        self._is_in_doubt = in_doubt
        if not in_doubt:
            self._take_ids(batch)
        deadline = time.monotonic() + self._retry_seconds
        delay = FIRST_DELAY_SECONDS
        collisions = 0
        while True:
            try:
                with self._database.write() as connection:
                    if not (in_doubt and _are_there(connection, batch)):
                        insert_records(connection, _rows(batch))
                return
            except IntegrityError:
                collisions += 1
                if collisions > MAX_COLLISIONS:
                    raise
                if not in_doubt:
                    self._take_ids(batch)
            except DBAPIError as error:
                if not is_passing(error) or time.monotonic() + delay > deadline:
                    raise
                self._is_in_doubt = in_doubt = True
                _log.warning("message log waits", error=reason(error), seconds=delay)
                time.sleep(delay)
                delay = min(2 * delay, MAX_DELAY_SECONDS)

    def _take_ids(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            waiting.record_id = self._ids.next()


def _rows(batch: Sequence[_Waiting]) -> Rows:
    return [(w.record_id, w.digest, w.rows) for w in batch]


def _are_there(connection: Connection, batch: Sequence[_Waiting]) -> bool:
    """Whether a transaction that was lost from sight has written the batch."""
    ids = [waiting.record_id for waiting in batch]
    found = connection.execute(
        select(records.c.id, records.c.x_request_id).where(records.c.id.in_(ids))
    )
    there = {row.id: row.x_request_id for row in found}
    return there == {w.record_id: _x_request_id(w.rows) for w in batch}


def _x_request_id(rows: RecordRows) -> str:
    return str(rows.about[4])


def _failed(why: str, *, in_doubt: bool = False) -> XRoadError:
    kind = InDoubtError if in_doubt else XRoadError
    return kind(
        "logging_failed",
        f"The message could not be logged: {why}",
        advice="Look at the message log's database: is it running, has it space?",
    )
