"""Records get their time-stamps: together, alone, late, and after trouble."""

import asyncio
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from kerege.exchange.messagelog import MessageLog, stamping
from kerege.exchange.messagelog.stored import StoredRecord
from kerege.exchange.storage import Database
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.hashchain import InputDigest, verify_hash_chain
from kerege.xroad.signature import parse_signature
from kerege.xroad.timestamp import verify_timestamp
from tests.exchange.messagelog.authority import tsa_certificates, tsa_down
from tests.exchange.messagelog.world import World, make_world, raises


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


async def write(world: World, log: MessageLog, *names: str) -> None:
    await asyncio.gather(*(log.write(world.record(name)) for name in names))


def verify_together(stored: StoredRecord) -> None:
    """Check a record's place under a time-stamp that many share."""
    assert stored.timestamp is not None
    assert stored.timestamp.hash_chain_result is not None
    assert stored.timestamp.hash_chain is not None
    digest = InputDigest(SHA512, SHA512.of(stored.signature))
    verify_hash_chain(
        stored.timestamp.hash_chain_result,
        inputs={"/META-INF/signatures.xml": digest},
        resolve={"/ts-hashchain.xml": stored.timestamp.hash_chain}.get,
    )
    verify_timestamp(
        stored.timestamp.token, stored.timestamp.hash_chain_result, tsa_certificates()
    )


def verify_alone(stored: StoredRecord) -> None:
    """Check the time-stamp inside a record's signature."""
    assert stored.timestamp is not None
    assert stored.timestamp.hash_chain_result is None
    parsed = parse_signature(stored.signature)
    assert parsed.timestamp == stored.timestamp.token
    verify_timestamp(parsed.timestamp, parsed.signature_value, tsa_certificates())


async def test_what_waits_gets_one_time_stamp_together(world: World):
    async with world.log() as log:
        await write(world, log, "q1", "q2", "q3")
        assert await log.job.run_once() == 3
        assert await log.job.run_once() == 0

    stored = world.stored()
    assert len({s.timestamp.timestamp_id for s in stored if s.timestamp}) == 1
    for one in stored:
        verify_together(one)
    assert len(world.timestamper.stamped) == 1


async def test_a_record_alone_is_stamped_inside_its_signature(world: World):
    async with world.log() as log:
        await write(world, log, "q1")
        assert await log.job.run_once() == 1

    verify_alone(world.stored()[0])


async def test_batches_end_at_the_limit(database: Database, tmp_path: Path):
    world = make_world(database, tmp_path, timestamp_records_limit=2)
    async with world.log() as log:
        await write(world, log, "q1", "q2", "q3", "q4", "q5")
        assert await log.job.run_once() == 5

    *pairs, last = world.stored()
    for one in pairs:
        verify_together(one)
    verify_alone(last)
    assert len(world.timestamper.stamped) == 3


async def test_what_comes_during_a_time_stamp_waits_for_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """A busy server would else ask for time-stamps without end, for a few records each."""
    async with world.log() as log:
        await write(world, log, "q1", "q2")
        stamp = world.timestamper.stamp

        async def busy(data: bytes) -> bytes:
            await write(world, log, f"q{3 + len(world.timestamper.stamped)}")
            return await stamp(data)

        monkeypatch.setattr(world.timestamper, "stamp", busy)
        assert await log.job.run_once() == 2
        assert len(world.timestamper.stamped) == 1
        assert len(await log.stamper.waiting(10)) == 1


async def test_a_forced_time_stamp_is_made_once(world: World):
    async with world.log() as log:
        await write(world, log, "q1")
        record_id = world.stored()[0].record_id
        await log.timestamp(record_id)
        first = world.stored()[0].timestamp
        await log.timestamp(record_id)

        assert world.stored()[0].timestamp == first
        verify_alone(world.stored()[0])
        assert await log.job.run_once() == 0


async def test_a_forced_time_stamp_of_nothing_says_so(world: World):
    async with world.log() as log:
        with raises("mlog.message_log_record_not_found"):
            await log.timestamp(1)
        with raises("mlog.message_log_record_not_found"):
            await log.stamper.stamp_alone(1)
        with raises("mlog.no_log_records_specified"):
            await log.stamper.stamp([])


