"""One soak, from the peak rate to the verdict."""

import asyncio
import multiprocessing
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.crash.check import (
    Found,
    examine,
    leftovers,
    lost_now,
    policy_of,
    unstamped,
)
from bench.crash.traffic import MEBIBYTE, SMALL, Answer, Mix, Traffic, service
from bench.crash.world import Plan, World, started
from bench.soak.faults import Planned, calm_from, plan
from bench.soak.samples import Sample, Sampler, grown
from kerege.exchange.configuration import load_directory
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage import Database, open_database
from kerege.sandbox.layout import PORTAL, REGISTER, MemberPlan

CLIENTS = 32
PEAK_SECONDS = 15.0
WARM_UP_SECONDS = 5.0
LOOK_SECONDS = 5.0
STAMPING_SECONDS = 200.0
DISK_BYTES = 1024 * MEBIBYTE
"""Size of the small file system for the provider's large bodies."""
VERIFIED = 5_000
"""Answers whose containers are verified on both sides; all are looked for."""
MIX: Mix = (
    (9_990, (SMALL, SMALL), (SMALL, SMALL)),
    (5, (1.1 * MEBIBYTE, 1.5 * MEBIBYTE), (SMALL, SMALL)),
    (5, (SMALL, SMALL), (1.1 * MEBIBYTE, 1.5 * MEBIBYTE)),
)

SHOWN_LOG = 4000
"""Characters of the log of a server that did not stop as it should."""
SETTINGS = """
[message_log]
archive_interval_seconds = 0.0
"""
"""No archive: of half an hour at this rate it would be a load of its own. Crash runs
make one every four seconds."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Soak:
    """What a soak saw."""

    seed: int
    peak: float
    """Answers a second, as fast as they come."""
    rate: float
    """What the clients tried to keep."""
    calm: float = 0.0
    """The minute after which nothing was killed, and memory should not grow."""
    samples: list[Sample] = field(default_factory=list)
    faults: list[Planned] = field(default_factory=list)
    acknowledged: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    """What clients got beside."""
    lost: dict[str, int] = field(default_factory=dict)
    """Acknowledged answers that are not in a server's log."""
    consumer: Found = field(default_factory=Found)
    provider: Found = field(default_factory=Found)
    troubles: list[str] = field(default_factory=list)


async def soak(minutes: float, seed: int, share: float, say: Say) -> Soak:
    """Run a soak.

    Args:
        minutes: How long.
        seed: Of faults and traffic.
        share: Of the peak rate.
        say: Hears how it goes.
    """
    folder = Path(tempfile.mkdtemp(prefix="kerege-soak-"))
    chosen = Plan(settings=SETTINGS, disk_bytes=DISK_BYTES)
    world = await started(folder, chosen, service)
    try:
        return await _soak(world, minutes, seed, share, say)
    finally:
        await world.close()


async def _soak(
    world: World, minutes: float, seed: int, share: float, say: Say
) -> Soak:
    traffic = Traffic(world.instance.ports, None, seed, CLIENTS, MIX, rate=1e6)
    async with traffic:
        await traffic.answered_since(time.monotonic(), 60)
        peak = await _peak(traffic)
        say(f"peak {peak:.0f} answers a second; soaking at {share * peak:.0f}")
        traffic.rate = share * peak
        result = Soak(seed, peak, traffic.rate)
        result.faults = plan(minutes, seed, full_disk=world.has_small_disk)
        result.calm = calm_from(result.faults)
        async with _databases(world) as databases:
            await _run(world, traffic, databases, minutes, result, say)
    result.acknowledged = len(traffic.answers)
    result.answers = dict(traffic.faults)
    calm = [s for s in result.samples if s.seconds > 60 * result.calm]
    if calm:
        result.troubles += grown(calm, minutes / 10)
    try:
        await _conclude(world, traffic, result, say)
    except Exception as error:  # noqa: BLE001 - what was seen is not thrown away
        result.troubles.append(f"the logs could not be examined: {error!r}")
    return result


