"""Archiving: time-stamped records go into linked ZIP files, then out of the database.

Rules (X-Road 7.8 source, `LogArchiver.java`, `LogArchiveWriter.java`,
`LogCleaner.java`):

* Only time-stamped records are archived, oldest first, each as its container.
* An archive ends when its containers exceed the limit, and at the end of a run.
* A time-stamp counts as archived when all its records are.
* Archived records stay in the database for the keeping time.

What a crash may leave behind, in the order in which it is made:

1. a temporary file: removed by the next run;
2. a complete archive, named in the database as pending: the next run removes it and
   archives its records again, so that no record stands in two archives;
3. archive and database agree: nothing to do.

Run it in one process of a server. Should there be two, no record is lost and none
stands in two archives: who announces an archive must find the chain as it was, who marks
its records must find it still announced. The other one stops.
"""

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain

import structlog
from sqlalchemy import Connection, Select, delete, exists, func, select, update
from sqlalchemy.sql.elements import ColumnElement

from kerege.exchange.files import sync_path
from kerege.exchange.messagelog import bodies
from kerege.exchange.messagelog.ids import first_id
from kerege.exchange.messagelog.rows import to_milliseconds
from kerege.exchange.messagelog.stored import PAGE, StoredRecord, load
from kerege.exchange.messagelog.trouble import database_as
from kerege.exchange.messagelog.values import LogPolicy
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import (
    archives,
    attachments,
    contents,
    records,
    timestamp_chains,
    timestamps,
)
from kerege.xroad.archive import NO_ARCHIVE, ArchiveLink, ArchiveWriter
from kerege.xroad.asic import iter_container
from kerege.xroad.faults import XRoadError

PRIVATE = 0o600
"""Only this server's user reads what people asked about each other."""
TEMPORARY_PREFIX = "tmp-mlog-"
CLEANED_AT_ONCE = 100
"""Records removed in one transaction: a few milliseconds, then writers have a turn."""
PAUSE_SECONDS = 0.05
"""Between two removals."""
MARKED_AT_ONCE = 500
"""Ids in one statement, below any limit on parameters."""
ORPHAN_AGE = timedelta(hours=1)
"""A body's file and its record are written within seconds."""
EVERYTHING = ""
"""The group of archives that are not grouped."""

_log = structlog.get_logger(__name__)