async def test_who_comes_second_leaves_the_first_time_stamp_as_it_is(world: World):
    async with world.log() as log:
        await write(world, log, "q1", "q2", "q3")
        waiting = await log.stamper.waiting(10)
        await log.stamper.stamp_alone(waiting[1].record_id)
        await log.stamper.stamp(waiting)
        await log.stamper.stamp_alone(waiting[0].record_id)

    first, second, third = world.stored()
    verify_together(first)
    verify_alone(second)
    verify_together(third)


async def test_time_stamping_may_fail_for_a_while(world: World):
    async with world.log() as log:
        await write(world, log, "q1", "q2", "q3")
        world.timestamper.failing = tsa_down()
        with raises("timestamping_failed"):
            await log.job.run_once()
        assert log.period.since == world.clock()

        world.clock.forward(hours=4)
        await write(world, log, "q4")
        assert len(await log.stamper.waiting(10)) == 4


async def test_after_the_acceptable_period_messages_are_refused_until_it_works(
    world: World,
):
    async with world.log() as log:
        await write(world, log, "q1")
        world.timestamper.failing = tsa_down()
        for _ in range(5):
            with raises("timestamping_failed"):
                await log.job.run_once()
            world.clock.forward(hours=1)
        with raises("timestamping_failed"):
            await log.write(world.record("q2"))
        assert len(world.stored()) == 1

        world.timestamper.failing = None
        assert await log.job.run_once() == 1
        await log.write(world.record("q3"))

    assert len(world.stored()) == 2


async def test_the_period_0_accepts_for_ever(database: Database, tmp_path: Path):
    world = make_world(database, tmp_path, acceptable_failure_seconds=0)
    async with world.log() as log:
        await write(world, log, "q1")
        world.timestamper.failing = tsa_down()
        with raises("timestamping_failed"):
            await log.job.run_once()
        world.clock.forward(days=365)
        await log.write(world.record("q2"))


async def test_an_hour_without_the_authority_ends_with_every_record_stamped(
    database: Database, tmp_path: Path
):
    world = make_world(database, tmp_path, retry_delay_seconds=90)
    async with world.log() as log:
        assert log.job.next_delay() == 60
        world.timestamper.failing = tsa_down()
        for minute in range(60):
            await write(world, log, f"a{minute}", f"b{minute}")
            with raises("timestamping_failed"):
                await log.job.run_once()
            world.clock.forward(minutes=1)
        assert log.job.next_delay() == 60

        world.timestamper.failing = None
        assert await log.job.run_once() == 120
        assert log.period.since is None

    oldest, *others = world.stored()
    verify_alone(oldest)  # the one that was tried first
    assert len({s.timestamp.timestamp_id for s in others if s.timestamp}) == 1
    for one in others:
        verify_together(one)


@pytest.mark.parametrize(
    ("retry", "interval", "usual", "failing"),
    [
        (60, 60, 60, 60),
        (60, 600, 600, 60),
        (5, 600, 600, 60),
        (0, 600, 600, 600),
        (700, 600, 600, 600),
        (60, 1, 60, 60),
        (60, 1_000_000, 86_400, 60),
    ],
)
async def test_the_job_waits(
    tmp_path: Path, retry: int, interval: int, usual: int, failing: int
):
    from kerege.exchange.storage import open_database

    database = open_database(f"sqlite:///{tmp_path / 'kerege.db'}")
    world = make_world(database, tmp_path, retry_delay_seconds=retry)
    log = MessageLog(
        database,
        world.policy,
        world.timestamper,
        clock=world.clock,
        interval=lambda: interval,
    )
    assert log.job.next_delay() == usual
    log.period.since = world.clock()
    assert log.job.next_delay() == failing
    database.close()


async def test_an_interval_that_nobody_knows_is_the_shortest(world: World):
    def outdated() -> int:
        raise XRoadError("global_conf_outdated", "Global configuration is not valid")

    log = MessageLog(world.database, world.policy, world.timestamper, interval=outdated)
    assert log.job.next_delay() == 60


async def test_the_failing_period_outlives_a_restart_and_other_workers_see_it(
    world: World,
):
    async with world.log() as worker, world.log() as stamping_process:
        await write(world, worker, "q1")
        world.timestamper.failing = tsa_down()
        with raises("timestamping_failed"):
            await stamping_process.job.run_once()
        assert worker.period.since is None
        await worker.period.refresh()
        assert worker.period.since == world.clock()

    world.clock.forward(hours=5)
    async with world.log() as restarted:
        with raises("timestamping_failed"):
            await restarted.write(world.record("q2"))
        world.timestamper.failing = None
        await restarted.job.run_once()
        await restarted.write(world.record("q3"))


