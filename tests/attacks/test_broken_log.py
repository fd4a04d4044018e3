"""The message log's database is full, locked, gone or restarting; so is the spool's disk.

What cannot be logged is not answered: not by the service, not to the application. And
whatever was answered is in the log, on both sides.
"""

import asyncio
import errno
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from kerege.exchange import spool
from kerege.exchange.messagelog import Direction, LogRecord
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage.message_log_tables import records
from kerege.xroad.faults import XRoadError
from tests.attacks.stage import Stage, soon
from tests.postgres import needs_postgres
from tests.server_parts import MemoryLog
from tests.servers import Pair
from tests.wire import answer

SIDES = {"consumer": "server.clientproxy", "provider": "server.serverproxy"}


@dataclass
class Databases:
    """A stage whose servers log into real databases."""

    stage: Stage

    def engine(self, side):
        return getattr(self.stage.pair, side).runtime.log.database.engine

    def writer(self, side):
        return getattr(self.stage.pair, side).runtime.log._writer

    def count(self, side):
        database = getattr(self.stage.pair, side).runtime.log.database
        with database.read() as connection:
            return connection.execute(select(func.count(records.c.id))).scalar()

    def file(self, side):
        return getattr(self.stage.pair, side).folder / "security-server.db"

    @contextmanager
    def with_pragma(self, side, pragma):
        """Set something on every connection that is taken, for a while."""
        engine = self.engine(side)

        def set_it(connection, *_):
            connection.execute(f"PRAGMA {pragma}").close()

        event.listen(engine, "checkout", set_it)
        self.writer(side)._at_once._driver.execute(f"PRAGMA {pragma}")
        try:
            yield
        finally:
            event.remove(engine, "checkout", set_it)


@pytest.fixture
async def databases(tmp_path, logs, nothing_is_left):
    pair = Pair(tmp_path)
    pair.consumer.real_log = pair.provider.real_log = True
    async with pair:
        pair.offer("echo")
        made = Databases(Stage(pair, logs))
        for side in SIDES:
            made.writer(side)._retry_seconds = 0.01
        yield made


@pytest.mark.parametrize("side", SIDES)
async def test_a_full_disk_refuses_messages_until_there_is_space(databases, side):
    stage = databases.stage
    with databases.with_pragma(side, "max_page_count=1"):  # so: not one page more
        answered, refused = await until_refused(stage)
        stage.saw_fault(refused, f"{SIDES[side]}.logging_failed")
        assert b"full" in refused.body
        if side == "provider":
            assert len(stage.pair.service.requests) - answered in (0, 1)
    with databases.with_pragma(side, "max_page_count=1000000"):
        logged = databases.count(side)
        assert logged >= 2 * answered
        await stage.succeeds()
        assert databases.count(side) == logged + 2


async def until_refused(stage):
    """Send until something is refused; return how many were answered, and the fault."""
    for answered in range(100):
        got = await stage.pair.send("POST", "echo", body=b"x" * 8000)
        if got.status != 200:
            return answered, got
    raise AssertionError("the disk is never full")


@pytest.mark.parametrize("side", SIDES)
async def test_a_locked_database_is_waited_for(databases, side):
    """Another program writes for a moment: nobody notices."""
    stage = databases.stage
    databases.writer(side)._retry_seconds = 10.0
    with databases.with_pragma(side, "busy_timeout=1"):
        async with asyncio.TaskGroup() as group:
            lock = locked(databases.file(side))
            sending = group.create_task(stage.pair.send("GET", "echo"))
            await waits(stage)
            assert not sending.done()
            lock.rollback()
            lock.close()
    assert sending.result().status == 200
    assert databases.count(side) == 2


@pytest.mark.parametrize("side", SIDES)
async def test_a_database_that_stays_locked_refuses_messages(databases, side):
    stage = databases.stage
    await stage.succeeds()
    called = len(stage.pair.service.requests)
    with databases.with_pragma(side, "busy_timeout=1"):
        lock = locked(databases.file(side))
        await stage.refuses(f"{SIDES[side]}.logging_failed")
        if side == "provider":
            assert len(stage.pair.service.requests) == called
        lock.rollback()
        lock.close()
    assert databases.count(side) == 2
    await stage.succeeds()
    assert databases.count(side) == 4


@pytest.mark.parametrize("side", SIDES)
async def test_a_database_that_is_gone_refuses_messages_until_it_is_back(
    databases, side
):
    stage = databases.stage
    await stage.succeeds()
    engine, file = databases.engine(side), databases.file(side)
    engine.dispose()
    away = file.with_name("away")
    away.mkdir()
    hidden = [
        path.rename(away / path.name) for path in file.parent.glob(f"{file.name}*")
    ]
    file.mkdir()  # what is opened next is no database
    await stage.refuses(f"{SIDES[side]}.logging_failed")
    file.rmdir()
    for path in hidden:
        path.rename(file.parent / path.name)
    await stage.succeeds()
    assert databases.count(side) == 4


