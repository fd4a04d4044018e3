"""Archiving: time-stamped records go into linked ZIP files.

Rules (X-Road 7.8 source, `LogArchiver.java`, `LogArchiveWriter.java`):

* Only time-stamped records are archived, oldest first, each as its container.
* An archive ends when its containers exceed the limit, and at the end of a run.
* A time-stamp counts as archived when all its records are.
* Archives may be grouped by member or by subsystem; each group has its own chain.
* They may be encrypted with OpenPGP; a clear one is in no file then.
* A message that cannot be decrypted because it was changed is told and left out.

What a crash may leave behind, in the order in which it is made:

1. a temporary file: removed by the next run;
2. a complete archive, named in the database as pending: the next run removes it and
   archives its records again, so that no record stands in two archives;
3. archive and database agree: nothing to do.

Run it in one process of a server. Should there be two, no record is lost and none
stands in two archives (`kerege.exchange.messagelog.archive_chains`). The other one
stops.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO

import structlog
from sqlalchemy import func, select
from sqlalchemy.sql.elements import ColumnElement

from kerege.exchange.files import sync_path
from kerege.exchange.messagelog import transfer
from kerege.exchange.messagelog.archive_chains import ArchiveChains
from kerege.exchange.messagelog.bodies_folder import require_right
from kerege.exchange.messagelog.cleaning import Cleaner
from kerege.exchange.messagelog.groups import Group, groups_of
from kerege.exchange.messagelog.stored import PAGE, StoredRecord, load
from kerege.exchange.messagelog.trouble import database_as
from kerege.exchange.messagelog.values import LogPolicy
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import contents, records
from kerege.xroad.archive import ArchiveLink, ArchiveWriter
from kerege.xroad.asic import ContainerParts, iter_container
from kerege.xroad.faults import XRoadError

PRIVATE = 0o600
"""Only this server's user reads what people asked about each other."""
TEMPORARY_PREFIX = "tmp-mlog-"
IDS_AT_ONCE = 1000
"""Ids of records of a group that are found with one question."""

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
        self._chains = ArchiveChains(database, policy.archive)
        self._told: set[int] = set()
        self._cleaner = Cleaner(database, policy, clock=clock, pause=pause)

    def require_usable(self) -> None:
        """Look whether archives can be encrypted, if they are to be.

        Raises what `ArchiveEncryption.require_usable` raises.
        """
        if self._policy.archive_encryption is not None:
            self._policy.archive_encryption.require_usable()

    def needs_key(self) -> bool:
        """Whether something is encrypted that is to be archived."""
        question = (
            select(records.c.id)
            .join(contents, contents.c.record_id == records.c.id)
            .where(_to_archive(), contents.c.seal.is_not(None))
            .limit(1)
        )
        with _translated(), self._database.read() as connection:
            return connection.execute(question).first() is not None

    def archive(self) -> int:
        """Archive everything that is time-stamped; return how many records.

        Raises:
            XRoadError: ``io_error`` if the folder does not take the archive,
                ``database_error``, ``key_not_available`` or ``key_not_found`` if
                messages are encrypted with a key that is not here, and what
                `Keyring.encrypting` raises.
        """
        self._told.clear()
        with _translated():
            self._clear_leftovers()
            newest = self._newest()
            count = 0
            for group in self._groups(newest):
                while done := self._archive_one(group, newest):
                    count += done
            self._cleaner.mark_timestamps()
        return count

    def transfer(self, target: Path | None = None, *, keep: bool = False) -> int:
        """Move finished archives where the policy says, or to ``target``.

        Returns how many; 0 if a command of the operator's does it.

        Raises ``io_error``, ``database_error``, ``action_not_possible``.
        """
        policy = self._policy
        goal = target or policy.transfer_to
        with _translated():
            if goal is not None:
                unfinished = {name for _, name in self._chains.pending()}
                return transfer.move_archives(
                    policy.archive, goal, unfinished=unfinished, keep=keep
                )
            if policy.transfer_command and transfer.archives_in(policy.archive):
                transfer.run_command(policy.transfer_command, policy.archive)
        return 0

    def ends(self) -> list[tuple[str, ArchiveLink]]:
        """Return each group of archives with its last one. Raises ``database_error``."""
        with _translated():
            return self._chains.ends()

    def clean(self) -> int:
        """Remove archived records that were kept long enough; return how many.

        Raises ``database_error``.
        """
        with _translated():
            return self._cleaner.clean()

    def _clear_leftovers(self) -> None:
        for path in self._policy.archive.glob(f"{TEMPORARY_PREFIX}*"):
            path.unlink(missing_ok=True)
        self._chains.clear_leftovers()

    def _newest(self) -> int:
        """Return the newest record to archive; those that come later wait."""
        question = select(func.max(records.c.id)).where(_to_archive())
        with self._database.read() as connection:
            return connection.execute(question).scalar() or 0

    def _groups(self, newest: int) -> list[Group]:
        which = _to_archive() & (records.c.id <= newest)
        with self._database.read() as connection:
            return list(groups_of(connection, self._policy.grouping, which))

    def _archive_one(self, group: Group, newest: int) -> int:
        """Write one archive; return how many records it has, 0 if there is nothing."""
        found = self._containers(group, newest)
        first = next(found, None)
        if first is None:
            return 0
        previous = self._chains.previous(group.name)
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
                with self._encrypted(group, file) as write:
                    for chunk in _archive_bytes(writer, chain((first,), found), done):
                        write(chunk)
                file.flush()
                os.fsync(file.fileno())
            is_encrypted = self._policy.archive_encryption is not None
            link = writer.link(group=group.client, encrypted=is_encrypted)
            self._chains.announce(group.name, link.file_name, previous)
            temporary.rename(self._policy.archive / link.file_name)
            sync_path(self._policy.archive)
        finally:
            temporary.unlink(missing_ok=True)
        self._chains.mark(group.name, done, link)
        _log.info("archived", file=link.file_name, records=len(done))
        return len(done)

    @contextmanager
    def _encrypted(
        self, group: Group, file: IO[bytes]
    ) -> Iterator[Callable[[bytes], object]]:
        """Take an archive's bytes, encrypted if the policy says so."""
        encryption = self._policy.archive_encryption
        if encryption is None:
            yield file.write
            return
        keys = self._policy.recipients(group.client)
        with encryption.keyring.encrypting(keys, file) as write:
            yield write

    def _containers(
        self, group: Group, newest: int
    ) -> Iterator[tuple[StoredRecord, ContainerParts]]:
        """Yield what is to be archived, opened; what cannot be opened is left out."""
        for logged in self._records(group, newest):
            record = logged.without_lost_bodies(self._policy.bodies)
            if record is not logged:
                require_right(self._database, self._policy.bodies)
                _log.error("logged body is lost", record=record.container_name)
            try:
                parts = record.parts(self._policy.bodies, self._policy.cipher)
                record.require_whole_files(self._policy.bodies, self._policy.cipher)
            except XRoadError as error:
                if error.code != "cryptography_error":
                    raise
                self._tell_damaged(record, error)
            else:
                yield record, parts

    def _records(self, group: Group, newest: int) -> Iterator[StoredRecord]:
        last = -1
        while True:
            question = (
                select(records.c.id)
                .where(
                    _to_archive(),
                    records.c.id > last,
                    records.c.id <= newest,
                    group.includes,
                )
                .order_by(records.c.id)
                .limit(IDS_AT_ONCE)
            )
            with self._database.read() as connection:
                ids = list(connection.execute(question).scalars())
            if not ids:
                return
            for start in range(0, len(ids), PAGE):
                with self._database.read() as connection:
                    found = load(connection, ids[start : start + PAGE])
                yield from found
            last = ids[-1]

    def _tell_damaged(self, record: StoredRecord, error: XRoadError) -> None:
        """Say once in a run that a record stays in the database."""
        if record.record_id not in self._told:
            self._told.add(record.record_id)
            name = record.container_name
            _log.error("logged message is damaged", record=name, hint=error.advice)


def _archive_bytes(
    writer: ArchiveWriter,
    found: Iterable[tuple[StoredRecord, ContainerParts]],
    done: list[int],
) -> Iterator[bytes]:
    """Yield an archive's bytes, noting in ``done`` the records that are in it."""
    for record, parts in found:
        container = iter_container(parts, time=record.time)
        yield from writer.add(record.container_name, container, record.time)
        done.append(record.record_id)
        if writer.is_full:
            break
    yield from writer.finish()


def _to_archive() -> ColumnElement[bool]:
    return records.c.timestamp_id.is_not(None) & records.c.archived.is_(False)


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
