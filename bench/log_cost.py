"""What a message costs with a month's records in the message log, against none.

Two instances stand side by side: the logs of one are empty, those of the other hold
`RECORDS` in each server, put there in bulk. They are loaded in turn, a few seconds
each, and what is compared is processor time per message: of both servers, and of the
database server's processes where there is one. So what else the machine does, and how
fast its disk is, touches both alike.
"""

import asyncio
import os
import shutil
import statistics
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench import _bulk
from bench._running import (
    MEMBERS,
    FailedMessagesError,
    cpu_seconds,
    run_load,
    start_instance,
    start_servers,
)
from bench.rows import Row
from kerege.exchange.storage import Database, open_database
from kerege.sandbox.builder import DATABASE, Instance, configure
from kerege.sandbox.processes import ServerProcess
from tests.postgres import PostgresServer, binaries, unprivileged

PREFIX = "exchange.log"
RECORDS = {"small": 50_000, "full": 500_000}
TURNS = {"small": (4, 1.5), "full": (10, 3.0)}
"""How often each instance is loaded, and for how many seconds."""
CLIENTS = 32
BACKLOG_SECONDS = 120.0
"""How long the time-stamping job may take for what waits."""


@dataclass(slots=True)
class _Side:
    """One of the two instances."""

    instance: Instance
    urls: list[str]
    servers: list[ServerProcess] = field(default_factory=list)
    costs_ms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


def rows(scale: str) -> list[Row]:
    """Measure."""
    found = uvloop.run(_measure("sqlite", scale))
    if binaries() is not None:
        found += uvloop.run(_measure("postgresql", scale))
    return found


async def _measure(kind: str, scale: str) -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="kerege-bench-"))
    turns, seconds = TURNS[scale]
    try:
        async with AsyncExitStack() as stack:
            server = _postgres(stack) if kind == "postgresql" else None
            empty, full = [
                await _side(stack, folder / name, server) for name in ("empty", "full")
            ]
            await _start(stack, empty)
            await _fill(full, RECORDS[scale])
            full.servers = await start_servers(stack, full.instance)
            await _work_off(full)
            await run_load(full.instance, 8, 2.0)
            pids = [_main_process(server)] if server else []
            for side in (empty, full) * turns:
                await _turn(side, pids, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _rows(kind, RECORDS[scale], empty, full)


def _rows(kind: str, records: int, empty: _Side, full: _Side) -> list[Row]:
    costs = [statistics.median(side.costs_ms) for side in (empty, full)]
    rates = [statistics.median(side.rates) for side in (empty, full)]
    whose = "both servers" + (" and PostgreSQL" if kind == "postgresql" else "")
    return [
        Row(
            f"{PREFIX}.cost_ratio_500k_{kind}",
            costs[1] / costs[0],
            "",
            f"{records:,} records in each server against none; CPU of {whose}, "
            f"median of {len(empty.costs_ms)} turns; rate {rates[1]:.0f}/s against "
            f"{rates[0]:.0f}/s",
        ),
        Row(f"{PREFIX}.{kind}.cpu_ms_per_message", costs[1], "ms", f"{whose}, full"),
    ]


async def _side(
    stack: AsyncExitStack, folder: Path, server: PostgresServer | None
) -> _Side:
    instance = await start_instance(stack, folder)
    urls = []
    for member in MEMBERS:
        settings = instance.files.server(member) / "server.toml"
        url = f"sqlite:///{settings.with_name(DATABASE)}"
        if server is not None:
            url = server.create_database()
            database = open_database(url)
            with database.write() as connection:
                configure(connection, instance.ports, member)
            database.close()
        text = settings.read_text("utf-8")
        settings.write_text(f'database = "{url}"\n{text}', "utf-8")
        urls.append(url)
    return _Side(instance, urls)


async def _start(stack: AsyncExitStack, side: _Side) -> None:
    side.servers = await start_servers(stack, side.instance)
    await run_load(side.instance, 8, 2.0)


async def _fill(side: _Side, records: int) -> None:
    """Let the servers write what is copied then: some stamped, some not yet."""
    async with AsyncExitStack() as stack:
        await _start(stack, side)
    databases = [open_database(url) for url in side.urls]
    try:
        async with AsyncExitStack() as stack:
            side.servers = await start_servers(stack, side.instance)
            await _stamped(databases)  # a server does so as soon as it starts
            await run_load(side.instance, 1, 0.2)
        for database in databases:
            await asyncio.to_thread(_bulk.fill, database, records)
    finally:
        for database in databases:
            database.close()


async def _work_off(side: _Side) -> None:
    """Wait until the servers have time-stamped what waits."""
    databases = [open_database(url) for url in side.urls]
    try:
        await _stamped(databases)
    finally:
        for database in databases:
            database.close()


async def _stamped(databases: list[Database]) -> None:
    """Wait for the job, which runs in another process."""
    async with asyncio.timeout(BACKLOG_SECONDS):
        for database in databases:
            while await asyncio.to_thread(_bulk.unstamped, database):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def _turn(side: _Side, more_pids: list[int], seconds: float) -> None:
    pids = [server.process.pid for server in side.servers] + more_pids
    before = cpu_seconds(*pids)
    load = await run_load(side.instance, CLIENTS, seconds)
    side.costs_ms.append(1000 * (cpu_seconds(*pids) - before) / load.done)
    side.rates.append(load.rate)
    if load.failed:
        raise FailedMessagesError(load.failed)


def _postgres(stack: AsyncExitStack) -> PostgresServer:
    """Start a server of our own, with the settings of a fresh installation."""
    programs = binaries()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="kerege-bench-pg-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    if user := unprivileged():
        os.chown(folder, user.pw_uid, user.pw_gid)
    server = PostgresServer(programs, folder)
    server.initialize()
    server.start(options="")
    stack.callback(server.stop, "immediate")
    return server


def _main_process(server: PostgresServer) -> int:
    return int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
