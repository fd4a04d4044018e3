"""Full disks, locks, restarts and crashes: nothing that was accepted is lost."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from kerege.exchange.messagelog import writer
from kerege.exchange.messagelog.at_once import AtOnce, Done, Rows
from kerege.exchange.messagelog.ids import RecordIds
from kerege.exchange.messagelog.log import MessageLog
from kerege.exchange.messagelog.rows import to_milliseconds
from kerege.exchange.messagelog.writer import GroupWriter
from kerege.exchange.spool import MEMORY_LIMIT
from kerege.exchange.storage import Database, database as database_module, open_database
from kerege.xroad.faults import XRoadError
from tests.exchange.messagelog.world import World, make_world, raises, spooled
from tests.postgres import PostgresServer, needs_postgres

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


@pytest.fixture
def sqlite_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of an SQLite database that does not wait long for a lock."""
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.02)
    return tmp_path / "kerege.db"


@pytest.fixture
def sqlite_world(sqlite_path: Path, tmp_path: Path) -> Iterator[World]:
    opened = open_database(f"sqlite:///{sqlite_path}")
    yield make_world(opened, tmp_path)
    opened.close()


@contextmanager
def locked_by_another_process(path: Path) -> Iterator[Callable[[], None]]:
    """Hold SQLite's write lock in another process; gives what lets go of it."""
    code = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"locked\n"
        yield process.stdin.close
        process.stdin.close()
        process.wait()


async def test_a_full_disk_fails_at_once_and_space_heals_it(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
):
    world = sqlite_world
    world.retry_seconds = 60.0
    limit = {"pages": 0}
    write = AtOnce.write

    def limited(self: AtOnce, rows: Rows) -> Done:
        self._driver.execute(f"PRAGMA max_page_count={limit['pages'] or 4_294_967_294}")
        return write(self, rows)

    @event.listens_for(world.database.engine, "begin")
    def _limit(connection: Connection) -> None:
        pages = limit["pages"] or 4_294_967_294
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    monkeypatch.setattr(AtOnce, "write", limited)

    async with world.log() as log:
        await log.write(world.record("before"))
        limit["pages"] = 1
        with pytest.raises(XRoadError) as caught:
            await asyncio.gather(
                *(
                    log.write(world.record(f"q{i}", message=bytes(9999)))
                    for i in range(3)
                )
            )
        assert caught.value.code == "logging_failed"
        assert "full" in caught.value.message
        assert caught.value.advice
        limit["pages"] = 0
        await log.write(world.record("after"))

    assert [s.query_id for s in world.stored()] == ["before", "after"]


async def test_a_locked_database_is_waited_for_and_then_given_up(
    sqlite_world: World, sqlite_path: Path
):
    async with sqlite_world.log() as log:
        with locked_by_another_process(sqlite_path):
            with pytest.raises(XRoadError) as caught:
                await log.write(sqlite_world.record("refused"))
            assert caught.value.code == "logging_failed"
            assert "locked" in caught.value.message
        await log.write(sqlite_world.record("accepted"))

    assert [s.query_id for s in sqlite_world.stored()] == ["accepted"]


async def test_a_lock_that_goes_away_in_time_costs_only_time(
    sqlite_world: World, sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sqlite_world.retry_seconds = 60.0
    with locked_by_another_process(sqlite_path) as let_go:
        monkeypatch.setattr(writer.time, "sleep", lambda _seconds: let_go())
        async with sqlite_world.log() as log:
            await log.write(sqlite_world.record())

    assert len(sqlite_world.stored()) == 1


async def test_no_more_than_the_bound_waits_for_a_locked_database(
    sqlite_world: World, sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sqlite_world.retry_seconds = 60.0
    monkeypatch.setattr(writer, "MAX_WAITING_RECORDS", 3)
    with locked_by_another_process(sqlite_path) as let_go:
        async with sqlite_world.log() as log:
            waiting = [
                asyncio.ensure_future(log.write(sqlite_world.record(f"q{i}")))
                for i in range(3)
            ]
            await asyncio.sleep(0)
            with raises("logging_failed"):
                await log.write(sqlite_world.record("too many"))
            monkeypatch.setattr(writer, "MAX_WAITING_RECORDS", 100)
            monkeypatch.setattr(writer, "MAX_WAITING_BYTES", 5000)
            with raises("logging_failed"):
                await log.write(sqlite_world.record("too much", message=bytes(5000)))
            let_go()
            await asyncio.gather(*waiting)

    assert len(sqlite_world.stored()) == 3


async def test_the_body_is_on_stable_storage_before_its_record_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    steps: list[str] = []
    real_fsync, real_rename, real_submit = os.fsync, Path.rename, GroupWriter.submit

    def fsync(handle: int) -> None:
        name = Path(f"/proc/self/fd/{handle}").readlink()
        steps.append("sync folder" if name.is_dir() else "sync file")
        real_fsync(handle)

    def rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return real_rename(path, target)

    def submit(*arguments: object) -> "asyncio.Future[int]":
        steps.append("write record")
        return real_submit(*arguments)  # type: ignore[arg-type]  # passed on as they came

    spool = await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1))
    async with world.log() as log:
        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(Path, "rename", rename)
        monkeypatch.setattr(GroupWriter, "submit", submit)
        await log.write(world.record(body=spool))

    assert steps == ["sync file", "rename", "sync folder", "write record"]


