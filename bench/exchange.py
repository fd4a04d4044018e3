"""The exchange under load: two Security Servers, everything on, all on this machine.

RSA-2048 authentication and signing keys, one worker per server, one signature per
message, OCSP, access rights, both message logs on SQLite with time-stamps, 500-byte
bodies both ways. The load generator and the service share the two cores.

"Share of the crypto bound" is the measured rate divided by the rate at which two cores
could make and check the four RSA operations of an exchange and do nothing else.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bench._running import (
    MEMBERS,
    cpu_seconds,
    pss_mb,
    rss_mb,
    run_load,
    sign_in_batches,
    start_instance,
)
from bench.rows import Row
from kerege.sandbox.builder import Instance
from kerege.sandbox.processes import ServerProcess, start_server

PREFIX = (
    "exchange.rest",
    "exchange.rsa",
    "exchange.rss",
    "exchange.pss",
    "exchange.start",
)
CLIENTS = (32, 64)
WARM_UP_SECONDS = 2.0
SECONDS = {"small": 6.0, "full": 20.0}
RSA_ROUNDS = 5
"""The best counts: the machine may be doing something else during one."""
SETUP = "500-byte bodies, RSA-2048, one worker each, logs and time-stamps on"


def rows(scale: str) -> list[Row]:
    """Measure."""
    return uvloop.run(_measure(SECONDS[scale]))


async def _measure(seconds: float) -> list[Row]:
    sign, verify = rsa_seconds()
    bound = crypto_bound(sign, verify)
    folder = Path(tempfile.mkdtemp(prefix="kerege-bench-"))
    try:
        async with AsyncExitStack() as stack:
            instance = await start_instance(stack, folder)
            sign_in_batches(instance, batches=False)
            servers, start_seconds = await _servers(stack, instance)
            await run_load(instance, 8, WARM_UP_SECONDS)
            cpu_before = cpu_seconds(*(s.process.pid for s in servers))
            loads = [await run_load(instance, n, seconds) for n in CLIENTS]
            cpu = cpu_seconds(*(s.process.pid for s in servers)) - cpu_before
            rss = max(rss_mb(s.process.pid) for s in servers)
            pss = max(pss_mb(s.process.pid) for s in servers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    best = max(loads, key=lambda load: load.rate)
    at_32 = loads[0]
    done = sum(load.done for load in loads)
    name = "exchange.rest.rsa2048"
    failed = sum(load.failed for load in loads)
    note = f"{SETUP}; {best.clients} clients; {failed} failed"
    return [
        Row("exchange.rsa2048.sign_per_second", 1 / sign, "1/s", "one core"),
        Row("exchange.rsa2048.verify_per_second", 1 / verify, "1/s", "one core"),
        Row(f"{name}.messages_per_second", best.rate, "1/s", note),
        Row(
            f"{name}.share_of_crypto_bound",
            100 * best.rate / bound,
            "%",
            f"bound {bound:.0f}/s in the same run",
        ),
        Row(f"{name}.p50_ms", at_32.p50_ms, "ms", "32 clients"),
        Row(f"{name}.p99_ms", at_32.p99_ms, "ms", "32 clients"),
        Row(f"{name}.cpu_ms_per_message", 1000 * cpu / done, "ms", "both servers"),
        Row("exchange.rss_mb", rss, "MB", "the larger server, after the load"),
        Row("exchange.pss_mb", pss, "MB", "the same, shared pages divided"),
        Row("exchange.start_seconds", start_seconds, "s", "configured server, ready"),
    ]


def crypto_bound(*seconds: float) -> float:
    """Return how many exchanges a second two cores can sign and verify, if nothing else.

    Args:
        seconds: Of one signature and one verification, if they are known already.
    """
    sign, verify = seconds or rsa_seconds()
    return 2 / (2 * sign + 2 * verify)


def rsa_seconds() -> tuple[float, float]:
    """Return the CPU seconds of one RSA-2048 signature and one verification."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pad, digest, data = padding.PKCS1v15(), hashes.SHA512(), os.urandom(200)
    signature = key.sign(data, pad, digest)
    public = key.public_key()

    def once(work: Callable[[], object], count: int) -> float:
        started = time.process_time()
        for _ in range(count):
            work()
        return (time.process_time() - started) / count

    def cost(work: Callable[[], object], count: int) -> float:
        return min(once(work, count) for _ in range(RSA_ROUNDS))

    sign = cost(lambda: key.sign(data, pad, digest), 500)
    verify = cost(lambda: public.verify(signature, data, pad, digest), 2000)
    return sign, verify


async def _servers(
    stack: AsyncExitStack, instance: Instance
) -> tuple[list[ServerProcess], float]:
    servers = []
    slowest = 0.0
    for member in MEMBERS:
        # The second start is measured: a configured server has its files.
        for _ in range(2):
            started = time.perf_counter()
            server = await start_server(instance.files, member, None)
            took = time.perf_counter() - started
            if _ == 0:
                await server.stop()
        slowest = max(slowest, took)
        stack.push_async_callback(server.stop)
        servers.append(server)
    return servers, slowest
