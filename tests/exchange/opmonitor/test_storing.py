"""Records wait, are stored, wait again if they cannot be, and go when they are old."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from kerege.exchange.opmonitor.buffer import MonitoringBuffer
from kerege.exchange.opmonitor.policy import MonitoringPolicy
from kerege.exchange.opmonitor.queries import health
from kerege.exchange.opmonitor.rows import MAX_SERVICES, insert_records, remove_before
from kerege.exchange.opmonitor.storing import DROPPED, STORED, MonitoringStore
from kerege.exchange.security_server.metrics_catalogue import METRICS
from kerege.exchange.storage import Database
from kerege.exchange.storage.operational_data_tables import (
    operational_data,
    operational_services,
)
from kerege.xroad.opmonitoring import OperationalRecord
from tests.operational import (
    NOW,
    RANDOM,
    Noted,
    provided,
    record,
    store as store_at,
)


def store_of(database: Database, **policy: object) -> MonitoringStore:
    return MonitoringStore(database, MonitoringPolicy(**policy), lambda: NOW)


def stored(database: Database) -> list:
    question = select(operational_data.c.message_id).order_by(operational_data.c.id)
    with database.read() as connection:
        return list(connection.execute(question).scalars())


def named(*names: str) -> list:
    return [record(message_id=name) for name in names]


async def test_what_waits_is_stored_in_its_order(database: Database):
    store = store_of(database)
    names = [f"m{number}" for number in range(273)]  # more than one transaction
    for one in named(*names):
        store.buffer.add(Noted(one))

    await store.store()

    assert stored(database) == names
    assert len(store.buffer) == 0


async def test_while_the_database_refuses_records_wait_and_one_line_says_so(
    sqlite_database: Database, capsys
):
    store = store_of(sqlite_database)
    with sqlite_database.write() as connection:
        connection.execute(text("ALTER TABLE operational_data RENAME TO away"))
    for one in named("a", "b"):
        store.buffer.add(Noted(one))

    await store.store()
    await store.store()

    assert len(store.buffer) == 2
    assert capsys.readouterr().out.count("operational data not stored") == 1

    with sqlite_database.write() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO operational_data"))
    await store.store()
    assert stored(sqlite_database) == ["a", "b"]


async def test_one_record_that_is_refused_takes_no_other_down(
    database: Database, capsys
):
    store = store_of(database)
    for one in (
        *named("a"),
        record(message_id="\ud800"),  # half a character: no database takes it
        *named("b"),
    ):
        store.buffer.add(Noted(one))

    await store.store()

    assert stored(database) == ["a", "b"]
    assert "operational record refused" in capsys.readouterr().out


async def test_what_is_dropped_is_counted_and_told(sqlite_database: Database, capsys):
    store = store_of(sqlite_database, buffer_records=3)
    counted: dict[str, float] = {}
    store.count = counted.__setitem__
    for one in named("a", "b", "c", "d", "e"):
        store.buffer.add(Noted(one))

    await store.store()

    assert stored(sqlite_database) == ["c", "d", "e"]
    assert counted == {STORED: 3, DROPPED: 2}
    assert METRICS.keys() >= counted.keys()
    told = capsys.readouterr().out
    assert "operational data dropped" in told
    assert "records=2" in told


def test_what_could_not_be_stored_goes_back_in_front_as_far_as_there_is_room():
    buffer = MonitoringBuffer(3)
    for one in named("a", "b", "c"):
        buffer.add(Noted(one))
    taken = buffer.take(2)
    for one in named("d"):
        buffer.add(Noted(one))

    buffer.put_back(taken)

    assert [one.record().message_id for one in buffer.take(9)] == ["b", "c", "d"]
    assert buffer.dropped == 1


async def test_a_server_that_stops_stores_what_still_waits(sqlite_database: Database):
    store = store_of(sqlite_database)
    began = asyncio.Event()

    async def sleep(_: float) -> None:
        began.set()
        await asyncio.Event().wait()

    task = asyncio.get_running_loop().create_task(store.run(sleep))
    await began.wait()
    for one in named("last"):
        store.buffer.add(Noted(one))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert stored(sqlite_database) == ["last"]


async def test_after_a_week_a_record_goes(database: Database):
    now = int(NOW.timestamp())
    week = int(timedelta(days=7).total_seconds())
    store_at(database, now - week - 1, *named("old") * 3)
    store_at(database, now - week, *named("young"))

    assert await store_of(database).clean_once() == 3
    assert stored(database) == ["young"]


def test_services_are_remembered_and_strangers_inventions_go_first(
    database: Database, monkeypatch
):
    monkeypatch.setattr("kerege.exchange.opmonitor.rows.MAX_SERVICES", 3)
    assert MAX_SERVICES > 3
    invented = [
        provided(
            RANDOM.__class__(*RANDOM.client_id.codes, f"guess{n}"), succeeded=False
        )
        for n in range(5)
    ]
    store_at(database, 1, provided(RANDOM), *invented)

    remove_before(database, 0)

    with database.read() as connection:
        count = connection.execute(
            select(func.count()).select_from(operational_services)
        ).scalar_one()
    assert count == 3
    names = {one.service_id.service_code for one in health(database, 0, None)}
    assert RANDOM.service_code in names


def test_the_last_success_and_the_last_failure_of_a_service_stay(database: Database):
    for out, succeeded in ((2000, True), (1000, True), (3000, False), (2500, False)):
        one = provided(RANDOM, succeeded=succeeded, response_out_ts=out)
        with database.write() as connection:
            insert_records(connection, [one], 1)

    (service,) = health(database, 9_999_999_999, None)

    assert (service.last_successful, service.last_unsuccessful) == (2000, 3000)
    assert (service.successful, service.unsuccessful) == (0, 0)  # none in the period
    assert service.service_id == RANDOM


def test_statistics_are_of_successful_messages(database: Database):
    for took, size in ((10, 100), (20, 300)):
        store_at(
            database,
            100,
            provided(RANDOM, request_in_ts=0, response_out_ts=took, request_size=size),
        )
    store_at(database, 100, provided(RANDOM, succeeded=False, response_out_ts=9999))

    (service,) = health(database, 100, None)

    assert (service.successful, service.unsuccessful) == (2, 1)
    duration, sizes = service.duration, service.request_size
    assert duration is not None
    assert sizes is not None
    assert (duration.minimum, duration.average, duration.maximum) == (10, 15, 20)
    assert duration.deviation == pytest.approx(7.0710678)
    assert sizes.average == 200


async def test_a_note_that_no_record_can_be_made_of_costs_only_itself(
    sqlite_database: Database, capsys: pytest.CaptureFixture[str]
):
    class Broken:
        def record(self) -> OperationalRecord:
            raise ValueError

    store = store_of(sqlite_database)
    store.buffer.add(Broken())
    store.buffer.add(Noted(provided(RANDOM)))

    await store.store()

    assert len(stored(sqlite_database)) == 1
    assert "message not recorded" in capsys.readouterr().out