@pytest.mark.parametrize("failing", ["fsync", "open"])
async def test_a_body_that_cannot_be_stored_leaves_neither_record_nor_file(
    world: World, monkeypatch: pytest.MonkeyPatch, failing: str
):
    def broken(*_arguments: object) -> None:
        raise OSError(5, "Input/output error")

    spool = await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1))
    async with world.log() as log:
        with monkeypatch.context() as patch:
            patch.setattr(os, failing, broken)
            with pytest.raises(XRoadError) as caught:
                await log.write(world.record(body=spool))
        assert caught.value.code == "logging_failed"
        assert "Input/output error" in caught.value.message
    spool.discard()

    assert world.stored() == []
    assert world.files() == []


async def test_a_record_that_cannot_be_written_takes_its_body_along(world: World):
    spool = await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1))
    async with world.log() as log:
        with raises("logging_failed"):
            await log.write(world.record("lone surrogate \udc80", body=spool))
        with raises("logging_failed"):
            second = await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1))
            await log.write(world.record("x" * 256, body=second))
    spool.discard()

    assert world.files() == []


async def test_a_commit_whose_answer_was_lost_is_not_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.retry_seconds = 60.0
    lost: list[int] = []

    @event.listens_for(world.database.engine, "commit")
    def _after_the_commit(connection: Connection) -> None:
        if not lost:
            lost.append(1)
            connection.connection.dbapi_connection.commit()  # type: ignore[union-attr]  # it is open
            raise _connection_lost()

    monkeypatch.setattr(AtOnce, "of", lambda _database: None)
    monkeypatch.setattr(writer, "is_passing", lambda _error: True)
    monkeypatch.setattr(writer.time, "sleep", lambda _seconds: None)
    log = world.log()
    log.period.since = None
    async with log:
        await asyncio.gather(*(log.write(world.record(f"q{i}")) for i in range(3)))

    assert lost == [1]
    assert sorted(s.query_id for s in world.stored()) == ["q0", "q1", "q2"]


async def test_a_commit_at_once_whose_answer_was_lost_is_not_repeated(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
):
    commit = AtOnce.commit

    def committed_but_broken(self: AtOnce) -> None:
        commit(self)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(AtOnce, "commit", committed_but_broken)
    async with sqlite_world.log() as log:
        await asyncio.gather(
            *(log.write(sqlite_world.record(f"q{i}")) for i in range(3))
        )

    assert sorted(s.query_id for s in sqlite_world.stored()) == ["q0", "q1", "q2"]


async def test_a_commit_at_once_that_failed_is_made_by_the_thread(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
):
    def broken(_self: AtOnce) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(AtOnce, "commit", broken)
    async with sqlite_world.log() as log:
        await log.write(sqlite_world.record("q"))

    assert [s.query_id for s in sqlite_world.stored()] == ["q"]


async def test_on_a_slow_disk_the_thread_commits(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
):
    threads: list[int] = []
    commit = AtOnce.commit

    def noted(self: AtOnce) -> None:
        threads.append(threading.get_ident())
        commit(self)
        self._average_seconds = 1.0

    monkeypatch.setattr(AtOnce, "commit", noted)
    async with sqlite_world.log() as log:
        await log.write(sqlite_world.record("quick"))
        await log.write(sqlite_world.record("slow"))

    here = threading.get_ident()
    assert [thread == here for thread in threads] == [True, False]
    assert sorted(s.query_id for s in sqlite_world.stored()) == ["quick", "slow"]


