"""What runs beside the messages never looks at the whole log, however large it is."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, text

from kerege.exchange.messagelog import Archiver
from kerege.exchange.messagelog.bodies import remove_orphans
from kerege.exchange.messagelog.stored import find, load, unstamped
from kerege.exchange.storage import Database
from tests.exchange.messagelog.world import CONSUMER, World, make_world

GROWING = {
    f"message_log_{name}"
    for name in ("records", "contents", "attachments", "timestamps", "timestamp_chains")
}
Statement = tuple[str, tuple[object, ...]]


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path) -> World:
    return make_world(sqlite_database, tmp_path, keep_seconds=0)


@contextmanager
def heard(database: Database) -> Iterator[list[Statement]]:
    """Note what the database is asked."""
    statements: list[Statement] = []

    def note(_c: object, _cursor: object, statement: str, values, _x, many) -> None:
        if not many and statement.split(maxsplit=1)[0] in (
            "SELECT",
            "UPDATE",
            "DELETE",
        ):
            statements.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", note)
    yield statements
    event.remove(database.engine, "before_cursor_execute", note)


def walks(database: Database, statements: list[Statement]) -> list[str]:
    """Return the steps of SQLite's plans that go through a whole growing table."""
    steps = []
    with database.read() as connection:
        for statement, values in statements:
            plan = f"EXPLAIN QUERY PLAN {statement}"
            for row in connection.exec_driver_sql(plan, values):
                step, table, *_ = row.detail.split(" ")
                if step == "SCAN" and table in GROWING:
                    steps.append(f"{row.detail}: {statement}")
    return [step for step in steps if not _is_of_what_waits(step)]


def _is_of_what_waits(step: str) -> bool:
    """Whether an index holds only what there is to do, and is gone through for that."""
    return " USING INDEX " in step and ("_unstamped:" in step or "_to_archive:" in step)


async def test_no_job_and_no_download_walks_through_the_log(world: World):
    with heard(world.database) as statements:
        async with world.log() as log:
            for name in ("q1", "q2", "q3"):
                await log.write(world.record(name))
            await log.job.run_once()
            await log.write(world.record("q4"))
        archiver = Archiver(
            world.database, world.policy, clock=world.clock, pause=lambda _: None
        )
        assert archiver.archive() == 3
        with world.database.read() as connection:
            found = find(connection, CONSUMER, "q1", limit=10)
            assert len(load(connection, found)) == 1
            assert unstamped(connection, found) == []
        world.clock.forward(days=1)
        assert archiver.clean() == 3
        (world.policy.bodies / "orphan.body").touch()
        world.clock.forward(days=1000)
        assert remove_orphans(world.database, world.policy.bodies, world.clock()) == 1

    for table in GROWING:
        assert any(table in statement for statement, _ in statements), table
    assert walks(world.database, statements) == []


async def test_a_walk_would_be_seen(world: World):
    with heard(world.database) as statements, world.database.read() as connection:
        connection.execute(text("SELECT id FROM message_log_records WHERE time = 1"))

    assert len(walks(world.database, statements)) == 1


async def test_jobs_hold_the_lock_for_a_few_rows_at_a_time(world: World):
    rows: list[int] = []

    def note(_c: object, cursor: object, statement: str, *_: object) -> None:
        if statement.split(maxsplit=1)[0] in ("UPDATE", "DELETE"):
            rows.append(cursor.rowcount)

    async with world.log() as log:
        await asyncio.gather(
            *(log.write(world.record(f"q{number}")) for number in range(250))
        )
        await log.job.run_once()
    archiver = Archiver(
        world.database, world.policy, clock=world.clock, pause=lambda _: None
    )
    archiver.archive()
    world.clock.forward(days=1)
    event.listen(world.database.engine, "after_cursor_execute", note)
    assert archiver.clean() == 250
    event.remove(world.database.engine, "after_cursor_execute", note)

    assert max(rows) == 100
