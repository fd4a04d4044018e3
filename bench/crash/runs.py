"""The two kinds of runs: processes killed one by one, and power cuts."""

import asyncio
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bench.crash.check import (
    SHOWN,
    Found,
    archive_troubles,
    examine,
    leftovers,
    lost_now,
    policy_of,
    unstamped,
)
from bench.crash.power import Loss
from bench.crash.traffic import Traffic, service
from bench.crash.units import Unit
from bench.crash.world import Plan, World, started
from kerege.sandbox.layout import PORTAL, REGISTER, MemberPlan

RECOVERY_SECONDS = 120.0
"""Longest wait for an answer after a crash; more is a failure."""
STAMPING_SECONDS = 200.0
"""The job runs every minute, a minute after a failure too."""
SECOND_KILL = 0.2
"""How often a process is killed again while it starts."""

Say = Callable[[str], None]
Target = tuple[str, Unit, Callable[[Sequence[int]], int]]
"""A name, a unit, and which of its processes."""


@dataclass(slots=True)
class Result:
    """What a run counted."""

    kind: str
    database: str
    seed: int
    crashes: int = 0
    by_target: dict[str, int] = field(default_factory=dict)
    recoveries: list[float] = field(default_factory=list)
    """Seconds from each crash to the answer to a request that began after it."""
    acknowledged: int = 0
    cut_off: int = 0
    """Of those, answers of which the client saw only the beginning."""
    faults: dict[str, int] = field(default_factory=dict)
    """What else clients got."""
    undone: dict[str, int] = field(default_factory=dict)
    """Of power cuts: writes, names and bytes that were taken back."""
    consumer: Found = field(default_factory=Found)
    provider: Found = field(default_factory=Found)
    troubles: list[str] = field(default_factory=list)
    """Leftovers, archives that do not agree, servers that needed a hand."""
    orphans: int = 0
    """Files of bodies without a record; cleaning removes them after an hour."""
    seconds: float = 0.0

    @property
    def difference(self) -> int:
        """Acknowledged answers that are not in both logs, verified."""
        return self.acknowledged - min(self.consumer.verified, self.provider.verified)

    @property
    def median_recovery(self) -> float:
        """Seconds, of half of the crashes at most."""
        return statistics.median(self.recoveries) if self.recoveries else 0.0

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost and no hand was needed."""
        return self.difference == 0 and not self.troubles

    def as_dict(self) -> dict[str, object]:
        """Return everything, for a file."""
        slowest = max(self.recoveries, default=0.0)
        return asdict(self) | {
            "recoveries": len(self.recoveries),
            "slowest_recovery_seconds": round(slowest, 2),
            "median_recovery_seconds": round(self.median_recovery, 2),
            "difference": self.difference,
        }

    def lines(self) -> list[str]:
        """Return the report for people."""
        slowest = max(self.recoveries, default=0.0)
        lines = [
            (
                f"{self.kind} on {self.database}, seed {self.seed}: {self.crashes} "
                f"({', '.join(f'{k} {v}' for k, v in sorted(self.by_target.items()))})"
            ),
            (
                f"  acknowledged {self.acknowledged}, {self.cut_off} of them cut off; "
                f"recovery {self.median_recovery:.1f} s, at most {slowest:.1f} s; "
                f"took {self.seconds:.0f} s"
            ),
            f"  other answers: {self.faults}",
        ]
        if self.undone:
            lines.append(f"  taken back: {self.undone}")
        for side, found in (("consumer", self.consumer), ("provider", self.provider)):
            lines.append(
                f"  {side}'s log: found {found.answers}, verified {found.verified}; "
                f"{found.containers} containers, {found.in_files} with a body in a "
                f"file, {found.digest_only} with a digest only; {found.records} records"
            )
            lines += [f"    LOST {query_id}" for query_id in found.lost[:SHOWN]]
            lines += [f"    WRONG {what}" for what in found.wrong[:SHOWN]]
        lines += [f"  TROUBLE {trouble}" for trouble in self.troubles[:SHOWN]]
        return [*lines, f"  difference {self.difference}; orphans {self.orphans}"]


async def kill_run(
    plan: Plan,
    kills: int,
    seed: int,
    *,
    say: Say = print,
    pause_seconds: float = 1.2,
    hurry: bool = False,
) -> Result:
    """Kill random processes under load, and check everything.

    Args:
        plan: How to run the instance.
        kills: How many at least.
        seed: Decides what is killed, and when.
        say: Hears how far it is.
        pause_seconds: Longest pause between an answer and the next kill.
        hurry: Do not wait for the next run of the time-stamping job.
    """
    chance = random.Random(seed)
    result = Result("kill -9", plan.database, seed)

    async def crashes(world: World, traffic: Traffic) -> None:
        while result.crashes < kills:
            await asyncio.sleep(chance.uniform(0, pause_seconds))
            moment = time.monotonic()
            for name, unit, which in _targets(world, chance):
                if unit.kill(which):
                    result.crashes += 1
                    result.by_target[name] = result.by_target.get(name, 0) + 1
                if chance.random() < SECOND_KILL and result.crashes < kills:
                    await asyncio.sleep(chance.uniform(0, 1.5))
                    moment = time.monotonic()
                    if unit.kill(which):
                        result.crashes += 1
                        result.by_target[name] = result.by_target.get(name, 0) + 1
            await _recovered(traffic, moment, result)
            if result.crashes % 10 == 0:
                say(f"  {result.crashes} kills, {len(traffic.answers)} answers")

    await _run(result, plan, crashes, say, hurry=hurry)
    return result


async def power_run(
    plan: Plan,
    cuts: int,
    seed: int,
    *,
    say: Say = print,
    pause_seconds: float = 2.5,
    hurry: bool = False,
) -> Result:
    """Cut the power under load, and check everything.

    Every second cut takes back all that was not synced, the others a random part. With
    a disk that lies it ends at the first loss. Arguments: see `kill_run`.
    """
    plan = replace(plan, with_power=True)
    chance = random.Random(seed)
    kind = "power cuts with a disk that lies" if plan.lies else "power cuts"
    result = Result(kind, plan.database, seed)
    totals = {"writes": 0, "names": 0, "bytes": 0}
    result.undone = totals

    async def crashes(world: World, traffic: Traffic) -> None:
        while result.crashes < cuts:
            await asyncio.sleep(chance.uniform(0.2, pause_seconds))
            some = chance if result.crashes % 2 else None
            loss = await _cut(world, some)
            moment = time.monotonic()
            for name in totals:
                totals[name] += getattr(loss, name)
            result.crashes += 1
            name = "a part of the unsynced" if some else "all of the unsynced"
            result.by_target[name] = result.by_target.get(name, 0) + 1
            await _recovered(traffic, moment, result)
            for member in (PORTAL, REGISTER):
                lost = await asyncio.to_thread(_lost, world, member, traffic)
                if lost:
                    say(f"  cut {result.crashes}: {member.server_code} lost {lost[:5]}")
                    if plan.lies:  # that is what was to be shown
                        return
            say(f"  {result.crashes} cuts, {len(traffic.answers)} answers, {loss}")

    await _run(result, plan, crashes, say, hurry=hurry)
    return result


def _lost(world: World, member: MemberPlan, traffic: Traffic) -> list[str]:
    answers = list(traffic.answers)
    database = world.database(member)
    try:
        return lost_now(database, answers)
    finally:
        database.close()


async def _cut(world: World, chance: random.Random | None) -> Loss:
    if world.power is None:
        raise RuntimeError("This world has no power supply")
    world.power.cut()
    await asyncio.gather(*(unit.power_off() for unit in world.machine))
    journalled = world.postgres is not None
    for socket in (world.folder / "postgres").glob(".s.PGSQL.*"):
        socket.unlink()  # they are in /run, which is empty after a start
    loss = await asyncio.to_thread(world.power.take_back, chance, journalled=journalled)
    for unit in world.machine:
        unit.start()
    return loss


def _targets(world: World, chance: random.Random) -> list[Target]:
    """Choose what dies next."""

    def any_of(found: Sequence[int]) -> int:
        return chance.choice(found)

    consumer = ("consumer's server", world.consumer, any_of)
    provider = ("provider's server", world.provider, any_of)
    choices: list[tuple[int, list[Target]]] = [
        (35, [consumer]),
        (35, [provider]),
        (10, [consumer, provider]),
        (10, [("TSA", world.tsa, any_of)]),
    ]
    if world.postgres:

        def backend(found: Sequence[int]) -> int:
            return chance.choice(found[1:] or found)

        choices.append((20, [("a PostgreSQL process", world.postgres, backend)]))
        choices.append((10, [("postmaster", world.postgres, lambda found: found[0])]))
    return chance.choices([c for _, c in choices], [weight for weight, _ in choices])[0]


async def _recovered(traffic: Traffic, moment: float, result: Result) -> None:
    try:
        took = await traffic.answered_since(moment, RECOVERY_SECONDS)
    except TimeoutError:
        msg = f"no answer for {RECOVERY_SECONDS:.0f} s after crash {result.crashes}"
        result.troubles.append(msg)
        raise
    result.recoveries.append(took)


async def _run(
    result: Result,
    plan: Plan,
    crashes: Callable[[World, Traffic], Awaitable[None]],
    say: Say,
    *,
    hurry: bool,
) -> None:
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="kerege-crash-"))
    world = await started(folder, plan, service)
    record = folder / "answers.jsonl"
    traffic = Traffic(world.instance.ports, record, result.seed)
    try:
        async with traffic:
            await traffic.answered_since(time.monotonic(), 2 * RECOVERY_SECONDS)
            await crashes(world, traffic)
        if hurry:  # a server that starts has everything time-stamped at once
            for unit in (world.consumer, world.provider):
                await unit.stop()
                unit.start()
        await conclude(world, traffic, result)
    except TimeoutError:
        if not plan.lies:
            say(f"The logs are in {_keep_logs(world)}")
            raise
        result.acknowledged = len(traffic.answers)  # and nothing of it is left
    except BaseException:
        say(f"The logs are in {_keep_logs(world)}")
        raise
    finally:
        await world.close()
    result.seconds = time.monotonic() - began


def _keep_logs(world: World) -> Path:
    kept = Path(tempfile.mkdtemp(prefix="kerege-crash-logs-"))
    for path in (*world.folder.glob("*.log"), *world.files.root.glob("*.log")):
        shutil.copy(path, kept)
    return kept


async def conclude(world: World, traffic: Traffic, result: Result) -> None:
    """Wait for the time-stamps, then look for every answer in both logs."""
    result.acknowledged = len(traffic.answers)
    result.cut_off = sum(answer.size is None for answer in traffic.answers)
    result.faults = dict(traffic.faults)
    for member in (PORTAL, REGISTER):
        await _stamped(world, member, result)
    for unit, member in ((world.consumer, PORTAL), (world.provider, REGISTER)):
        if await unit.stop() != 0:
            result.troubles.append(f"{member.server_code} did not stop as asked")
        found = await asyncio.to_thread(_examined, world, member, traffic, result)
        setattr(result, "consumer" if member is PORTAL else "provider", found)


async def _stamped(world: World, member: MemberPlan, result: Result) -> None:
    ends = time.monotonic() + STAMPING_SECONDS
    database = world.database(member)
    while left := await asyncio.to_thread(unstamped, database):
        if time.monotonic() > ends:
            result.troubles.append(f"{member.server_code}: {left} without time-stamp")
            break
        await asyncio.sleep(1)
    database.close()


def _examined(
    world: World, member: MemberPlan, traffic: Traffic, result: Result
) -> Found:
    settings = world.settings(member)
    database = world.database(member)
    try:
        found = examine(
            database,
            world.configuration(member),
            policy_of(settings, world.files.pin.read_text()),
            traffic.answers,
        )
        archive = settings.path(settings.message_log.archive_directory)
        troubles = archive_troubles(database, archive)
        files, orphans = leftovers(database, world.files.server(member))
        troubles += [f"left behind: {name}" for name in files]
        result.troubles += [f"{member.server_code}: {text}" for text in troubles]
        result.orphans += orphans
    finally:
        database.close()
    return found
