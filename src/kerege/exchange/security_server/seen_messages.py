"""Messages that were received, in the database: one claim for each, by one server.

A claim is a row under a unique key, so of any number of workers, and after any restart,
only the first gets a message. Claims that wait share one transaction, like log records;
rows whose time is over go along with a later transaction.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete

from kerege.exchange.messagelog.rows import to_milliseconds
from kerege.exchange.messagelog.trouble import database_as
from kerege.exchange.storage import Database
from kerege.exchange.storage.seen_messages_table import seen_messages
from kerege.xroad.faults import XRoadError

MAX_BATCH = 512
"""Most claims in one transaction, as for log records."""
CLEANING_SECONDS = 60.0
"""Between two removals of rows whose time is over; one minute's rows are few."""


@dataclass(slots=True)
class _Claim:
    identity: bytes
    until: int
    now: int
    future: "asyncio.Future[bool]"


class SeenMessages:
    """The claims of one process, in the database of its server."""

    def __init__(self, database: Database) -> None:
        """Claim in ``database``. The caller closes it."""
        self._database = database
        self._waiting: list[_Claim] = []
        self._task: asyncio.Task[None] | None = None
        self._cleaned = -CLEANING_SECONDS

    async def claim(self, identity: bytes, until: datetime, now: datetime) -> bool:
        """Claim a message; return whether it is the first time.

        Args:
            identity: What is the same for the same message only.
            until: How long the claim is kept.
            now: What is older goes.

        Raises:
            XRoadError: ``database_error``; the message may or may not be claimed.
        """
        loop = asyncio.get_running_loop()
        claim = _Claim(
            identity, to_milliseconds(until), to_milliseconds(now), loop.create_future()
        )
        self._waiting.append(claim)
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._work())
        return await claim.future

    async def _work(self) -> None:
        while batch := self._waiting[:MAX_BATCH]:
            del self._waiting[: len(batch)]
            try:
                first = await asyncio.to_thread(self._write, batch)
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
                _answer(batch, error)
            else:
                _answer(batch, first)

    def _write(self, batch: list[_Claim]) -> list[bool]:
        """Commit claims; two that are equal in one batch are told apart by order."""
        unwritable = database_as("database_error", "Messages cannot be remembered")
        order = sorted(range(len(batch)), key=lambda number: batch[number].identity)
        first = [False] * len(batch)
        with unwritable, self._database.write() as connection:
            for number in order:  # always the same order: no deadlock between workers
                first[number] = _insert(connection, batch[number])
            self._clean(connection, min(claim.now for claim in batch))
        return first

    def _clean(self, connection: Connection, now: int) -> None:
        if time.monotonic() - self._cleaned < CLEANING_SECONDS:
            return
        connection.execute(delete(seen_messages).where(seen_messages.c.until < now))
        self._cleaned = time.monotonic()


def _insert(connection: Connection, claim: _Claim) -> bool:
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    result = connection.exec_driver_sql(
        f"INSERT INTO seen_messages (identity, until) VALUES ({mark}, {mark}) "  # noqa: S608 - marks only
        "ON CONFLICT (identity) DO NOTHING",
        (claim.identity, claim.until),
    )
    return result.rowcount == 1


def _answer(batch: list[_Claim], result: list[bool] | Exception) -> None:
    for number, claim in enumerate(batch):
        if claim.future.done():  # whoever waited was cancelled
            continue
        if isinstance(result, XRoadError):
            claim.future.set_exception(
                XRoadError(result.code, result.message, advice=result.advice)
            )
        elif isinstance(result, Exception):
            claim.future.set_exception(result)
        else:
            claim.future.set_result(result[number])