class Archiver:
    """Writes archives and removes what was archived long ago. Everything here blocks.

    Args:
        database: The log.
        policy: Folders, sizes and times.
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

    def archive(self) -> int:
        """Archive everything that is time-stamped; return how many records.

        Raises:
            XRoadError: ``io_error`` if the folder does not take the archive,
                ``database_error``.
        """
        with _translated():
            self._clear_leftovers()
            newest = self._newest()
            count = 0
            while done := self._archive_one(newest):
                count += done
            self._mark_timestamps()
        return count

    def clean(self) -> int:
        """Remove archived records that were kept long enough; return how many.

        Raises ``database_error``.
        """
        before = self._clock() - timedelta(seconds=self._policy.keep_seconds)
        count, last = 0, 0
        with _translated():
            while removed := self._clean_some(before, last):
                count, last = count + len(removed), removed[-1]
                self._pause(PAUSE_SECONDS)
            self._clean_timestamps(before)
            orphans = self._clock() - ORPHAN_AGE
            bodies.remove_orphans(self._database, self._policy.bodies, orphans)
        return count

    def _clear_leftovers(self) -> None:
        for path in self._policy.archive.glob(f"{TEMPORARY_PREFIX}*"):
            path.unlink(missing_ok=True)
        with self._database.read() as connection:
            pending = connection.execute(
                select(archives.c.pending_file).where(
                    archives.c.group_name == EVERYTHING
                )
            ).scalar()
        if pending:
            self._withdraw(pending)

    def _withdraw(self, pending: str) -> None:
        """Remove an archive that was not finished, unless it has been meanwhile."""
        with self._database.write() as connection:
            withdrawn = connection.execute(
                update(archives)
                .where(
                    archives.c.group_name == EVERYTHING,
                    archives.c.pending_file == pending,
                )
                .values(pending_file=None)
            )
            if withdrawn.rowcount:
                _log.warning("archive made again", file=pending)
                (self._policy.archive / pending).unlink(missing_ok=True)

    def _newest(self) -> int:
        """Return the newest record to archive; those that come later wait."""
        question = select(func.max(records.c.id)).where(_to_archive())
        with self._database.read() as connection:
            return connection.execute(question).scalar() or 0

    def _archive_one(self, newest: int) -> int:
        """Write one archive; return how many records it has, 0 if there is nothing."""
        found = self._records(newest)
        first = next(found, None)
        if first is None:
            return 0
        previous = self._previous()
        writer = ArchiveWriter(
            previous,
            algorithm=self._policy.digest,
            max_bytes=self._policy.archive_max_bytes,
        )
        name = f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}.tmp"
        temporary = self._policy.archive / name
        done: list[int] = []
        try:
            temporary.touch(mode=PRIVATE, exist_ok=False)
            with temporary.open("wb") as file:
                for chunk in self._archive_bytes(writer, chain((first,), found), done):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            link = writer.link()
            self._announce(link.file_name, previous)
            temporary.rename(self._policy.archive / link.file_name)
            sync_path(self._policy.archive)
        finally:
            temporary.unlink(missing_ok=True)
        self._mark(done, link)
        _log.info("archived", file=link.file_name, records=len(done))
        return len(done)

    def _archive_bytes(
        self, writer: ArchiveWriter, found: Iterable[StoredRecord], done: list[int]
    ) -> Iterator[bytes]:
        """Yield an archive's bytes, noting in ``done`` the records that are in it."""
        for logged in found:
            record = logged.without_lost_bodies(self._policy.bodies)
            if record is not logged:
                self._require_bodies()
                _log.error("logged body is lost", record=record.container_name)
            parts = record.parts(self._policy.bodies)
            container = iter_container(parts, time=record.time)
            yield from writer.add(record.container_name, container, record.time)
            done.append(record.record_id)
            if writer.is_full:
                break
        yield from writer.finish()

    def _records(self, newest: int) -> Iterator[StoredRecord]:
        last = -1
        while True:
            page = (
                select(records.c.id)
                .where(_to_archive(), records.c.id > last, records.c.id <= newest)
                .order_by(records.c.id)
                .limit(PAGE)
            )
            with self._database.read() as connection:
                ids = list(connection.execute(page).scalars())
                found = load(connection, ids)
            if not found:
                return
            yield from found
            last = ids[-1]

    def _previous(self) -> ArchiveLink:
        question = select(archives).where(archives.c.group_name == EVERYTHING)
        with self._database.read() as connection:
            row = connection.execute(question).one_or_none()
        return ArchiveLink(row.last_digest, row.last_file) if row else NO_ARCHIVE

    def _announce(self, name: str, previous: ArchiveLink) -> None:
        """Note which archive is about to be put in place, if it still follows."""
        with self._database.write() as connection:
            announced = connection.execute(
                update(archives)
                .where(
                    archives.c.group_name == EVERYTHING,
                    archives.c.last_digest == previous.digest,
                    archives.c.pending_file.is_(None),
                )
                .values(pending_file=name)
            )
            if announced.rowcount:
                return
            if connection.execute(select(archives.c.group_name)).first():
                raise _disturbed()
            connection.execute(
                archives.insert().values(
                    group_name=EVERYTHING,
                    last_digest=NO_ARCHIVE.digest,
                    last_file=NO_ARCHIVE.file_name,
                    pending_file=name,
                )
            )

    def _mark(self, done: Sequence[int], link: ArchiveLink) -> None:
        """Note in one transaction that these records are in this archive."""
        of_group = archives.c.group_name == EVERYTHING
        with self._database.write() as connection:
            question = select(archives).where(of_group).with_for_update()
            state = connection.execute(question).one_or_none()
            known = (state.pending_file, state.last_file) if state else ()
            if link.file_name not in known:  # withdrawn; the same one may be finished
                (self._policy.archive / link.file_name).unlink(missing_ok=True)
                raise _disturbed()
            for start in range(0, len(done), MARKED_AT_ONCE):
                some = done[start : start + MARKED_AT_ONCE]
                connection.execute(
                    update(records).where(records.c.id.in_(some)).values(archived=True)
                )
            connection.execute(
                update(archives)
                .where(of_group)
                .values(
                    last_digest=link.digest, last_file=link.file_name, pending_file=None
                )
            )

    def _require_bodies(self) -> None:
        """Refuse to give up bodies because their whole folder is not there."""
        folder = self._policy.bodies
        if not folder.is_dir():
            raise FileNotFoundError(
                errno.ENOENT, "The folder of logged bodies is not there", str(folder)
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
        with self._database.write() as connection:
            ids = list(connection.execute(question).scalars())
            files = _remove_records(connection, ids)
        for name in files:
            (self._policy.bodies / name).unlink(missing_ok=True)
        return ids

    def _mark_timestamps(self) -> None:
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


def _disturbed() -> XRoadError:
    return XRoadError(
        "action_not_possible",
        "Another archiver is at work on this message log",
        advice="A running server archives by itself. What was not archived now will be "
        "in the next run.",
    )


def _to_archive() -> ColumnElement[bool]:
    return records.c.timestamp_id.is_not(None) & records.c.archived.is_(False)


def _remove_records(connection: Connection, ids: Sequence[int]) -> list[str]:
    """Remove records and all that is theirs; return the names of their files."""
    if not ids:
        return []
    in_file = select(attachments.c.file).where(
        attachments.c.record_id.in_(ids), attachments.c.file.is_not(None)
    )
    files = [str(name) for name in connection.execute(in_file).scalars()]
    for table in (timestamp_chains, attachments, contents):
        connection.execute(delete(table).where(table.c.record_id.in_(ids)))
    connection.execute(delete(records).where(records.c.id.in_(ids)))
    return files


@contextmanager
def _translated() -> Iterator[None]:
    try:
        with database_as("database_error", "The message log cannot be archived"):
            yield
    except OSError as error:
        raise XRoadError(
            "io_error",
            f"The message log cannot be archived: {error}",
            advice="Look at the space and the rights of the archive folder.",
        ) from error
