"""The chains of archives: which archive is the last of each, and which is in the making.

Each group has a chain of its own; ungrouped archives are one group. The database says
which archive was the last, and which one is about to be put in place: who announces an
archive must find the chain as it was, who marks its records must find it still
announced.
"""

from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy import select, update

from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import archives, records
from kerege.xroad.archive import NO_ARCHIVE, ArchiveLink
from kerege.xroad.faults import XRoadError

MARKED_AT_ONCE = 500
"""Ids in one statement, below any limit on parameters."""

_log = structlog.get_logger(__name__)


class ArchiveChains:
    """What the database knows of the archives in a folder. Everything here blocks."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def clear_leftovers(self) -> None:
        """Remove archives that were announced and not finished."""
        for group, pending in self.pending():
            self.withdraw(group, pending)

    def withdraw(self, group: str, pending: str) -> None:
        """Remove an archive that was not finished, unless it has been meanwhile."""
        with self._database.write() as connection:
            withdrawn = connection.execute(
                update(archives)
                .where(
                    archives.c.group_name == group, archives.c.pending_file == pending
                )
                .values(pending_file=None)
            )
            if withdrawn.rowcount:
                _log.warning("archive made again", file=pending)
                (self._folder / pending).unlink(missing_ok=True)

    def previous(self, group: str) -> ArchiveLink:
        """Return the last archive of a group."""
        question = select(archives).where(archives.c.group_name == group)
        with self._database.read() as connection:
            row = connection.execute(question).one_or_none()
        return ArchiveLink(row.last_digest, row.last_file) if row else NO_ARCHIVE

    def announce(self, group: str, name: str, previous: ArchiveLink) -> None:
        """Note which archive is about to be put in place, if it still follows.

        Raises ``action_not_possible`` if another archiver was quicker.
        """
        of_group = archives.c.group_name == group
        with self._database.write() as connection:
            announced = connection.execute(
                update(archives)
                .where(
                    of_group,
                    archives.c.last_digest == previous.digest,
                    archives.c.pending_file.is_(None),
                )
                .values(pending_file=name)
            )
            if announced.rowcount:
                return
            if connection.execute(
                select(archives.c.group_name).where(of_group)
            ).first():
                raise _disturbed()
            connection.execute(
                archives.insert().values(
                    group_name=group,
                    last_digest=NO_ARCHIVE.digest,
                    last_file=NO_ARCHIVE.file_name,
                    pending_file=name,
                )
            )

    def mark(self, group: str, done: Sequence[int], link: ArchiveLink) -> None:
        """Note in one transaction that these records are in this archive.

        Raises ``action_not_possible`` if the archive was withdrawn.
        """
        of_group = archives.c.group_name == group
        with self._database.write() as connection:
            question = select(archives).where(of_group).with_for_update()
            state = connection.execute(question).one_or_none()
            known = (state.pending_file, state.last_file) if state else ()
            if link.file_name not in known:  # withdrawn; the same one may be finished
                (self._folder / link.file_name).unlink(missing_ok=True)
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

    def pending(self) -> list[tuple[str, str]]:
        """Return group and name of archives that are announced and not finished."""
        question = select(archives.c.group_name, archives.c.pending_file).where(
            archives.c.pending_file.is_not(None)
        )
        with self._database.read() as connection:
            found = connection.execute(question).all()
        return [(row.group_name, row.pending_file) for row in found]

    def ends(self) -> list[tuple[str, ArchiveLink]]:
        """Return every group with its last archive, by name."""
        question = select(archives).order_by(archives.c.group_name)
        with self._database.read() as connection:
            found = connection.execute(question).all()
        return [
            (row.group_name, ArchiveLink(row.last_digest, row.last_file))
            for row in found
            if row.last_file
        ]


def _disturbed() -> XRoadError:
    return XRoadError(
        "action_not_possible",
        "Another archiver is at work on this message log",
        advice="A running server archives by itself. What was not archived now will be "
        "in the next run.",
    )
