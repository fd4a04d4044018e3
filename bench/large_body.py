"""A large body through both Security Servers, against bare TLS transfers of it.

Upwards: client, plain HTTP, consumer's server, TLS, provider's server, plain HTTP,
service; the service answers with a few bytes. Downwards: the other way round. In each
direction the server that receives from its peer must have the whole body, verified,
before it passes on the first byte, so two transfers one after the other are the least.
"""

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import uvloop

from bench._running import (
    CLIENT_HEADER,
    TARGET,
    peak_rss_mb,
    start_instance,
    start_servers,
)
from bench._transfer import BLOCK, Transfers
from bench.rows import Row
from kerege.exchange.http import ClientPool, Handler, Request, Response
from kerege.sandbox.builder import Instance
from kerege.sandbox.layout import PORTAL

PREFIX = "exchange.large_body"
SIZES = {"small": 256 << 20, "full": 1 << 30}
ROUNDS = 3
"""Each with transfers and exchanges in turn; medians are compared."""


class WrongAnswerError(Exception):
    """The body did not arrive; shows the status and what came instead."""


def rows(scale: str) -> list[Row]:
    """Measure."""
    return uvloop.run(_measure(SIZES[scale]))


async def _measure(size: int) -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="kerege-bench-"))
    bare: list[float] = []
    up: list[float] = []
    down: list[float] = []
    try:
        async with AsyncExitStack() as stack:
            transfers = stack.enter_context(_transfers(size))
            instance = await start_instance(stack, folder, _service(size))
            servers = await start_servers(stack, instance)
            await _exchange(instance, len(BLOCK), 0)
            for _ in range(ROUNDS):
                pair = [await asyncio.to_thread(transfers.run) for _ in range(2)]
                bare.append(sum(pair))
                up.append(await _exchange(instance, size, 0))
                down.append(await _exchange(instance, 0, size))
            peaks = [peak_rss_mb(server.process.pid) for server in servers]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    two = statistics.median(bare)
    note = f"{size >> 20} MiB, {transfers.cipher}, median of {ROUNDS}"
    rates = [size / statistics.median(each) / 1e6 for each in (up, down)]
    name = PREFIX
    return [
        Row(f"{name}.two_transfers_seconds", two, "s", f"bare TLS; {note}"),
        Row(
            f"{name}.ratio_to_two_transfers",
            statistics.median(up) / two,
            "",
            f"request body of {note}; {rates[0]:.0f} MB/s",
        ),
        Row(
            f"{name}.answer.ratio_to_two_transfers",
            statistics.median(down) / two,
            "",
            f"answer of {note}; {rates[1]:.0f} MB/s",
        ),
        Row(
            f"{name}.rss_mb",
            max(peaks),
            "MB",
            "peak (VmHWM) of the larger server, bodies both ways, "
            f"{size >> 20} MiB each",
        ),
    ]


@contextmanager
def _transfers(size: int) -> Iterator[Transfers]:
    transfers = Transfers(size)
    try:
        yield transfers
    finally:
        transfers.close()


def _service(size: int) -> Handler:
    """Take whatever comes; answer GET with a large body, POST with what came."""

    async def answer(request: Request) -> Response:
        taken = 0
        async for chunk in request.body:
            taken += len(chunk)
        if request.method == "GET":
            length = [(b"Content-Length", b"%d" % size)]
            return Response(200, b"OK", length, _blocks(size))
        return Response(200, b"OK", [], b"%d" % taken)

    return answer


async def _blocks(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, len(BLOCK)):
        yield BLOCK[: size - start]


async def _exchange(instance: Instance, size: int, answer_size: int) -> float:
    """Send a body, or ask for one; return the seconds until all of it is there."""
    address = (PORTAL.address, instance.ports.client_http)
    headers = [CLIENT_HEADER]
    if size:
        headers.append((b"Content-Length", b"%d" % size))
    async with ClientPool() as pool:
        started = time.perf_counter()
        response = await pool.request(
            address,
            method="POST" if size else "GET",
            target=TARGET,
            headers=headers,
            body=_blocks(size) if size else None,
        )
        taken, last = 0, b""
        async for last in response.body:
            taken += len(last)
        took = time.perf_counter() - started
    is_right = last == b"%d" % size if size else taken == answer_size
    if response.status != 200 or not is_right:
        raise WrongAnswerError(response.status, last)
    return took
