"""The faults of a soak, and when each of them happens.

Faults that kill processes come first, and then those that take most memory. So in the
calm part after them the memory of processes that live long can be compared.
"""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.crash.traffic import service
from bench.crash.world import World
from kerege.sandbox.layout import (
    PORTAL,
    PORTAL_CLIENT,
    PROVIDER,
    REGISTER,
    TRUST_ADDRESS,
    MemberPlan,
)

if TYPE_CHECKING:
    from bench.crash.units import Unit

SHORT, LONG = 5.0, 65.0
"""Seconds; the long one covers a run of the time-stamping job."""
SERVICE_SECONDS = 10.0
RUDE_CLIENTS = 20
SLOW_SECONDS = 30.0

Fault = Callable[[World], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault and its minute."""

    minute: float
    name: str
    run: Fault


def plan(minutes: float, seed: int, *, full_disk: bool) -> list[Planned]:
    """Return one fault for each minute, in a random order that ``seed`` decides."""
    chance = random.Random(seed)
    count = max(int(minutes) - 1, 1)
    deadly = max(round(count / 3), 1)
    hungry = {k: v for k, v in HUNGRY.items() if full_disk or v is not _disk_full}
    chosen = _enough(DEADLY, deadly, chance) + list(hungry.items())
    left = max(count - len(chosen), 0)
    chosen += _enough({**GENTLE, **hungry}, left, chance)
    return [
        Planned(number + chance.uniform(0.4, 0.6), name, run)
        for number, (name, run) in enumerate(chosen)
    ]


def calm_from(faults: list[Planned]) -> float:
    """Return the minute when the calm part begins."""
    return max(f.minute for f in faults if f.name in DEADLY) + len(HUNGRY) + 1


def _enough(
    faults: dict[str, Fault], count: int, chance: random.Random
) -> list[tuple[str, Fault]]:
    """Return each fault before any comes again."""
    chosen: list[tuple[str, Fault]] = []
    while len(chosen) < count:
        round_ = list(faults.items())
        chance.shuffle(round_)
        chosen += round_
    return chosen[:count]


def _worker_of(side: str) -> Fault:
    async def run(world: World) -> None:
        unit: Unit = getattr(world, side)
        unit.kill(lambda found: found[-1])

    return run


def _server_of(side: str) -> Fault:
    async def run(world: World) -> None:
        unit: Unit = getattr(world, side)
        for pid in unit.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    return run


async def _tsa_away(world: World) -> None:
    await world.tsa.stop(signal.SIGKILL)
    await asyncio.sleep(LONG)
    world.tsa.start()


def _away(name: str) -> Fault:
    async def run(world: World) -> None:
        await world.take_away(name)
        await asyncio.sleep(LONG)
        await world.bring(name)

    return run


def _locked(member: MemberPlan) -> Fault:
    async def run(world: World) -> None:
        path = world.files.server(member) / "security-server.db"
        database = sqlite3.connect(
            path, isolation_level=None, timeout=10, check_same_thread=False
        )
        await asyncio.to_thread(_lock, database)
        await asyncio.sleep(SHORT)
        database.execute("ROLLBACK")
        database.close()

    def _lock(database: sqlite3.Connection) -> None:
        database.execute("BEGIN IMMEDIATE")

    return run


async def _disk_full(world: World) -> None:
    """Fill the file system of the provider's spool folder, and send large bodies.

    Raises `RuntimeError` unless each of them gets a fault.
    """
    filler = world.files.server(REGISTER) / "spool" / "filler"
    answers: list[bytes] = []

    async def client() -> None:
        reader, writer = await _open(world)
        writer.write(_head(1_500_000) + bytes(1_500_000))
        await writer.drain()
        answers.append(await reader.readuntil(b"\r\n\r\n"))
        writer.transport.abort()

    await asyncio.to_thread(_fill, filler)
    await asyncio.gather(_several(client), asyncio.sleep(SHORT))
    filler.unlink()
    faults = sum(b"x-road-error:" in answer.lower() for answer in answers)
    if faults < RUDE_CLIENTS:
        msg = f"of {RUDE_CLIENTS} large bodies on a full disk {faults} got a fault"
        raise RuntimeError(msg)


def _fill(path: Path) -> None:
    block = bytes(256 * 1024)
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(block):
            pass


def _bad_service(kind: str) -> Fault:
    async def run(world: World) -> None:
        await world.take_away("register")
        port = world.instance.ports.provider
        bad = None
        if kind != "refuses":
            bad = await asyncio.start_server(
                _hang if kind == "hangs" else _close, TRUST_ADDRESS, port
            )
        await asyncio.sleep(SERVICE_SECONDS)
        if bad is not None:
            bad.close()
        await world.bring("register", service)

    return run


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1000)
    await asyncio.sleep(SERVICE_SECONDS)
    writer.transport.abort()


async def _close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1000)
    writer.transport.abort()


async def _gone_clients(world: World) -> None:
    """Clients that go away in the middle of their bodies."""

    async def client() -> None:
        reader, writer = await _open(world)
        del reader
        writer.write(_head(2_000_000) + bytes(1_200_000))
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.transport.abort()

    await _several(client)


async def _slow_clients(world: World) -> None:
    """Clients that send, or read, a little at a time, and go away before the end."""

    async def sends() -> None:
        _, writer = await _open(world)
        writer.write(_head(2_000_000))
        with contextlib.suppress(OSError):
            for _ in range(int(SLOW_SECONDS)):
                writer.write(bytes(100))
                await writer.drain()
                await asyncio.sleep(1)
        writer.transport.abort()

    async def reads() -> None:
        reader, writer = await _open(world, limit=1000)
        writer.write(_head(0, answer=4_000_000))
        with contextlib.suppress(OSError):
            for _ in range(int(SLOW_SECONDS)):
                await reader.read(1000)
                await asyncio.sleep(1)
        writer.transport.abort()

    await asyncio.gather(_several(sends), _several(reads))


async def _several(client: Callable[[], Awaitable[None]]) -> None:
    async def one() -> None:
        with contextlib.suppress(OSError):
            await client()

    await asyncio.gather(*(one() for _ in range(RUDE_CLIENTS)))


async def _open(
    world: World, limit: int = 2**16
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    plain = socket.socket()
    plain.setblocking(False)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    address = (PORTAL.address, world.instance.ports.client_http)
    await asyncio.get_running_loop().sock_connect(plain, address)
    return await asyncio.open_connection(sock=plain, limit=limit)


def _head(length: int, answer: int = 500) -> bytes:
    return (
        f"POST /r1/{PROVIDER.path}/address-fact/x?n={answer} HTTP/1.1\r\n"
        f"Host: x\r\nX-Road-Client: {PORTAL_CLIENT.path}\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def _reload(world: World) -> None:
    for unit in (world.consumer, world.provider):
        if found := unit.processes():
            os.kill(found[0], signal.SIGHUP)


DEADLY: dict[str, Fault] = {
    "consumer's worker killed": _worker_of("consumer"),
    "provider's worker killed": _worker_of("provider"),
    "consumer's server killed": _server_of("consumer"),
    "provider's server killed": _server_of("provider"),
    "reload of both servers": _reload,
}
"""After these, processes are new."""
GENTLE: dict[str, Fault] = {
    "TSA away": _tsa_away,
    "OCSP responder away": _away("ocsp"),
    "configuration source away": _away("configuration"),
    "consumer's database locked": _locked(PORTAL),
    "provider's database locked": _locked(REGISTER),
    "service hangs": _bad_service("hangs"),
    "service refuses": _bad_service("refuses"),
    "service closes": _bad_service("closes"),
}
HUNGRY: dict[str, Fault] = {
    "slow clients": _slow_clients,
    "clients gone mid-body": _gone_clients,
    "disk full": _disk_full,
}
"""While these last, a server has more open bodies than ever before."""
