"""Writing to SQLite in the event loop, where that is cheaper than asking a thread.

A row takes some microseconds to insert and a commit on a good disk a quarter of a
millisecond. A thread for that costs more than it saves: at every row and every system
call it and the event loop take the interpreter's lock from each other. So:

* Rows go into the open transaction at once.
* The commit follows at once while the disk is quick; while it is slow, the thread
  commits and the event loop does not wait for it.
* Where inserting might wait, for another writer's lock or because there is much to
  write, the thread does it all.
* The write-ahead log is moved into the database by the thread, which takes tens of
  milliseconds; what was written meanwhile, by the event loop, so that the log can
  begin anew. Otherwise it would grow as long as the server is busy.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Sequence
from enum import Enum
from typing import Self

import structlog

from kerege.exchange.messagelog.rows import RecordRows, statements
from kerege.exchange.storage import Database

MOST_BYTES = 512 * 1024
MOST_ROWS = 128
"""Most bytes and records inserted in the event loop: some milliseconds' work."""
SLOW_SECONDS = 0.01
"""Where commits take longer than this on average, the thread makes them."""
STALL_SECONDS = 0.05
"""After one that took so long the thread makes the next thirty."""
WEIGHT = 0.05
"""Of a commit in the average of the last ones: twenty of them decide."""
CHECKPOINT_PAGES = 4000
"""Pages written, 16 MB, after which the write-ahead log goes into the database: four
times SQLite's default, so that a page of an index is moved once for four changes."""
_PAGE_BYTES = 4096
_PAGES_OF_A_RECORD = 5
"""What a record changes besides its content: leaves of two tables and three indexes."""

_log = structlog.get_logger(__name__)

Rows = Sequence[tuple[int, bytes, RecordRows]]


class Done(Enum):
    """How far rows have come at once."""

    NOTHING = "nothing"
    """Nothing was changed."""
    INSERTED = "inserted"
    """The transaction is open; `AtOnce.commit` is next."""
    COMMITTED = "committed"
    """The rows are on stable storage."""


class _State(Enum):
    """How far the write-ahead log's way into the database is."""

    QUIET = "quiet"
    MOVING = "moving"
    """The thread is at it, or soon will be."""
    MOVED = "moved"
    """The rest is to be moved after the next commit."""


class AtOnce:
    """A connection that never waits for a lock; used by one thread at a time."""

    def __init__(self, database: Database, driver: sqlite3.Connection) -> None:
        """Take a connection for good."""
        self._database = database
        self._driver = driver
        self._file = _identity(database)
        self._average_seconds = 0.0
        self._pages = 0
        self._state = _State.QUIET

    @classmethod
    def of(cls, database: Database) -> Self | None:
        """Return one for a SQLite database; None if the database is another."""
        if not database.is_sqlite:
            return None
        return cls(database, _connect(database))

    def write(self, rows: Rows) -> Done:
        """Insert rows, and commit them if the disk is quick."""
        try:
            if _identity(self._database) != self._file:
                self._reopen()
            if self._would_take_long(rows):
                return Done.NOTHING
            self._driver.execute("BEGIN IMMEDIATE")
            for statement, values in statements(rows, "sqlite"):
                self._driver.executemany(statement, values)
        except Exception:  # noqa: BLE001 - the thread finds out which record and why
            self.rollback()
            return Done.NOTHING
        self._pages += sum(
            [_PAGES_OF_A_RECORD + each.size // _PAGE_BYTES for _, _, each in rows]
        )
        if self._average_seconds > SLOW_SECONDS:
            return Done.INSERTED
        try:
            self.commit()
        except sqlite3.Error:
            return Done.INSERTED  # the thread finds out whether it was written
        return Done.COMMITTED

    def _would_take_long(self, rows: Rows) -> bool:
        """Whether there is much to insert, or the commit would wait behind a move."""
        size = sum([each.size for _, _, each in rows])
        waits = self._state is _State.MOVING and self._average_seconds > SLOW_SECONDS
        return waits or size > MOST_BYTES or len(rows) > MOST_ROWS

    def commit(self) -> None:
        """Commit what was inserted: it is on stable storage. Raises sqlite3.Error."""
        began = time.perf_counter()
        self._driver.execute("COMMIT")
        took = time.perf_counter() - began
        if took > STALL_SECONDS:
            self._average_seconds = max(self._average_seconds, STALL_SECONDS)
        self._average_seconds += WEIGHT * (took - self._average_seconds)
        if self._state is _State.MOVED:
            self._state = _State.QUIET
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Move what was written during `move`; the log then begins at its front.

        RESTART keeps other processes from writing for that moment, or does nothing:
        with PASSIVE they would write on, and the log would never end.
        """
        try:
            self._driver.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        except sqlite3.Error as error:
            _log.warning("write-ahead log not moved", reason=str(error))

    def take_move(self) -> bool:
        """Return whether it is time for `move`, once each time."""
        if self._pages < CHECKPOINT_PAGES or self._state is not _State.QUIET:
            return False
        self._pages, self._state = 0, _State.MOVING
        return True

    def move(self) -> None:
        """Move the write-ahead log into the database, beside the writer at work."""
        try:
            connection = _connect(self._database)
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            finally:
                connection.close()
        except Exception as error:  # noqa: BLE001 - the next one may do better
            _log.warning("write-ahead log not moved", reason=str(error))
        self._state = _State.MOVED

    def rollback(self) -> None:
        """Forget what was inserted."""
        with contextlib.suppress(sqlite3.Error):  # it is closed, or broken: see commit
            if self._driver.in_transaction:
                self._driver.rollback()

    def close(self) -> None:
        """Close the connection."""
        self._driver.close()

    def _reopen(self) -> None:
        """Leave a file that was moved away or replaced: nobody would find the rows."""
        self._database.engine.dispose()
        old, self._driver = self._driver, _connect(self._database)
        old.close()
        self._file = _identity(self._database)


def _connect(database: Database) -> sqlite3.Connection:
    connection = database.engine.raw_connection()
    driver = connection.driver_connection
    connection.detach()
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("This is no SQLite database")
    driver.execute("PRAGMA busy_timeout=0")
    driver.execute("PRAGMA wal_autocheckpoint=0")
    return driver


def _identity(database: Database) -> tuple[int, int]:
    """Return what tells the database's file from another of the same name."""
    try:
        found = os.stat(database.engine.url.database or "")  # noqa: PTH116 - a microsecond
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)
