"""An office grows: everything in its SQLite file moves to PostgreSQL."""

import tracemalloc
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from kerege.exchange.messagelog import Direction
from kerege.exchange.storage import Database, moving as module
from kerege.exchange.storage.message_log_tables import contents, records
from kerege.exchange.storage.moving import copy_database
from kerege.exchange.storage.server_configuration import (
    add_client,
    add_local_group,
    add_local_group_member,
    add_service,
    add_timestamping_service,
    grant,
    load_server_configuration,
    set_setting,
)
from kerege.exchange.storage.server_configuration_tables import clients
from kerege.exchange.storage.tables import metadata
from kerege.xroad.identifiers import ClientId
from tests.exchange.messagelog.world import make_world, raises, spooled
from tests.exchange.storage.test_server_configuration import (
    MINISTRY,
    PEOPLE,
    REGISTER,
    VILLAGE,
    service,
)
from tests.postgres import needs_postgres

pytestmark = [pytest.mark.postgres, needs_postgres]


def nothing(_table: str, _done: int, _total: int) -> None:
    """Hear of no progress."""


def everything(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(
                    select(table).order_by(*table.primary_key.columns)
                )
            ]
            for table in metadata.sorted_tables
        }


async def fill(database: Database, folder: Path) -> None:
    """A configured server that has passed some messages and time-stamped most."""
    with database.write() as connection:
        for client in (REGISTER, VILLAGE, MINISTRY):
            add_client(connection, client)
        add_service(connection, service())
        grant(connection, PEOPLE, VILLAGE)
        add_local_group(connection, REGISTER, "offices", "Айыл өкмөттөр")
        add_local_group_member(connection, REGISTER, "offices", VILLAGE)
        add_timestamping_service(connection, "TSA", "http://tsa.example/")
        set_setting(connection, "key", "value")
    world = make_world(database, folder)
    large = await spooled(folder / "bodies", bytes(2_000_000))
    async with world.log() as log:
        for number in range(4):
            await log.write(world.record(f"q{number}"))
        await log.write(world.record("large", Direction.RESPONSE, body=large))
        await log.job.run_once()
        await log.write(world.record("unstamped"))


async def test_everything_is_copied_and_the_server_goes_on(
    sqlite_database: Database, postgres_database: Database, tmp_path: Path
):
    await fill(sqlite_database, tmp_path)
    heard: list[tuple[str, int, int]] = []
    counts = copy_database(
        sqlite_database, postgres_database, lambda *step: heard.append(step)
    )
    before = everything(sqlite_database)
    assert everything(postgres_database) == before
    assert counts == {name: len(rows) for name, rows in before.items()}
    assert counts["message_log_records"] == 6
    assert ("message_log_records", 6, 6) in heard
    assert load_server_configuration(postgres_database) == load_server_configuration(
        sqlite_database
    )
    world = make_world(postgres_database, tmp_path)
    async with world.log() as log:
        await log.write(world.record("the next one"))
        assert await log.job.run_once() == 2
    with postgres_database.write() as connection:  # ids go on, and do not collide
        add_client(connection, ClientId("central-server", "GOV", "70000009"))


async def test_a_database_with_anything_in_it_is_refused(
    sqlite_database: Database, postgres_database: Database, tmp_path: Path
):
    await fill(sqlite_database, tmp_path)
    with postgres_database.write() as connection:
        add_client(connection, VILLAGE)
    with raises("action_not_possible"):
        copy_database(sqlite_database, postgres_database, nothing)
    assert sum(map(len, everything(postgres_database).values())) == 1
    with raises("action_not_possible"):  # nor the other way round
        copy_database(postgres_database, sqlite_database, nothing)


async def test_what_breaks_off_leaves_nothing(
    sqlite_database: Database, postgres_database: Database, tmp_path: Path
):
    await fill(sqlite_database, tmp_path)

    def cut(table: str, done: int, _total: int) -> None:
        if table == contents.name and done:
            raise OperationalError("COPY", {}, Exception("connection lost"))

    with raises("database_error"):
        copy_database(sqlite_database, postgres_database, cut)
    assert not any(everything(postgres_database).values())
    copy_database(sqlite_database, postgres_database, nothing)
    assert everything(postgres_database) == everything(sqlite_database)


async def test_rows_that_vanish_on_the_way_are_missed(
    sqlite_database: Database,
    postgres_database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    await fill(sqlite_database, tmp_path)
    batches = module._batches

    def lossy(table, reading):
        for batch in batches(table, reading):
            yield batch[1:] if table is clients else batch

    monkeypatch.setattr(module, "_batches", lossy)
    with raises("action_not_possible"):
        copy_database(sqlite_database, postgres_database, nothing)
    assert not any(everything(postgres_database).values())


@pytest.mark.parametrize("source", ["sqlite", "postgresql"])
async def test_what_is_copied_is_of_one_moment(
    sqlite_database: Database,
    postgres_database: Database,
    tmp_path: Path,
    source: str,
):
    databases = (sqlite_database, postgres_database)
    old, new = databases if source == "sqlite" else reversed(databases)
    await fill(old, tmp_path)
    before = everything(old)
    late = ClientId("central-server", "GOV", "70000009")

    def meanwhile(table: str, done: int, _total: int) -> None:
        if table == metadata.sorted_tables[0].name and not done:
            with old.write() as connection:  # somebody who does not ask us
                add_client(connection, late)

    copy_database(old, new, meanwhile)
    assert load_server_configuration(old).client(late)
    assert everything(new) == before


def test_memory_is_bounded_however_large_the_log_is(
    sqlite_database: Database, postgres_database: Database
):
    with sqlite_database.write() as connection:
        for start in range(0, 60, 20):
            ids = range(start, start + 20)
            connection.execute(
                records.insert(),
                [
                    {
                        "id": number,
                        "time": 0,
                        "is_response": False,
                        "client_side": True,
                        "query_id": str(number),
                        "x_request_id": "x",
                        "instance": "KG",
                        "member_class": "GOV",
                        "member_code": "1",
                        "subsystem_code": "",
                    }
                    for number in ids
                ],
            )
            connection.execute(
                contents.insert(),
                [
                    {"record_id": n, "message": bytes(1 << 20), "signature": b"s"}
                    for n in ids
                ],
            )
    tracemalloc.start()
    copy_database(sqlite_database, postgres_database, nothing)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 48 << 20, "60 MiB went through"
    with postgres_database.read() as connection:
        count = connection.execute(select(func.count()).select_from(contents))
        assert count.scalar_one() == 60
