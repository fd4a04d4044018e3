"""Copying the portal's database while others write it, and putting it back."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from kerege.portal.configuration import Configuration
from kerege.portal.databases import FILE, database_settings

DUMP = "database.dump"


class DatabaseCopyError(Exception):
    """The database could not be copied or put back; the text says why."""


def is_sqlite(configuration: Configuration) -> bool:
    """Tell whether the database is one file."""
    return bool(database_settings(configuration)["ENGINE"].endswith("sqlite3"))


def copy_database(configuration: Configuration, into: Path) -> Path:
    """Write a consistent copy into a folder, and return the file.

    SQLite's own backup reads the state of one moment while writers go on; PostgreSQL's
    pg_dump does.

    Raises:
        DatabaseCopyError: pg_dump is not there, or failed.
    """
    settings = database_settings(configuration)
    if is_sqlite(configuration):
        copy = into / FILE
        with (
            closing(sqlite3.connect(settings["NAME"])) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        return copy
    copy = into / DUMP
    _run(settings, "pg_dump", "--format=custom", "--no-owner", f"--file={copy}")
    return copy


def put_back(configuration: Configuration, dump: Path) -> None:
    """Fill the empty PostgreSQL database that the settings name.

    Raises:
        DatabaseCopyError: It is not empty, or pg_restore failed.
    """
    settings = database_settings(configuration)
    _require_empty(settings)
    name = settings["NAME"]
    words = ["--no-owner", "--exit-on-error", "--single-transaction"]
    _run(settings, "pg_restore", *words, f"--dbname={name}", str(dump))


def _require_empty(settings: dict[str, Any]) -> None:
    import psycopg  # here: SQLite's installations start faster

    count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"] or None,
        user=settings["USER"],
        password=settings["PASSWORD"] or None,
        dbname=settings["NAME"],
    ) as connection:
        row = connection.execute(count).fetchone()
    if row is not None and row[0]:
        message = f"The database {settings['NAME']} is not empty"
        raise DatabaseCopyError(message)


def _run(settings: dict[str, Any], program: str, *words: str) -> None:
    """Run a program of PostgreSQL; the password is in no list of processes."""
    named = {
        "PGHOST": settings["HOST"],
        "PGPORT": settings["PORT"],
        "PGUSER": settings["USER"],
        "PGPASSWORD": settings["PASSWORD"],
        "PGDATABASE": settings["NAME"],
    }
    environment = os.environ | {name: text for name, text in named.items() if text}
    try:
        done = subprocess.run(  # noqa: S603 - words are ours
            [program, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        message = f"{program} is not installed; it comes with PostgreSQL's client"
        raise DatabaseCopyError(message) from error
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()[:300]
        message = f"{program} failed: {reason}"
        raise DatabaseCopyError(message)
