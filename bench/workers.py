"""What a second worker gains: two workers in each server against one.

Two instances stand side by side, with one and with two workers, and are loaded in
turn. All of it, load generator and service too, shares this machine's cores, and the
notes say how busy they were: that bounds what a second worker can gain.

* ``gain``: one Security Server is consumer's and provider's at once (a subsystem calls
  its own service). One worker is one core, so the second one shows.
* ``gain_two_servers``: the set-up of the other rows. On two cores two servers with one
  worker each leave nothing to gain.
"""

import os
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench._running import (
    MEMBERS,
    FailedMessagesError,
    Load,
    cpu_seconds,
    run_load,
    start_instance,
    start_servers,
)
from bench.rows import Row
from kerege.exchange.storage import open_database
from kerege.exchange.storage.server_configuration import grant
from kerege.sandbox.builder import DATABASE, Instance
from kerege.sandbox.layout import (
    PORTAL_CLIENT,
    PROVIDER,
    REGISTER,
    SERVICES,
    MemberPlan,
)
from kerege.sandbox.processes import ServerProcess

PREFIX = "exchange.workers"
TURNS = {"small": (3, 1.5), "full": (6, 5.0)}
"""How often each instance is loaded, and for how many seconds."""
CLIENTS = 64
WARM_UP_SECONDS = 2.0


@dataclass(slots=True)
class _Side:
    """One of the two instances."""

    instance: Instance
    servers: list[ServerProcess]
    rates: list[float] = field(default_factory=list)
    costs_ms: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)


def rows(scale: str) -> list[Row]:
    """Measure."""
    turns, seconds = TURNS[scale]
    return [
        uvloop.run(_gain("gain", (REGISTER,), turns, seconds)),
        uvloop.run(_gain("gain_two_servers", MEMBERS, turns, seconds)),
    ]


async def _gain(
    name: str, members: Sequence[MemberPlan], turns: int, seconds: float
) -> Row:
    folder = Path(tempfile.mkdtemp(prefix="kerege-bench-"))
    try:
        async with AsyncExitStack() as stack:
            one, two = [await _side(stack, folder, members, n) for n in (1, 2)]
            for side in (one, two) * turns:
                await _turn(side, members, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rates = [statistics.median(side.rates) for side in (one, two)]
    costs = [statistics.median(side.costs_ms) for side in (one, two)]
    busy = statistics.median(one.busy)
    return Row(
        f"{PREFIX}.{name}",
        rates[1] / rates[0],
        "",
        f"{len(members)} server(s), {CLIENTS} clients: {rates[1]:.0f}/s with 2 workers, "
        f"{rates[0]:.0f}/s with 1; {os.cpu_count()} cores, service and clients "
        f"included, {busy:.0%} busy with 1: at most {1 / busy:.2f}; "
        f"CPU {costs[1]:.2f} against {costs[0]:.2f} ms",
    )


async def _side(
    stack: AsyncExitStack, folder: Path, members: Sequence[MemberPlan], workers: int
) -> _Side:
    instance = await start_instance(stack, folder / str(workers))
    for member in members:
        settings = instance.files.server(member) / "server.toml"
        text = settings.read_text("utf-8")
        settings.write_text(f"workers = {workers}\n{text}", "utf-8")
    if len(members) == 1:
        _allow_itself(instance)
    side = _Side(instance, await start_servers(stack, instance, members))
    await _load(side, members, WARM_UP_SECONDS)
    return side


def _allow_itself(instance: Instance) -> None:
    """Let the provider's subsystem call its own services."""
    path = instance.files.server(REGISTER) / DATABASE
    database = open_database(f"sqlite:///{path}")
    with database.write() as connection:
        for service in SERVICES:
            grant(connection, service.service_id, PROVIDER)
    database.close()


async def _load(side: _Side, members: Sequence[MemberPlan], seconds: float) -> Load:
    client = PROVIDER if len(members) == 1 else PORTAL_CLIENT
    return await run_load(
        side.instance, CLIENTS, seconds, through=members[0], client_id=client
    )


async def _turn(side: _Side, members: Sequence[MemberPlan], seconds: float) -> None:
    pids = [server.process.pid for server in side.servers]
    cpu, idle = cpu_seconds(*pids), _idle_seconds()
    load = await _load(side, members, seconds)
    if load.failed:
        raise FailedMessagesError(load.failed)
    side.rates.append(load.rate)
    side.costs_ms.append(1000 * (cpu_seconds(*pids) - cpu) / load.done)
    took = load.done / load.rate
    share = (_idle_seconds() - idle) / took / (os.cpu_count() or 1)
    side.busy.append(1 - min(max(share, 0.0), 0.99))


def _idle_seconds() -> float:
    """Return for how long the cores of this machine have been idle, all together."""
    fields = Path("/proc/stat").read_text("ascii").splitlines()[0].split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")
