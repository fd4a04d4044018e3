"""One database for a server: SQLite by default, PostgreSQL 15 or later by its address.

Rules:

* A write transaction takes its lock at once (``BEGIN IMMEDIATE``), so two writers wait
  for each other at the beginning and never fail in the middle.
* A commit is on stable storage: SQLite runs with a write-ahead log and
  ``synchronous=FULL``; PostgreSQL with its own ``synchronous_commit``.
* PostgreSQL must store UTF-8: names of people and places are not ASCII.
* The schema is brought up to date when the database is opened, by one process at a
  time; the others wait.

Source: design decisions "SQLite is the default" and "SQLAlchemy 2 Core + Alembic".
"""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from kerege.exchange.storage.migrations import upgrade
from kerege.xroad.faults import XRoadError

BUSY_TIMEOUT_SECONDS = 5.0
"""How long SQLite waits for another writer; clean-up batches last milliseconds."""
CONNECT_TIMEOUT_SECONDS = 10
"""A PostgreSQL server on the same network answers in far less, or is not there."""
MIN_POSTGRESQL = 150000
"""15: the oldest version that its makers will still support in two years."""
POOL_SIZE = 5
"""Connections kept: a log writer, a job, and a few readers."""
CACHE_KIB = 256
"""Of each SQLite connection. What is not in it is in the system's cache, a copy of two
microseconds away; SQLite's own 2 MiB would be ten in every worker."""
PRIVATE = 0o600
"""Of a new SQLite file: only this server's user reads it. SQLite gives the files beside
it the same rights."""
_READ_ONLY = "kerege_read"
POSTGRESQL_DRIVER = "postgresql+psycopg"


@dataclass(frozen=True, slots=True)
class Database:
    """An open database. May be used from any thread; every call takes a connection."""

    engine: Engine

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; else it is PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that may write; it is committed when the block ends."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads; it never waits for a writer."""
        with self.engine.connect() as connection:
            connection.execution_options(**{_READ_ONLY: True})
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a transaction that only reads, and sees everything as it is now.

        `read` sees on PostgreSQL what others commit meanwhile (``READ COMMITTED``).
        """
        with self.engine.connect() as connection:
            if self.is_sqlite:
                connection.execution_options(**{_READ_ONLY: True})
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open the database at ``url`` and bring its tables up to date.

    Args:
        url: ``sqlite:///path`` or ``postgresql://user@host/name``.

    Raises:
        XRoadError: ``database_error`` if it cannot be opened, is not UTF-8, is too old,
            or was written by a later version of this program.
    """
    address = database_address(url)
    engine = _engine(address)
    try:
        if engine.dialect.name == "postgresql":
            with engine.connect() as connection:
                _require_modern_utf8(connection, shown_address(address))
        with engine.begin() as connection:
            upgrade(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        raise database_error(
            "open the database " + shown_address(address), error
        ) from error
    except XRoadError:
        engine.dispose()
        raise
    return Database(engine)


def database_error(doing: str, error: SQLAlchemyError) -> XRoadError:
    """Return the fault for a database that refused; without statement and values."""
    cause = getattr(error, "orig", None) or error
    reason = str(cause).strip().splitlines()
    return XRoadError(
        "database_error",
        f"Could not {doing}: {reason[0] if reason else type(cause).__name__}",
        advice="Look whether the database is running, has space and lets us in.",
    )


def database_address(url: str) -> URL:
    """Read an address, with our driver. Raises ``database_error``."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise XRoadError(
            "database_error",
            "The database address cannot be read",
            advice="Write sqlite:///path/to/file or postgresql://user@host/name.",
        ) from error
    if address.drivername in ("postgresql", "postgres"):
        return address.set(drivername=POSTGRESQL_DRIVER)
    if address.drivername in ("sqlite", POSTGRESQL_DRIVER):
        return address
    raise XRoadError(
        "database_error",
        f"Databases of type {address.drivername!r} are not supported",
        advice="Use SQLite (sqlite:///path) or PostgreSQL (postgresql://...).",
    )


def shown_address(address: URL) -> str:
    """Return an address for people, without its password."""
    return address.render_as_string(hide_password=True)


def _engine(address: URL) -> Engine:
    if address.drivername == POSTGRESQL_DRIVER:
        return create_engine(
            address,
            pool_size=POOL_SIZE,
            pool_pre_ping=True,
            connect_args={
                "application_name": "kerege",
                "client_encoding": "utf8",
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            },
        )
    engine = create_engine(
        address,
        pool_size=POOL_SIZE,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "do_connect", _make_private)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(
    _dialect: object, _record: object, arguments: list[Any], _options: object
) -> None:
    """Make a new file before SQLite does, which lets everybody read it."""
    name = str(arguments[0]) if arguments else ""
    if name and name != ":memory:":
        with contextlib.suppress(
            OSError
        ):  # it is there; or connecting says what is wrong
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - sqlite3's own type behind SQLAlchemy's event
    connection.isolation_level = None  # we say BEGIN ourselves
    for setting in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        f"cache_size=-{CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _require_modern_utf8(connection: Connection, name: str) -> None:
    version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if version < MIN_POSTGRESQL:
        raise XRoadError(
            "database_error",
            f"PostgreSQL at {name} has version {version // 10000}",
            advice=f"Use version {MIN_POSTGRESQL // 10000} or later.",
        )
    if encoding != "UTF8":
        raise XRoadError(
            "database_error",
            f"The database {name} stores text as {encoding}, not as UTF-8",
            advice="Create it with ENCODING 'UTF8' TEMPLATE template0.",
        )
