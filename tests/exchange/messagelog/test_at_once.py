"""Writing in the event loop: what it must not do to others, and to itself."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from kerege.exchange.messagelog import at_once, writer
from kerege.exchange.messagelog.at_once import AtOnce, Done
from kerege.exchange.messagelog.writer import InDoubtError
from kerege.exchange.spool import MEMORY_LIMIT
from kerege.exchange.storage import Database, open_database
from tests.exchange.messagelog.world import World, make_world, raises, spooled

PAGES = 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def world(path: Path, tmp_path: Path):
    database = open_database(f"sqlite:///{path}")
    yield make_world(database, tmp_path)
    database.close()


def wal_bytes(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_size


def move_away(path: Path) -> None:
    path.rename(path.with_name("away"))


def rights_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def write_many(log, world: World, name: str, count: int) -> None:
    for number in range(count):
        await log.write(world.record(f"{name}{number}"))


async def test_the_write_ahead_log_begins_anew_though_others_write(
    world: World, path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Another process writes all the time; neither waits for the other to pause."""
    monkeypatch.setattr(at_once, "CHECKPOINT_PAGES", PAGES)
    async with world.log() as log:
        with another_writer(path):
            await write_many(log, world, "q", 400)
            size = wal_bytes(path)
    assert size < 400 * 8192  # half of what the records alone have written


@contextmanager
def another_writer(path: Path) -> Iterator[None]:
    """Write blocks of 8 KiB all the time."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"writing\n"
        yield
        process.stdin.close()


OTHER = """
import os, select, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("PRAGMA wal_autocheckpoint=0")
connection.execute("CREATE TABLE other (block BLOB)")
print("writing", flush=True)
while not select.select([sys.stdin], [], [], 0.001)[0]:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO other VALUES (zeroblob(8192))")
    connection.execute("COMMIT")
os._exit(0)  # without the checkpoint of a last connection
"""


async def test_a_large_record_does_not_go_into_a_file_that_was_moved_away(
    world: World, path: Path
):
    async with world.log() as log:
        await log.write(world.record("before"))
        copy = path.with_name("copy.db")
        with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
            source.backup(target)
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).rename(path.with_name(f"away-{name}"))
        copy.rename(path)
        large = bytes(at_once.MOST_BYTES + 1)
        await log.write(world.record("after", message=large))
    found = open_database(f"sqlite:///{path}")
    with found.read() as connection:
        query = "SELECT query_id FROM message_log_records ORDER BY id"
        names = connection.exec_driver_sql(query).scalars().all()
    found.close()
    assert names == ["before", "after"]


async def test_a_new_file_where_the_old_one_was_is_private(world: World, path: Path):
    async with world.log() as log:
        await log.write(world.record("before"))
        move_away(path)
        with raises("logging_failed"):
            await log.write(world.record("after"))
    assert rights_of(path) == 0o600


async def test_what_may_have_been_written_keeps_its_body(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """The commit happened, its answer was lost, and the next try fails otherwise."""
    commit = AtOnce.commit

    def lost(self: AtOnce) -> None:
        commit(self)
        raise sqlite3.OperationalError("disk I/O error")

    def broken(_connection: object, _batch: object) -> bool:
        raise _disk_full()

    monkeypatch.setattr(AtOnce, "commit", lost)
    monkeypatch.setattr(writer, "_are_there", broken)
    spool = await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1))
    async with world.log() as log:
        with pytest.raises(InDoubtError):
            await log.write(world.record(body=spool))
    spool.discard()
    (stored,) = world.stored()
    assert [each.file for each in stored.attachments] == world.files()


def _disk_full() -> DBAPIError:
    return OperationalError("INSERT", {}, Exception("database or disk is full"))


async def test_a_bug_in_writing_at_once_leaves_it_to_the_thread(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    def broken(_self: AtOnce, _rows: object) -> Done:
        raise RuntimeError("a bug")

    monkeypatch.setattr(AtOnce, "write", broken)
    async with world.log() as log:
        await asyncio.gather(*(log.write(world.record(f"q{i}")) for i in range(3)))
    assert len(world.stored()) == 3


async def test_a_log_that_cannot_be_moved_does_not_fail_the_commit(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(at_once, "CHECKPOINT_PAGES", 1)
    connect = at_once._connect

    def connect_once(database: Database) -> sqlite3.Connection:
        monkeypatch.setattr(at_once, "_connect", refuse)
        return connect(database)

    def refuse(_database: Database) -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(at_once, "_connect", connect_once)
    async with world.log() as log:
        await write_many(log, world, "q", 10)
    assert len(world.stored()) == 10


async def test_too_many_records_at_once_are_the_threads(world: World):
    made = AtOnce.of(world.database)
    assert made is not None
    try:
        assert made._would_take_long([(1, b"", _row(10))] * at_once.MOST_ROWS) is False
        assert made._would_take_long([(1, b"", _row(10))] * (at_once.MOST_ROWS + 1))
        assert made._would_take_long([(1, b"", _row(at_once.MOST_BYTES + 1))])
    finally:
        made.close()


def _row(size: int) -> writer.RecordRows:
    return writer.RecordRows((), (b"", b"", None, None, None, None), (), size, b"")


async def test_a_stall_sends_the_next_commits_to_the_thread(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    times = iter([0.0, 1.0])
    made = AtOnce.of(world.database)
    assert made is not None
    with monkeypatch.context() as patch:
        patch.setattr(at_once.time, "perf_counter", lambda: next(times))
        made._driver.execute("BEGIN IMMEDIATE")
        made.commit()
    assert made.write([]) is Done.INSERTED
    made.rollback()
    made.close()