async def test_a_failure_counts_only_while_something_waits(world: World):
    async with world.log() as log:
        await write(world, log, "q1")
        waiting = await log.stamper.waiting(10)
        world.timestamper.failing = tsa_down()
        with raises("timestamping_failed"):
            await log.job.run_once()
        world.timestamper.failing = None
        await log.stamper.stamp_alone(waiting[0].record_id)
        world.timestamper.failing = tsa_down()

        assert await log.job.run_once() == 0
        assert log.period.since is None


async def test_a_forced_success_ends_the_period(world: World):
    async with world.log() as log:
        await write(world, log, "q1", "q2")
        world.timestamper.failing = tsa_down()
        with raises("timestamping_failed"):
            await log.job.run_once()
        world.timestamper.failing = None
        await log.timestamp(world.stored()[0].record_id)

        assert log.period.since is None


async def test_a_time_stamp_that_cannot_be_saved_is_a_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    def full(*_arguments: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk is full"))

    async with world.log() as log:
        await write(world, log, "q1", "q2")
        with monkeypatch.context() as patch:
            patch.setattr(stamping, "_mark", full)
            with raises("mlog.timestamp_record_save_failure"):
                await log.job.run_once()
        assert log.period.since == world.clock()
        await log.write(world.record("q3"))

        assert await log.job.run_once() == 3


async def test_stopping_in_the_middle_of_saving_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stamping, "SAVED_AT_ONCE", 2)
    names = [f"q{i}" for i in range(7)]
    real, calls = stamping.insert_chains, []

    def killed(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise OperationalError("INSERT", {}, Exception("killed"))
        real(*arguments)

    async with world.log() as log:
        await write(world, log, *names)
        monkeypatch.setattr(stamping, "insert_chains", killed)
        with raises("mlog.timestamp_record_save_failure"):
            await log.job.run_once()
        assert len(await log.stamper.waiting(10)) == 5
        assert await log.job.run_once() == 5

    for stored in world.stored():
        assert stored.timestamp is not None
        alone = stored.timestamp.hash_chain_result is None
        (verify_alone if alone else verify_together)(stored)


async def test_a_signature_that_cannot_hold_a_time_stamp_gets_a_chain_even_alone(
    world: World,
):
    async with world.log() as log:
        await log.write(world.record("strange", signature=b"<strange/>"))
        assert await log.job.run_once() == 1
        await log.write(world.record("odd", signature=b"no XML at all"))
        assert await log.job.run_once() == 1

    for stored in world.stored():
        verify_together(stored)


async def test_immediately_means_that_the_message_waits_for_its_time_stamp(
    database: Database, tmp_path: Path
):
    world = make_world(database, tmp_path, timestamp_immediately=True)
    async with world.log() as log:
        await log.write(world.record("q1"))
        verify_alone(world.stored()[0])
        assert await log.stamper.waiting(10) == []

        world.timestamper.failing = tsa_down()
        with raises("timestamping_failed"):
            await log.write(world.record("q2"))


async def test_without_a_service_nothing_is_logged(world: World):
    world.timestamper.is_configured = False
    async with world.log() as log:
        with raises("mlog.no_timestamping_provider_found"):
            await log.write(world.record())

    assert world.stored() == []


async def test_the_job_runs_on_after_trouble(world: World):
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)
        world.timestamper.failing = tsa_down() if len(delays) == 1 else None
        await write(world, log, f"a{len(delays)}", f"b{len(delays)}")
        if len(delays) == 4:
            raise asyncio.CancelledError

    async with world.log() as log:
        with pytest.raises(asyncio.CancelledError):
            await log.job.run(sleep)
        assert await log.job.run_once() == 2

    assert delays == [60, 60, 60, 60]
    assert all(stored.timestamp for stored in world.stored())


async def test_the_worker_asks_now_and_then_and_survives_not_knowing(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    asked = asyncio.Event()

    async def refresh() -> datetime:
        asked.set()
        raise XRoadError("database_error", "restarting")

    async with world.log() as log:
        monkeypatch.setattr(log.period, "refresh", refresh)
        monkeypatch.setattr("kerege.exchange.messagelog.log.PERIOD_REFRESH_SECONDS", 0)
        log._refreshing.cancel()
        log._refreshing = asyncio.get_running_loop().create_task(log._refresh())
        await asked.wait()
        asked.clear()
        await asked.wait()
        assert not log._refreshing.done()