async def test_a_database_that_is_lost_for_good_in_a_commit_does_not_cost_the_body(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    @event.listens_for(world.database.engine, "commit")
    def _after_the_commit(connection: Connection) -> None:
        connection.connection.dbapi_connection.commit()  # type: ignore[union-attr]  # it is open
        raise _connection_lost()

    monkeypatch.setattr(AtOnce, "of", lambda _database: None)
    monkeypatch.setattr(writer, "is_passing", lambda _error: True)
    spool = await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1))
    async with world.log() as log:
        with raises("logging_failed"):
            await log.write(world.record(body=spool))
    spool.discard()
    event.remove(world.database.engine, "commit", _after_the_commit)

    (stored,) = world.stored()  # it was written, though nobody could know
    assert [each.file for each in stored.attachments] == world.files()


def _connection_lost() -> DBAPIError:
    return OperationalError(
        "COMMIT", {}, Exception("server closed the connection unexpectedly")
    )


async def test_two_processes_that_draw_the_same_ids_both_write(world: World):
    def same_ids(log: MessageLog) -> None:
        ids = RecordIds(lambda: to_milliseconds(world.clock()), process=7)
        log._ids = log._writer._ids = ids

    one, two = world.log(), world.log()
    same_ids(one)
    same_ids(two)
    async with one, two:
        await one.write(world.record("one"))
        await two.write(world.record("two"))

    assert [s.query_id for s in world.stored()] == ["one", "two"]


async def test_ids_that_never_become_free_end_in_a_fault(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    async with world.log() as log:
        await log.write(world.record("one"))
        taken = world.stored()[0].record_id
        monkeypatch.setattr(log._ids, "next", lambda: taken)
        with raises("logging_failed"):
            await log.write(world.record("two"))

    assert len(world.stored()) == 1


@needs_postgres
@pytest.mark.postgres
@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_postgresql_restarts_in_the_middle_and_nothing_is_lost_or_doubled(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path, mode: str
):
    opened = open_database(postgres_url)
    world = make_world(opened, tmp_path)
    world.retry_seconds = 60.0
    stop = asyncio.Event()
    accepted: list[str] = []
    news: asyncio.Queue[str] = asyncio.Queue()

    async def keep_writing(task: int) -> None:
        while not stop.is_set():
            name = f"{task}-{len(accepted)}"
            await log.write(world.record(name))
            accepted.append(name)
            news.put_nowait(name)

    async with world.log() as log, asyncio.TaskGroup() as group:
        for task in range(4):
            group.create_task(keep_writing(task))
        for _ in range(20):
            await news.get()
        await asyncio.to_thread(postgres_server.stop, mode)
        await asyncio.to_thread(postgres_server.start)
        for _ in range(news.qsize() + 20):
            await news.get()
        stop.set()

    stored = [s.query_id for s in world.stored()]
    assert len(stored) == len(accepted)
    assert sorted(stored) == sorted(accepted)
    opened.close()


WRITES_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from kerege.exchange.storage import open_database
from tests.exchange.messagelog.world import make_world

async def main():
    world = make_world(open_database(sys.argv[1]), Path(sys.argv[2]))
    async with world.log() as log:
        async def one(task):
            for i in range(1_000_000):
                await log.write(world.record(f"{task}-{i}"))
                print(f"logged {task}-{i}", flush=True)
        await asyncio.gather(*(one(task) for task in range(8)))

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_kill_9(database_url: str, tmp_path: Path):
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WRITES_FOR_EVER,
        database_url,
        str(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(100)]
    process.send_signal(signal.SIGKILL)
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    acknowledged = {
        line.decode().split()[1]
        for line in lines
        if line.startswith(b"logged ") and line.endswith(b"\n")
    }

    opened = open_database(database_url)
    with opened.read() as connection:
        if opened.is_sqlite:
            check = connection.execute(text("PRAGMA integrity_check")).scalar()
            assert check == "ok"
        found = connection.execute(text("SELECT query_id FROM message_log_records"))
        stored = set(found.scalars())
    opened.close()
    assert acknowledged
    assert acknowledged <= stored
