"""Database: can it be read, is somebody in the way, is it ours, is it whole?"""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good, skipped
from kerege.exchange.doctor.process import command_of, locks_on
from kerege.exchange.messagelog.trouble import reason
from kerege.exchange.storage import Database
from kerege.exchange.storage.database import (
    MIN_POSTGRESQL,
    database_address,
    shown_address,
)
from kerege.exchange.storage.migrations import HEAD, current
from kerege.exchange.storage.read_only import open_read_only, sqlite_file
from kerege.xroad.faults import XRoadError

WRITE_LOCK_BYTE = 120
"""Of a database's `-shm` file: SQLite's own place for the lock of the one writer."""
LOOKS = 12
LOOK_EVERY_SECONDS = 0.25
"""A lock that one process has at each of a dozen looks is not a busy server's: that
gives it back after every commit."""
CHECK_SECONDS = 10.0
"""Of reading a SQLite file for damage; a large one is read in part."""
PROGRESS_STEPS = 100_000

ADDRESS = Code(
    "D-DB-ADDRESS",
    Severity.ERROR,
    "The database's address in the settings file cannot be read.",
    "The server does not start.",
    "Write `sqlite:///file` or `postgresql+psycopg://user@host/name`.",
)
MISSING = Code(
    "D-DB-MISSING",
    Severity.ERROR,
    "There is no file of the SQLite database.",
    "A server that starts makes an empty one: without clients, services, rights and "
    "message log, and so it refuses everything.",
    "Correct `database` in the settings file, or restore the file from a backup.",
)
UNREACHABLE = Code(
    "D-DB-UNREACHABLE",
    Severity.ERROR,
    "The database cannot be opened.",
    "Nothing can be logged, so no message passes; the server does not start.",
    "Is the database running? Does it let this user in? Is the disk there?",
)
LOCKED = Code(
    "D-DB-LOCKED",
    Severity.ERROR,
    "Another program keeps the database locked.",
    "Messages wait for it and then fail with `logging_failed`.",
    "End the program, or the transaction that it has left open. Do not copy or open a "
    "running server's database with other tools: see "
    "docs/how-to/keep-the-message-log.md",
)
EMPTY = Code(
    "D-DB-EMPTY",
    Severity.ERROR,
    "The database has none of our tables.",
    "A server that starts makes them empty: without clients, services, rights and "
    "message log, and so it refuses everything.",
    "Is `database` in the settings file the right one? Else restore it from a backup.",
)
OLDER = Code(
    "D-DB-OLDER",
    Severity.WARNING,
    "The database was last used by an earlier version.",
    "The next start brings it up to date; an earlier version cannot open it after that.",
    "Make a backup, then start the server.",
)
NEWER = Code(
    "D-DB-NEWER",
    Severity.ERROR,
    "The database was last used by a later version than the one installed here.",
    "This version does not open it: the server does not start.",
    "Install the version that last used it, or a later one.",
)
ENCODING = Code(
    "D-DB-ENCODING",
    Severity.ERROR,
    "The PostgreSQL database does not store text as UTF-8.",
    "The server does not start: names of people and places could not be stored.",
    "Make one with ENCODING 'UTF8' TEMPLATE template0, and move the data.",
)
CTYPE = Code(
    "D-DB-CTYPE",
    Severity.WARNING,
    "The PostgreSQL database's character type knows ASCII letters only.",
    "The exchange works. Searches in the same database do not know that Ө and ө are the "
    "same letter.",
    "Make the database with LC_CTYPE 'C.UTF-8' (or a language's) when you next move it.",
)
OLD_SERVER = Code(
    "D-DB-VERSION",
    Severity.ERROR,
    "The PostgreSQL server is too old.",
    "The server does not start.",
    f"Use version {MIN_POSTGRESQL // 10000} or later.",
)
DAMAGED = Code(
    "D-DB-DAMAGED",
    Severity.ERROR,
    "The SQLite database is damaged.",
    "Reading or writing fails, sooner or later; records may be lost.",
    "Stop the server, copy the file away, and restore the last backup. What is in the "
    "damaged file can often be saved with `sqlite3 FILE .recover`. Look at the disk.",
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A database that was opened."""

    database: Database
    name: str
    file: Path | None


async def look_at_database(examination: Examination) -> Iterable[Finding]:
    """Open the database and look at what it is."""
    url = examination.settings.database_url
    return await in_daemon(_looked_at, url)


async def look_for_locks(examination: Examination) -> Iterable[Finding]:
    """See whether one process keeps SQLite's write lock."""
    try:
        file = sqlite_file(examination.settings.database_url)
    except XRoadError:
        return [skipped("the address cannot be read")]
    if file is None:
        return [good("PostgreSQL's own: see database")]
    holder = await in_daemon(_lasting_writer, file)
    if holder is None:
        return [good("nobody keeps the write lock")]
    command = command_of(holder)
    who = f"process {holder}" + (f" ({command[:80]})" if command else "")
    said = f"{who} has had its write lock for more than {_looked_for():.0f} seconds."
    return [LOCKED.at(str(file), said[0].upper() + said[1:])]


def _looked_for() -> float:
    return (LOOKS - 1) * LOOK_EVERY_SECONDS


def _lasting_writer(file: Path) -> int | None:
    """Return the process that has the write lock at every look, or None."""
    shared = file.with_name(file.name + "-shm")
    holders: set[int] | None = None
    for look in range(LOOKS):
        if look:
            time.sleep(LOOK_EVERY_SECONDS)
        now = {
            lock.process
            for lock in locks_on(shared)
            if lock.writes and not lock.is_whole_file and lock.first == WRITE_LOCK_BYTE
        }
        holders = now if holders is None else holders & now
        if not holders:
            return None
    return next(iter(holders or ()), None)


def _looked_at(url: str) -> list[Finding]:
    try:
        address = database_address(url)
        file = sqlite_file(url)
    except XRoadError as error:
        return [ADDRESS.at("setting 'database'", f"{error.message}.")]
    name = str(file) if file else shown_address(address)
    if file is not None and not file.exists():
        return [MISSING.at(name, "There is no such file.")]
    database = open_read_only(url)
    try:
        return list(_findings(_Seen(database, name, file)))
    except SQLAlchemyError as error:
        return [_refused(name, error)]
    finally:
        database.close()


def _findings(seen: _Seen) -> Iterator[Finding]:
    with seen.database.read() as connection:
        if seen.file is None:
            yield from _postgresql(seen.name, connection)
        yield from _schema(seen.name, connection)
    if seen.file is not None:
        yield from _integrity(seen)
    yield good(f"{'SQLite' if seen.file else 'PostgreSQL'}, {seen.name}")


def _refused(name: str, error: SQLAlchemyError) -> Finding:
    said = f"It says: {reason(error)}."
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return LOCKED.at(name, said)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return DAMAGED.at(name, said)
    if getattr(cause, "sqlstate", None) == "55P03":  # lock_not_available
        return LOCKED.at(name, said)
    return UNREACHABLE.at(name, said)


def _postgresql(name: str, connection: Connection) -> Iterator[Finding]:
    def shown(setting: str) -> str:
        return str(connection.execute(text(f"SHOW {setting}")).scalar_one())

    version, encoding = int(shown("server_version_num")), shown("server_encoding")
    if version < MIN_POSTGRESQL:
        yield OLD_SERVER.at(name, f"It has version {version // 10000}.")
    if encoding != "UTF8":
        yield ENCODING.at(name, f"It stores text as {encoding}.")
        return
    asked = text("SELECT datctype FROM pg_database WHERE datname = current_database()")
    ctype = str(connection.execute(asked).scalar_one())
    if ctype in ("C", "POSIX"):
        yield CTYPE.at(name, f"Its LC_CTYPE is {ctype}.")


def _schema(name: str, connection: Connection) -> Iterator[Finding]:
    step = current(connection)
    if step is None:
        yield EMPTY.at(name, "It has no tables of a Security Server.")
    elif step > HEAD:
        yield NEWER.at(name, f"It is at step {step}, this version knows up to {HEAD}.")
    elif step < HEAD:
        yield OLDER.at(name, f"It is at step {step}, this version wants {HEAD}.")
    else:
        # Touches the table that every message needs: a lock on it shows here.
        connection.execute(text("SELECT id FROM message_log_records LIMIT 1")).all()


def _integrity(seen: _Seen) -> Iterator[Finding]:
    """Read the file for damage, for a bounded time."""
    until = time.monotonic() + CHECK_SECONDS
    with seen.database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            return
        raw.set_progress_handler(lambda: time.monotonic() > until, PROGRESS_STEPS)
        try:
            found = [str(row[0]) for row in raw.execute("PRAGMA quick_check(3)")]
        except sqlite3.OperationalError as error:
            if "interrupt" in str(error):
                return  # a large file: what was read is whole
            raise
        except sqlite3.DatabaseError as error:
            found = [str(error)]
        finally:
            raw.set_progress_handler(None, 0)
    if found != ["ok"]:
        lines = " ".join(" ".join(found).split())[:200]
        yield DAMAGED.at(seen.name, f"SQLite's check says: {lines}.")


CHECKS = (
    Check(
        "database",
        look_at_database,
        (
            *(ADDRESS, MISSING, UNREACHABLE, EMPTY, OLDER, NEWER),
            *(ENCODING, CTYPE, OLD_SERVER, DAMAGED),
        ),
    ),
    Check("database locks", look_for_locks, (LOCKED,)),
)
