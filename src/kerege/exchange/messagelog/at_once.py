"""Inserting into SQLite in the event loop, so that only the commit needs a thread.

A row takes some microseconds to insert, but a thread that inserts asks the event loop
for the interpreter's lock at every row, which costs both of them more than the row
does. So rows go into an open transaction at once, and the thread does what may take
long: the commit, which waits for the disk. Where inserting might wait, for another
writer's lock or because there is much to write, the thread does it all.
"""

from collections.abc import Sequence
from typing import Self

from sqlalchemy import Connection

from kerege.exchange.messagelog.rows import RecordRows, insert_records
from kerege.exchange.storage import Database

MOST_BYTES = 512 * 1024
"""Most bytes inserted in the event loop: half a millisecond's work."""

Rows = Sequence[tuple[int, bytes, RecordRows]]


class InsertAtOnce:
    """A connection that never waits; used by one thread at a time."""

    def __init__(self, connection: Connection) -> None:
        """Take a connection for good."""
        self._connection = connection

    @classmethod
    def of(cls, database: Database) -> Self | None:
        """Return one for a SQLite database; None if the database is another."""
        if not database.is_sqlite:
            return None
        connection = database.engine.connect()
        driver = connection.connection.driver_connection
        if driver is not None:
            driver.execute("PRAGMA busy_timeout=0")
        return cls(connection)

    def insert(self, rows: Rows) -> bool:
        """Insert rows and leave the transaction open.

        Returns False, with nothing changed, if this cannot be done at once.
        """
        if sum(each.size for _, _, each in rows) > MOST_BYTES:
            return False
        try:
            insert_records(self._connection, rows)
        except Exception:  # noqa: BLE001 - the thread finds out which record and why
            self.rollback()
            return False
        return True

    def commit(self) -> None:
        """Commit what was inserted; it is on stable storage. Raises DBAPIError."""
        self._connection.commit()

    def rollback(self) -> None:
        """Forget what was inserted."""
        self._connection.rollback()

    def close(self) -> None:
        """Give the connection up, not back: it is not like the pool's others."""
        self._connection.invalidate()
        self._connection.close()
