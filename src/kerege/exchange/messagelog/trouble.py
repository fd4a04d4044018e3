"""Which errors of a database pass by themselves, and which concern every record."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)

from kerege.xroad.faults import XRoadError

_SQLITE_PASSING = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED))
_POSTGRESQL_PASSING = ("08", "57P", "40", "53300", "25006")
"""Connection, shutdown and start, deadlock, too many connections, and a server that
has just become a standby."""


def is_passing(error: DBAPIError) -> bool:
    """Whether it is worth trying again in a moment.

    Locks, and a database that restarts, are. A full disk is not: it would only delay
    the answer.
    """
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        return code in _SQLITE_PASSING
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(cause, "sqlstate", None)
    return state is None or state.startswith(_POSTGRESQL_PASSING)


def concerns_all(error: Exception) -> bool:
    """Whether the database is in trouble, rather than one record unacceptable."""
    return isinstance(error, OperationalError | InterfaceError)


def reason(error: Exception) -> str:
    """Return the first line of what the database said; never statement or values."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__


@contextmanager
def database_as(code: str, what: str) -> Iterator[None]:
    """Turn a database's refusal inside the block into a fault with this code."""
    try:
        yield
    except SQLAlchemyError as error:
        raise XRoadError(
            code,
            f"{what}: {reason(error)}",
            advice="Look at the message log's database: is it running, has it space?",
        ) from error
