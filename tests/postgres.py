"""A real PostgreSQL server for tests: its own folder, a unix socket, no TCP port.

The programs come from /usr/lib/postgresql/*/bin. PostgreSQL refuses to run as root, so
under root the server runs as ``postgres`` or, failing that, ``nobody``. One server
serves the whole test process; each test gets a database of its own.
"""

import atexit
import functools
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import psycopg

    from kerege.exchange.storage import Database

BINARIES = "/usr/lib/postgresql"
_numbers = itertools.count(1)


def binaries() -> Path | None:
    """Return the folder with the newest PostgreSQL's programs, if one is installed."""
    found = [p.parent for p in Path(BINARIES).glob("*/bin/initdb")]
    return max(found, key=lambda p: float(p.parent.name)) if found else None


needs_postgres = pytest.mark.skipif(
    binaries() is None, reason=f"PostgreSQL is not installed below {BINARIES}"
)


def unprivileged() -> pwd.struct_passwd | None:
    """Return the user to run as if we are root; None to run as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("Neither the user postgres nor nobody exists")


@dataclass(frozen=True)
class PostgresServer:
    """A running server."""

    programs: Path
    folder: Path

    def url(self, database: str) -> str:
        """Return the address of a database, in SQLAlchemy's form."""
        return f"postgresql+psycopg://kerege@/{database}?host={self.folder}"

    def start(self, options: str = "-c fsync=off -c jit=off") -> None:
        """Start, and return when connections are accepted."""
        options = f"-k {self.folder} -c listen_addresses='' {options}"
        self._pg_ctl("start", "-o", options, "-l", str(self.folder / "log"))

    def stop(self, mode: str = "fast") -> None:
        """Stop; ``immediate`` is what a crash looks like."""
        self._pg_ctl("stop", "-m", mode)

    def create_database(self, encoding: str = "UTF8") -> str:
        """Make a fresh database and return its address."""
        name = f"test_{next(_numbers)}"
        with self._connect() as connection:
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 "
                f"ENCODING '{encoding}' LOCALE 'C'"
            )
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        name = url.partition("@/")[2].partition("?")[0]
        with self._connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def initialize(self) -> None:
        """Make the server's files."""
        command = ["-U", "kerege", "-E", "UTF8", "--locale=C", "-A", "trust", "-N"]
        self._run("initdb", "-D", str(self.folder / "data"), *command)

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        import psycopg  # here: most tests need no database, and start faster

        return psycopg.connect(
            host=str(self.folder), user="kerege", dbname="postgres", autocommit=True
        )

    def _pg_ctl(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-s", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        user = unprivileged()
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            check=False,
        )
        if done.returncode:
            message = done.stderr.decode(errors="replace")
            raise RuntimeError(program, message)


@functools.cache
def server() -> PostgresServer:
    """Return this process's server, started on first use and stopped at its end."""
    programs = binaries()
    if programs is None:
        pytest.skip(f"PostgreSQL is not installed below {BINARIES}")
    folder = Path(tempfile.mkdtemp(prefix="kerege-pg-"))
    if user := unprivileged():
        os.chown(folder, user.pw_uid, user.pw_gid)
    started = PostgresServer(programs, folder)
    atexit.register(_remove, started)
    started.initialize()
    started.start()
    return started


def _remove(started: PostgresServer) -> None:
    if (started.folder / "data" / "postmaster.pid").exists():
        started.stop("immediate")
    shutil.rmtree(started.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> PostgresServer:
    """The server of this test process."""
    return server()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh, empty database's address; the database is dropped afterwards."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


KINDS = [
    "sqlite",
    pytest.param("postgresql", marks=[pytest.mark.postgres, needs_postgres]),
]


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh, empty database: the test runs once for each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'kerege.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def sqlite_database(tmp_path: Path) -> "Iterator[Database]":
    """A fresh SQLite database with its tables."""
    from kerege.exchange.storage import open_database  # here: see above

    opened = open_database(f"sqlite:///{tmp_path / 'kerege.db'}")
    yield opened
    opened.close()


@pytest.fixture
def postgres_database() -> "Iterator[Database]":
    """A PostgreSQL database with empty tables.

    Tests share one, which is emptied after each: making one takes up to a second.
    """
    from kerege.exchange.storage import open_database  # here: see above
    from kerege.exchange.storage.tables import metadata

    opened = open_database(shared_database())
    yield opened
    with opened.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    opened.close()


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest) -> "Database":
    """A database with empty tables: the test runs once for each kind."""
    names = {"sqlite": "sqlite_database", "postgresql": "postgres_database"}
    opened: Database = request.getfixturevalue(names[request.param])
    return opened


@functools.cache
def shared_database() -> str:
    """Return the address of the database that tests use one after the other."""
    return server().create_database()
