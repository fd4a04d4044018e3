"""The database of a server that may be running, opened by somebody who only looks.

Rules:

* Nothing is made, migrated or written: no file, no lock that a writer waits for.
* SQLite: a database without write-ahead log beside it is at rest and is read as it is;
  with one it is read as any other reader does, beside the writer.
* PostgreSQL: the session may only read, and gives up after seconds rather than wait
  for a lock.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from kerege.exchange.storage.database import (
    POSTGRESQL_DRIVER,
    Database,
    database_address,
)
from kerege.xroad.faults import XRoadError

WAIT_SECONDS = 3.0
"""Longest wait for a lock: a writer's own transactions last milliseconds."""
STATEMENT_SECONDS = 10.0
"""Longest question to PostgreSQL."""
CONNECT_SECONDS = 5
"""Who does not take a connection by then keeps messages waiting too."""


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite database; None for PostgreSQL.

    Raises ``database_error`` if the address cannot be read.
    """
    address = database_address(url)
    if address.drivername == POSTGRESQL_DRIVER:
        return None
    return Path(address.database or "")


def open_read_only(url: str) -> Database:
    """Open a database to look at it; nothing is asked of it yet.

    Raises ``database_error`` if the address cannot be read, or there is no such file.
    """
    address = database_address(url)
    if address.drivername == POSTGRESQL_DRIVER:
        return Database(_postgresql(address))
    file = Path(address.database or "")
    if not file.is_file():
        raise XRoadError(
            "database_error",
            f"There is no database file {file}",
            advice="Correct `database` in the settings file, or restore the file.",
        )
    return Database(_sqlite(file))


def _sqlite(file: Path) -> Engine:
    engine = create_engine("sqlite://", creator=_opener(file))
    event.listen(engine, "begin", _begin)
    return engine


def _opener(file: Path) -> Callable[[], Any]:
    def connect() -> Any:  # noqa: ANN401 - sqlite3's own type behind SQLAlchemy
        is_at_rest = not file.with_name(file.name + "-wal").exists()
        how = "mode=ro&immutable=1" if is_at_rest else "mode=ro"
        return sqlite3.connect(
            f"file:{quote(str(file.resolve()))}?{how}",
            uri=True,
            timeout=WAIT_SECONDS,
            check_same_thread=False,
            isolation_level=None,
        )

    return connect


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _postgresql(address: URL) -> Engine:
    bounds = {
        "default_transaction_read_only": "on",
        "lock_timeout": f"{WAIT_SECONDS * 1000:.0f}",
        "statement_timeout": f"{STATEMENT_SECONDS * 1000:.0f}",
    }
    return create_engine(
        address,
        pool_size=1,
        connect_args={
            "application_name": "kerege doctor",
            "client_encoding": "utf8",
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in bounds.items()),
        },
    )
