"""The exchange under load: two Security Servers, everything on, all on this machine.

RSA-2048 authentication and signing keys, one worker per server, one signature per
message, OCSP, access rights, both message logs on SQLite with time-stamps, 500-byte
bodies both ways. The load generator and the service share the two cores.

"Share of the crypto bound" is the measured rate divided by the rate at which two cores
could make and check the four RSA operations of an exchange and do nothing else.
"""

import asyncio
import os
import resource
import shutil
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bench.rows import Row
from kerege.exchange.http import ClientPool, Request, Response, serve
from kerege.sandbox.builder import Instance, build, prepare
from kerege.sandbox.layout import (
    PORTAL,
    PORTAL_CLIENT,
    PROVIDER,
    REGISTER,
    TRUST_ADDRESS,
    Files,
    Ports,
)
from kerege.sandbox.ports import find_ports
from kerege.sandbox.processes import ServerProcess, start_server
from kerege.sandbox.services import start_services

PREFIX = "exchange."
BODY = b'{"value":"' + b"x" * 488 + b'"}'
CLIENTS = (32, 64)
WARM_UP_SECONDS = 2.0
SECONDS = {"small": 6.0, "full": 20.0}
SETUP = "500-byte bodies, RSA-2048, one worker each, logs and time-stamps on"


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of the load generator saw."""

    clients: int
    rate: float
    p50_ms: float
    p99_ms: float
    failed: int


def rows(scale: str) -> list[Row]:
    """Measure."""
    return uvloop.run(_measure(SECONDS[scale]))


async def _measure(seconds: float) -> list[Row]:
    sign, verify = rsa_seconds()
    bound = 2 / (2 * sign + 2 * verify)
    folder = Path(tempfile.mkdtemp(prefix="kerege-bench-"))
    try:
        async with AsyncExitStack() as stack:
            instance = await _instance(stack, folder)
            servers, start_seconds = await _servers(stack, instance)
            await _load(instance, 8, WARM_UP_SECONDS)
            cpu_before = _cpu_seconds(servers)
            loads = [await _load(instance, n, seconds) for n in CLIENTS]
            cpu = _cpu_seconds(servers) - cpu_before
            rss = max(_rss_mb(s.process.pid) for s in servers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    best = max(loads, key=lambda load: load.rate)
    at_32 = loads[0]
    done = sum(load.rate * seconds for load in loads)
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
        Row("exchange.start_seconds", start_seconds, "s", "configured server, ready"),
    ]


def rsa_seconds() -> tuple[float, float]:
    """Return the CPU seconds of one RSA-2048 signature and one verification."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pad, digest, data = padding.PKCS1v15(), hashes.SHA512(), os.urandom(200)
    signature = key.sign(data, pad, digest)
    public = key.public_key()

    def cost(work: object, count: int) -> float:
        started = time.process_time()
        for _ in range(count):
            work()  # type: ignore[operator]
        return (time.process_time() - started) / count

    sign = cost(lambda: key.sign(data, pad, digest), 1000)
    verify = cost(lambda: public.verify(signature, data, pad, digest), 5000)
    return sign, verify


async def _instance(stack: AsyncExitStack, folder: Path) -> Instance:
    ports = find_ports(Ports().shifted(1000))
    instance = await asyncio.to_thread(build, Files(folder / "instance"), ports)
    prepare(instance)
    await start_services(stack, instance, without={"register"})

    async def answer(_: Request) -> Response:
        headers = [(b"Content-Type", b"application/json")]
        return Response(200, b"OK", headers, BODY)

    service = await serve(answer, TRUST_ADDRESS, ports.provider)
    stack.push_async_callback(service.close)
    return instance


async def _servers(
    stack: AsyncExitStack, instance: Instance
) -> tuple[list[ServerProcess], float]:
    servers = []
    slowest = 0.0
    for member in (PORTAL, REGISTER):
        # The second start is measured: a configured server has its files.
        for _ in range(2):
            started = time.perf_counter()
            server = await start_server(instance.files, member, lambda *_: None)
            took = time.perf_counter() - started
            if _ == 0:
                await server.stop()
        slowest = max(slowest, took)
        stack.push_async_callback(server.stop)
        servers.append(server)
    return servers, slowest


async def _load(instance: Instance, clients: int, seconds: float) -> Load:
    address = (PORTAL.address, instance.ports.client_http)
    target = f"/r1/{PROVIDER.path}/address-fact/x".encode()
    headers = [
        (b"X-Road-Client", PORTAL_CLIENT.path.encode()),
        (b"Content-Type", b"application/json"),
    ]
    latencies: list[float] = []
    failed = 0
    async with ClientPool() as pool:
        ends = time.perf_counter() + seconds

        async def client() -> None:
            nonlocal failed
            while (started := time.perf_counter()) < ends:
                response = await pool.request(
                    address, method="POST", target=target, headers=headers, body=BODY
                )
                content = await response.body.read_all(100_000)
                latencies.append(time.perf_counter() - started)
                failed += response.status != 200 or content != BODY

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(client())
        took = time.perf_counter() - began
    cuts = statistics.quantiles(latencies, n=100)
    return Load(
        clients, len(latencies) / took, 1000 * cuts[49], 1000 * cuts[98], failed
    )


def _cpu_seconds(servers: list[ServerProcess]) -> float:
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for server in servers:
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2]
        user, system = fields.split()[11:13]
        total += (int(user) + int(system)) / ticks
    return total


def _rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
