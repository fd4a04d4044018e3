"""Cleaning: what was archived long ago leaves the database, a little at a time.

Rules (X-Road 7.8 source, `LogCleaner.java`):

* Archived records stay for the keeping time; what is not archived is never removed.
* A removal holds the database for some milliseconds, then writers have a turn: so many
  records at once, or fewer with so many bytes.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, delete, exists, func, select, update

from kerege.exchange.messagelog import bodies
from kerege.exchange.messagelog.endings import remove_unused
from kerege.exchange.messagelog.ids import first_id
from kerege.exchange.messagelog.rows import to_milliseconds
from kerege.exchange.messagelog.values import LogPolicy
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import (
    attachments,
    contents,
    records,
    timestamp_chains,
    timestamps,
)

CLEANED_AT_ONCE = 100
"""Records removed in one transaction: a few milliseconds, then writers have a turn."""
CLEANED_BYTES_AT_ONCE = 16 * 1024 * 1024
"""Bytes of bodies removed in one transaction; one record may have more."""
PAUSE_SECONDS = 0.05
"""Between two removals."""
ORPHAN_AGE = timedelta(hours=1)
"""A body's file and its record are written within seconds."""


class Cleaner:
    """Removes what was archived long ago. Everything here blocks.

    Args:
        database: The log.
        policy: Folders and times.
        clock: The time.
        pause: Waits between two removals.
    """

    def __init__(
        self,
        database: Database,
        policy: LogPolicy,
        *,
        clock: Callable[[], datetime],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock
        self._pause = pause

    def clean(self) -> int:
        """Remove archived records that were kept long enough; return how many."""
        before = self._clock() - timedelta(seconds=self._policy.keep_seconds)
        count, last = 0, 0
        while removed := self._clean_some(before, last):
            count, last = count + len(removed), removed[-1]
            self._pause(PAUSE_SECONDS)
        self._clean_timestamps(before)
        remove_unused(self._database)
        orphans = self._clock() - ORPHAN_AGE
        bodies.remove_orphans(self._database, self._policy.bodies, orphans)
        return count

    def mark_timestamps(self) -> None:
        """Mark the time-stamps all of whose records are archived.

        They are found while others may write, and written a few at a time.
        """
        unfinished = exists().where(
            records.c.timestamp_id == timestamps.c.id, records.c.archived.is_(False)
        )
        question = select(timestamps.c.id).where(
            timestamps.c.archived.is_(False), ~unfinished
        )
        for some in self._some_at_once(question):
            with self._database.write() as connection:
                connection.execute(
                    update(timestamps)
                    .where(timestamps.c.id.in_(some))
                    .values(archived=True)
                )

    def _clean_some(self, before: datetime, last: int) -> list[int]:
        """Remove some records behind the last one; return their ids."""
        limit = first_id(to_milliseconds(before) + 1)
        question = (
            select(records.c.id)
            .where(
                records.c.id > last,
                records.c.id < limit,
                records.c.archived.is_(True),
                records.c.time <= to_milliseconds(before),
            )
            .order_by(records.c.id)
            .limit(CLEANED_AT_ONCE)
        )
        with self._database.read() as connection:
            found = list(connection.execute(question).scalars())
            ids = _few_bytes(connection, found)
        if not ids:
            return []
        with self._database.write() as connection:
            files = _remove_records(connection, ids)
        for name in files:
            (self._policy.bodies / name).unlink(missing_ok=True)
        return ids

    def _clean_timestamps(self, before: datetime) -> None:
        """Remove the archived time-stamps that no record needs any more."""
        used = exists().where(records.c.timestamp_id == timestamps.c.id)
        question = select(timestamps.c.id).where(
            timestamps.c.id < first_id(to_milliseconds(before) + 1),
            timestamps.c.archived.is_(True),
            timestamps.c.time <= to_milliseconds(before),
            ~used,
        )
        for some in self._some_at_once(question):
            with self._database.write() as connection:
                connection.execute(delete(timestamps).where(timestamps.c.id.in_(some)))

    def _some_at_once(self, question: Select[int]) -> Iterator[list[int]]:
        with self._database.read() as connection:
            found = list(connection.execute(question).scalars())
        for start in range(0, len(found), CLEANED_AT_ONCE):
            yield found[start : start + CLEANED_AT_ONCE]


def _few_bytes(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Return the first of these records, as many as have few enough bytes together."""
    sizes = (
        select(attachments.c.record_id, func.sum(attachments.c.size))
        .where(attachments.c.record_id.in_(ids), attachments.c.file.is_(None))
        .group_by(attachments.c.record_id)
    )
    sized = {row[0]: row[1] for row in connection.execute(sizes)}
    taken: list[int] = []
    size = 0
    for record_id in ids:
        size += sized.get(record_id, 0)
        if taken and size > CLEANED_BYTES_AT_ONCE:
            break
        taken.append(record_id)
    return taken


def _remove_records(connection: Connection, ids: Sequence[int]) -> list[str]:
    """Remove records and all that is theirs; return the names of their files."""
    in_file = select(attachments.c.file).where(
        attachments.c.record_id.in_(ids), attachments.c.file.is_not(None)
    )
    files = [str(name) for name in connection.execute(in_file).scalars()]
    for table in (timestamp_chains, attachments, contents):
        connection.execute(delete(table).where(table.c.record_id.in_(ids)))
    connection.execute(delete(records).where(records.c.id.in_(ids)))
    return files