async def test_a_table_that_is_gone_refuses_messages(databases):
    """Whatever SQL says: it is the log that failed."""
    stage = databases.stage
    with databases.engine("provider").begin() as connection:
        connection.exec_driver_sql("ALTER TABLE message_log_records RENAME TO gone")
    await stage.refuses("server.serverproxy.logging_failed")
    assert stage.pair.service.requests == []
    with databases.engine("provider").begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO message_log_records")
    await stage.succeeds()


class FailingLog(MemoryLog):
    """Refuses what a test says."""

    def __init__(self, direction):
        super().__init__()
        self.direction = direction

    async def write(self, record: LogRecord) -> None:
        if record.direction is self.direction:
            raise XRoadError("logging_failed", "The message could not be logged")
        await super().write(record)


@pytest.mark.parametrize("side", SIDES)
async def test_an_answer_that_cannot_be_logged_is_not_given(stage, side):
    server = getattr(stage.pair, side)
    server.log = FailingLog(Direction.RESPONSE)
    stage.pair.service.answer = answer(body=b"the answer")
    refused = await stage.refuses(f"{SIDES[side]}.logging_failed")
    assert b"the answer" not in refused.body
    server.log = MemoryLog()
    await stage.succeeds()
    assert len(server.log.records) == 2


@pytest.mark.parametrize("size", [100_000, 3_000_000])
async def test_a_streamed_answer_that_cannot_be_logged_is_not_given(stage, size):
    """The consumer has received most of it by then."""
    stage.pair.provider.log = FailingLog(Direction.RESPONSE)
    stage.pair.service.answer = answer(body=b"x" * size)
    refused = await stage.refuses("server.serverproxy.logging_failed")
    assert len(refused.raw) < 1000
    stage.pair.provider.log = MemoryLog()
    await stage.succeeds()


async def test_a_request_that_the_consumer_cannot_log_is_not_answered(stage):
    """It has been sent by then; its answer goes to nobody."""
    stage.pair.consumer.log = FailingLog(Direction.REQUEST)
    await stage.refuses("server.clientproxy.logging_failed")
    stage.pair.consumer.log = MemoryLog()
    await stage.succeeds()


# The disk under the spools.


@contextmanager
def full_disk(monkeypatch, folder):
    """Have every write below a folder fail as on a full disk."""
    write = spool._write_all

    def no_space(file, data):
        if str(folder) in str(file_name(file)):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, data)

    with monkeypatch.context() as patched:
        patched.setattr(spool, "_write_all", no_space)
        yield


def file_name(file):
    return Path(f"/proc/self/fd/{file.fileno()}").readlink()


LARGE = b"x" * 3_000_000


async def test_a_large_request_on_a_full_disk_of_the_consumer_is_an_io_error(
    stage, monkeypatch
):
    with full_disk(monkeypatch, stage.pair.consumer.folder):
        await stage.refuses("server.clientproxy.io_error", method="POST", body=LARGE)
    assert stage.pair.service.requests == []
    await stage.succeeds(method="POST", body=LARGE)


async def test_a_large_request_on_a_full_disk_of_the_provider_is_an_io_error(
    stage, monkeypatch
):
    code = "server.serverproxy.service_failed.io_error"
    with full_disk(monkeypatch, stage.pair.provider.folder):
        await stage.refuses(code, method="POST", body=LARGE)
    assert stage.pair.service.requests == []
    await stage.succeeds(method="POST", body=LARGE)


async def test_a_large_answer_on_a_full_disk_of_the_provider_is_an_io_error(
    stage, monkeypatch
):
    stage.pair.service.answer = answer(body=LARGE)
    with full_disk(monkeypatch, stage.pair.provider.folder):
        await stage.refuses("server.serverproxy.io_error")
    assert (await stage.succeeds()).body == LARGE


async def test_a_large_answer_on_a_full_disk_of_the_consumer_is_an_io_error(
    stage, monkeypatch
):
    stage.pair.service.answer = answer(body=LARGE)
    with full_disk(monkeypatch, stage.pair.consumer.folder):
        await stage.refuses("server.clientproxy.service_failed.io_error")
    assert (await stage.succeeds()).body == LARGE


# PostgreSQL.


@needs_postgres
@pytest.mark.postgres
@pytest.mark.slow
async def test_postgresql_that_restarts_loses_nothing(
    tmp_path, logs, postgres_server, postgres_url
):
    """Stopped in the middle: with patience messages wait, without they are refused."""
    pair = Pair(tmp_path)
    pair.provider.real_log = True
    pair.provider.settings = Settings(database=postgres_url)
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        databases = Databases(stage)
        await stage.succeeds()
        await asyncio.to_thread(postgres_server.stop, "immediate")
        databases.writer("provider")._retry_seconds = 0.01
        called = len(pair.service.requests)
        await stage.refuses("server.serverproxy.logging_failed")
        assert len(pair.service.requests) == called
        databases.writer("provider")._retry_seconds = 60.0
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(pair.send("GET", "echo"))
            await waits(stage)
            await asyncio.to_thread(postgres_server.start)
        assert sending.result().status == 200
        await stage.succeeds()
        assert databases.count("provider") == 6


def locked(file):
    """Return another program's connection that holds the database's lock."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection


async def waits(stage):
    """Return when a message log has said that it waits for its database."""
    await soon(lambda: any(line["event"] == "message log waits" for line in stage.logs))
