"""Databases that are wrong, each alone: SQLite files and a real PostgreSQL."""

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from kerege.exchange.doctor import Severity, database_checks
from kerege.exchange.storage import open_database
from kerege.exchange.storage.migrations import runner, upgrade
from kerege.sandbox.builder import configure
from kerege.sandbox.layout import REGISTER
from tests.exchange.doctor.world import only
from tests.postgres import needs_postgres

FILE = "security-server.db"
WARNING = Severity.WARNING

WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("CREATE TABLE IF NOT EXISTS somebody_elses (a)")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
connection.close()
"""


@contextlib.contextmanager
def held(world, begin: str = "BEGIN IMMEDIATE") -> Iterator[int]:
    """Another program that has the database open for writing."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(world.folder / FILE), begin],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.readline() == b"held\n"
        yield process.pid
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


async def test_an_address_that_cannot_be_read(world):
    world.write_settings(database="mysql://somewhere/else")
    async with world:
        found = await world.examine()
    only(found, "D-DB-ADDRESS", "setting 'database'", "'mysql' are not supported")


async def test_a_database_file_that_is_not_there(world):
    (world.folder / FILE).unlink()
    async with world:
        found = await world.examine()
    wrong = only(found, "D-DB-MISSING", FILE, "no such file")
    assert "makes an empty one" in wrong.follows
    assert not (world.folder / FILE).exists()  # the doctor made none


async def test_a_file_that_is_no_database(world):
    (world.folder / FILE).write_bytes(b"not a database" * 1000)
    async with world:
        found = await world.examine()
    only(found, "D-DB-DAMAGED", FILE, "not a database")


async def test_a_database_with_damaged_pages(world):
    file = world.folder / FILE
    data = bytearray(file.read_bytes())
    for page in range(8, len(data) // 4096):
        data[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    file.write_bytes(data)
    async with world:
        found = await world.examine()
    codes = {f.code for f in found}
    assert "D-DB-DAMAGED" in codes
    (wrong,) = (f for f in found if f.code == "D-DB-DAMAGED")
    assert "restore the last backup" in wrong.advice


async def test_a_database_that_another_program_keeps_locked(world):
    async with world:
        with held(world) as process:
            found = await world.examine()
    wrong = only(found, "D-DB-LOCKED", FILE, f"Process {process} (")
    assert "has had its write lock for more than" in wrong.what


async def test_an_empty_database(world):
    file = world.folder / FILE
    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE somebody_elses (a)")
    connection.close()
    async with world:
        found = await world.examine()
    only(found, "D-DB-EMPTY", FILE, "no tables of a Security Server")


async def test_a_database_of_an_earlier_version(world):
    file = world.folder / FILE
    file.unlink()
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        upgrade(connection)
        configure(connection, world.ports, REGISTER)
        command.downgrade(runner.configuration(connection), "0002")
    engine.dispose()
    async with world:
        found = await world.examine()
    wrong = only(found, "D-DB-OLDER", FILE, "It is at step 0002", severity=WARNING)
    assert "Make a backup" in wrong.advice


async def test_a_database_of_a_later_version(world):
    with world.database() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    async with world:
        found = await world.examine()
    only(found, "D-DB-NEWER", FILE, "It is at step 9999")


async def test_the_doctor_leaves_a_database_as_it_is(world):
    before = (world.folder / FILE).read_bytes()
    names = {path.name for path in world.folder.iterdir()}
    async with world:
        await world.examine()
    assert (world.folder / FILE).read_bytes() == before
    assert {path.name for path in world.folder.iterdir()} == names


# PostgreSQL.


@pytest.fixture
def in_postgresql(postgres_server):
    """Move a world's database into a new one of PostgreSQL."""
    made = []

    def move(world, *, encoding="UTF8", locale="C.UTF-8", fill=True) -> str:
        name = f"doctor_{len(made)}"
        with postgres_server._connect() as connection:
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 "
                f"ENCODING '{encoding}' LOCALE '{locale}'"
            )
        url = postgres_server.url(name)
        made.append(url)
        if fill:
            database = open_database(url)
            with database.write() as connection:
                configure(connection, world.ports, REGISTER)
            database.close()
        world.write_settings(database=url)
        return url

    yield move
    for url in made:
        postgres_server.drop_database(url)


@pytest.mark.postgres
@needs_postgres
async def test_a_healthy_postgresql(world, in_postgresql):
    in_postgresql(world)
    async with world:
        found = await world.examine()
    assert [f.code for f in found] == ["D-SERVER-DOWN"]


@pytest.mark.postgres
@needs_postgres
async def test_a_postgresql_that_is_not_there(world, postgres_server):
    url = postgres_server.url("nobody_made_this")
    world.write_settings(database=url)
    async with world:
        found = await world.examine()
    only(found, "D-DB-UNREACHABLE", "nobody_made_this", "does not exist")


@pytest.mark.postgres
@needs_postgres
async def test_a_postgresql_whose_password_is_not_shown(world):
    world.write_settings(
        database="postgresql+psycopg://kerege:Secret1@127.0.0.1:1/kerege"
    )
    world.config.chmod(0o600)
    async with world:
        found = await world.examine()
    wrong = only(found, "D-DB-UNREACHABLE", "kerege:***@127.0.0.1", "refused")
    assert "Secret1" not in wrong.subject + wrong.what


@pytest.mark.postgres
@needs_postgres
async def test_a_postgresql_that_is_too_old(world, in_postgresql, monkeypatch):
    """The oldest that is installed here is new enough, until the least is raised."""
    in_postgresql(world)
    monkeypatch.setattr(database_checks, "MIN_POSTGRESQL", 990000)
    async with world:
        found = await world.examine()
    only(found, "D-DB-VERSION", "doctor_0", "It has version 1")


@pytest.mark.postgres
@needs_postgres
async def test_a_postgresql_that_is_not_utf8(world, in_postgresql):
    in_postgresql(world, encoding="LATIN1", locale="C", fill=False)
    async with world:
        found = await world.examine()
    only(*(found, "D-DB-ENCODING", "doctor_0", "LATIN1"), consequences=("D-DB-EMPTY",))


@pytest.mark.postgres
@needs_postgres
async def test_a_postgresql_that_knows_ascii_letters_only(world, in_postgresql):
    in_postgresql(world, locale="C")
    async with world:
        found = await world.examine()
    only(*(found, "D-DB-CTYPE", "doctor_0", "LC_CTYPE is C"), severity=WARNING)


@pytest.mark.postgres
@needs_postgres
async def test_a_postgresql_table_that_somebody_keeps_locked(world, in_postgresql):
    url = in_postgresql(world)
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE message_log_records"))
        async with world:
            found = await world.examine()
        connection.rollback()
    engine.dispose()
    only(found, "D-DB-LOCKED", "doctor_0", "lock timeout")
