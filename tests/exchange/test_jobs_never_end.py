"""Jobs that a server lives by go on, whatever happens in one of their rounds."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kerege.exchange.configuration import ConfigurationClient, ConfigurationSettings
from kerege.exchange.configuration.local import LocalConfiguration
from kerege.exchange.messagelog import ArchiveJob, Archiver
from kerege.exchange.ocsp import OcspFetcher, OcspStore
from kerege.exchange.security_server.server import SecurityServer
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage import Database
from kerege.xroad.globalconf import Anchor
from tests.exchange.messagelog.world import World, make_world


class FailingTwice:
    """Something with a bug that shows itself in the first two calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.passed = asyncio.Event()

    def __call__(self, *_: object) -> None:
        self.calls += 1
        if self.calls <= 2:
            raise KeyError("a bug")
        self.passed.set()

    async def later(self) -> None:
        self()


async def pass_bugs(work: Awaitable[None], bug: FailingTwice) -> None:
    """Run a job until its bug has not shown itself once."""
    task = asyncio.ensure_future(work)
    passing = asyncio.ensure_future(bug.passed.wait())
    await asyncio.wait((task, passing), timeout=60, return_when=asyncio.FIRST_COMPLETED)
    assert passing.done(), task
    task.cancel()
    await asyncio.gather(task, passing, return_exceptions=True)


async def at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


def never() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


async def test_time_stamping_goes_on_and_what_failed_counts_as_failing(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    bug = FailingTwice()
    async with world.log() as log:
        stamp = log.stamper.stamp
        since: list[datetime | None] = []

        async def failing(waiting: list[object]) -> None:
            since.append(log.period.since)
            bug()
            await stamp(waiting)  # type: ignore[arg-type]  # passed on as it came

        monkeypatch.setattr(log.stamper, "stamp", failing)
        await log.write(world.record("q1"))
        await log.write(world.record("q2"))
        await pass_bugs(log.job.run(at_once), bug)
        await log.job.run_once()

    assert since[:3] == [None, world.clock(), world.clock()]
    assert all(stored.timestamp for stored in world.stored())


async def test_archiving_goes_on(world: World, monkeypatch: pytest.MonkeyPatch):
    archiver = Archiver(world.database, world.policy, clock=world.clock)
    bug = FailingTwice()
    monkeypatch.setattr(archiver, "clean", bug)
    await pass_bugs(ArchiveJob(archiver, world.policy).run(at_once), bug)


async def test_downloading_configurations_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = ConfigurationSettings(tmp_path, update_interval_seconds=0)
    client = ConfigurationClient(Anchor("KG", ()), settings)
    bug = FailingTwice()
    monkeypatch.setattr(client, "update", bug.later)
    await pass_bugs(client.run(), bug)


async def test_reading_configurations_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    local = LocalConfiguration(tmp_path, clock=never)
    bug = FailingTwice()
    monkeypatch.setattr(local, "reload", bug.later)
    await pass_bugs(local.run(interval_seconds=0), bug)


async def test_renewing_ocsp_responses_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bug = FailingTwice()
    fetcher = OcspFetcher(bug, list, bug.later, OcspStore(tmp_path), never)  # type: ignore[arg-type]  # never used
    monkeypatch.setattr(OcspFetcher, "refresh", lambda _self: bug.later())
    monkeypatch.setattr(OcspFetcher, "_pause_seconds", lambda _self: 0)
    await pass_bugs(fetcher.run(), bug)


async def test_the_worker_goes_on_asking_whether_time_stamping_works(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("kerege.exchange.messagelog.log.PERIOD_REFRESH_SECONDS", 0)
    bug = FailingTwice()
    log = world.log()
    monkeypatch.setattr(log.period, "refresh", bug.later)
    await pass_bugs(log._refresh(), bug)


async def test_what_a_task_of_a_server_raises_is_logged():
    server = SecurityServer(Settings("TEST/GOV/1/SS1"), lambda _: pytest.fail("keys"))
    bug = FailingTwice()
    with capture_logs() as events:
        server._run(bug.later())
        await server.stop()
        server._run(bug.later())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert bug.calls == 1, "the first was cancelled before it began"
    assert [event["event"] for event in events] == ["unexpected failure"]
    assert isinstance(events[0]["exc_info"], KeyError)