async def _peak(traffic: Traffic) -> float:
    await asyncio.sleep(WARM_UP_SECONDS)
    before = len(traffic.answers)
    await asyncio.sleep(PEAK_SECONDS)
    return (len(traffic.answers) - before) / PEAK_SECONDS


@asynccontextmanager
async def _databases(world: World) -> AsyncIterator[tuple[Database, Database]]:
    opened = (world.database(PORTAL), world.database(REGISTER))
    try:
        yield opened
    finally:
        for database in opened:
            database.close()


async def _run(
    world: World,
    traffic: Traffic,
    databases: tuple[Database, Database],
    minutes: float,
    result: Soak,
    say: Say,
) -> None:
    traffic.latencies.clear()  # those of the peak
    sampler = Sampler(world, traffic, databases)
    began = time.monotonic()
    at_work = [
        asyncio.ensure_future(_at(began, fault, world, say, result.troubles))
        for fault in result.faults
    ]
    while (passed := time.monotonic() - began) < 60 * minutes:
        next_look = began + LOOK_SECONDS * (len(result.samples) + 1)
        await asyncio.sleep(max(next_look - began - passed, 0))
        sample = await asyncio.to_thread(sampler.look)
        result.samples.append(sample)
        if len(result.samples) % 12 == 0:
            say(f"  {sample}")
    await asyncio.gather(*at_work)


async def _at(
    began: float, fault: Planned, world: World, say: Say, troubles: list[str]
) -> None:
    await asyncio.sleep(began + 60 * fault.minute - time.monotonic())
    say(f"minute {fault.minute:.1f}: {fault.name}")
    try:
        await fault.run(world)
    except Exception as error:  # noqa: BLE001 - the soak goes on
        troubles.append(f"{fault.name} could not be made: {error!r}")


async def _conclude(world: World, traffic: Traffic, result: Soak, say: Say) -> None:
    chance = random.Random(result.seed)
    some = chance.sample(traffic.answers, min(VERIFIED, len(traffic.answers)))
    say("waiting for the last time-stamps")
    for unit, member in ((world.consumer, PORTAL), (world.provider, REGISTER)):
        await _stamped(world, member, result)
        began = time.monotonic()
        if code := await unit.stop():
            took = time.monotonic() - began
            result.troubles.append(
                f"{member.server_code} ended with {code} after {took:.0f} s"
            )
            say(unit.log.read_text(encoding="utf-8", errors="replace")[-SHOWN_LOG:])
    say("looking for what was acknowledged")
    for member in (PORTAL, REGISTER):
        database = world.database(member)
        lost = await asyncio.to_thread(lost_now, database, traffic.answers)
        result.lost[member.server_code] = len(lost)
        files, _ = leftovers(database, world.files.server(member))
        result.troubles += [f"{member.server_code} left {name}" for name in files]
        database.close()
    say("verifying some of it")
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()
        result.consumer, result.provider = await asyncio.gather(
            *(
                loop.run_in_executor(
                    pool,
                    _examined,
                    world.settings(member),
                    world.files.pin.read_text(),
                    some,
                )
                for member in (PORTAL, REGISTER)
            )
        )


def _examined(settings: Settings, pin: str, answers: Sequence[Answer]) -> Found:
    database = open_database(settings.database_url)
    configuration = load_directory(settings.path(settings.configuration.directory))
    try:
        policy = policy_of(settings, pin)
        return examine(database, configuration, policy, answers)
    finally:
        database.close()


async def _stamped(world: World, member: MemberPlan, result: Soak) -> None:
    ends = time.monotonic() + STAMPING_SECONDS
    database = world.database(member)
    while left := await asyncio.to_thread(unstamped, database):
        if time.monotonic() > ends:
            result.troubles.append(f"{member.server_code}: {left} without time-stamp")
            break
        await asyncio.sleep(1)
    database.close()
