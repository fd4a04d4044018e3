"""What operational monitoring costs a message: switched on, against switched off.

Two instances stand side by side and are loaded in turn, some seconds each. What is
compared is processor time per message, of both servers: that is what bounds how many
messages pass. Two turns that follow each other are a pair, and the median of all pairs
counts, so that what else the machine does touches both alike. The turns are long enough
for several storings of records each.
"""

import shutil
import statistics
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench._running import (
    MEMBERS,
    FailedMessagesError,
    cpu_seconds,
    run_load,
    start_instance,
    start_servers,
)
from bench.rows import Row
from kerege.sandbox.builder import Instance
from kerege.sandbox.processes import ServerProcess

PREFIX = "exchange.opmonitoring"
CLIENTS = 64
TURNS = {"small": (8, 2.5), "full": (24, 5.0)}
"""How often each instance is loaded, and for how many seconds."""
OFF = "\n[op_monitoring]\nbuffer_records = 0\n"


@dataclass(slots=True)
class _Side:
    """One of the two instances."""

    instance: Instance
    servers: list[ServerProcess]
    costs_ms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


def rows(scale: str) -> list[Row]:
    """Measure."""
    return uvloop.run(_measure(*TURNS[scale]))


async def _measure(turns: int, seconds: float) -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="kerege-bench-"))
    try:
        async with AsyncExitStack() as stack:
            off = await _side(stack, folder / "off", OFF)
            on = await _side(stack, folder / "on", "")
            for turn in range(turns):
                for side in (off, on) if turn % 2 else (on, off):
                    await _turn(side, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _rows(on, off)


def _rows(on: _Side, off: _Side) -> list[Row]:
    pairs = zip(on.costs_ms, off.costs_ms, strict=True)
    cost = statistics.median(1 - without / with_ for with_, without in pairs)
    costs = [statistics.median(side.costs_ms) for side in (on, off)]
    rates = [statistics.median(side.rates) for side in (on, off)]
    return [
        Row(
            f"{PREFIX}.cost",
            100 * cost,
            "%",
            f"share of a message's processor time, of both servers, at {CLIENTS} "
            f"clients: {costs[0]:.3f} ms with, {costs[1]:.3f} without; rate "
            f"{rates[0]:.0f}/s against {rates[1]:.0f}/s; medians of "
            f"{len(on.costs_ms)} pairs of turns",
        )
    ]


async def _side(stack: AsyncExitStack, folder: Path, more: str) -> _Side:
    instance = await start_instance(stack, folder)
    for member in MEMBERS:
        settings = instance.files.server(member) / "server.toml"
        settings.write_text(settings.read_text("utf-8") + more, "utf-8")
    servers = await start_servers(stack, instance)
    await run_load(instance, 8, 2.0)
    return _Side(instance, servers)


async def _turn(side: _Side, seconds: float) -> None:
    pids = [server.process.pid for server in side.servers]
    before = cpu_seconds(*pids)
    load = await run_load(side.instance, CLIENTS, seconds)
    side.costs_ms.append(1000 * (cpu_seconds(*pids) - before) / load.done)
    side.rates.append(load.rate)
    if load.failed:
        raise FailedMessagesError(load.failed)
