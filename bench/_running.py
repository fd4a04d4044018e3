"""A whole instance for a benchmark: trust services here, servers as processes."""

import asyncio
import os
import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench._load import Client, serve_same
from kerege.exchange.http import Handler, serve
from kerege.exchange.keys import KeyAlgorithm
from kerege.exchange.processes import work_in_batches
from kerege.sandbox.builder import Instance, build, prepare
from kerege.sandbox.layout import (
    PORTAL,
    PORTAL_CLIENT,
    PROVIDER,
    REGISTER,
    TRUST_ADDRESS,
    Files,
    MemberPlan,
    Ports,
)
from kerege.sandbox.ports import find_ports
from kerege.sandbox.processes import ServerProcess, start_server
from kerege.sandbox.services import start_services
from kerege.xroad.identifiers import ClientId

BODY = b'{"value":"' + b"x" * 488 + b'"}'
TARGET = f"/r1/{PROVIDER.path}/address-fact/x".encode()
CLIENT_HEADER = (b"X-Road-Client", PORTAL_CLIENT.path.encode())
MEMBERS = (PORTAL, REGISTER)
"""The consumer's server and the provider's."""
_SIGNING = "\n[signing]\n"


class FailedMessagesError(Exception):
    """So many messages failed: what the others cost says nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of the load generator saw."""

    clients: int
    done: int
    rate: float
    p50_ms: float
    p99_ms: float
    failed: int


async def start_instance(
    stack: AsyncExitStack,
    folder: Path,
    answer: Handler | None = None,
    keys: KeyAlgorithm = KeyAlgorithm.RSA_2048,
) -> Instance:
    """Build an instance; serve all but the Security Servers, which have such keys.

    The service gives 500 bytes, unless another ``answer`` is given.
    """
    work_in_batches()  # this process is the load generator too: do not disturb servers
    ports = find_ports(Ports().shifted(1000))
    instance = await asyncio.to_thread(
        build, Files(folder / "instance"), ports, server_keys=keys
    )
    prepare(instance)
    await start_services(stack, instance, without={"register"})
    if answer is None:
        await stack.enter_async_context(
            await serve_same(TRUST_ADDRESS, ports.provider, BODY)
        )
    else:
        await stack.enter_async_context(
            await serve(answer, TRUST_ADDRESS, ports.provider)
        )
    return instance


def sign_in_batches(instance: Instance, *, batches: bool) -> None:
    """Let servers that start from now on sign messages together, or each alone."""
    for member in MEMBERS:
        file = instance.files.server(member) / "server.toml"
        settings, _, _ = file.read_text().partition(_SIGNING)
        file.write_text(f"{settings}{_SIGNING}batch = {str(batches).lower()}\n")


async def start_servers(
    stack: AsyncExitStack, instance: Instance, members: Sequence[MemberPlan] = MEMBERS
) -> list[ServerProcess]:
    """Start the consumer's server and the provider's."""
    servers = []
    for member in members:
        server = await start_server(instance.files, member, None)
        stack.push_async_callback(server.stop)
        servers.append(server)
    return servers


async def run_load(
    instance: Instance,
    clients: int,
    seconds: float,
    *,
    through: MemberPlan = PORTAL,
    client_id: ClientId = PORTAL_CLIENT,
) -> Load:
    """Send 500-byte requests from so many clients at once, for so long."""
    request = (
        b"POST %b HTTP/1.1\r\nHost: x\r\nX-Road-Client: %b\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (TARGET, client_id.path.encode(), len(BODY), BODY)
    )
    began = time.perf_counter()
    senders = [Client(request, BODY, began + seconds) for _ in range(clients)]
    async with asyncio.TaskGroup() as group:
        for sender in senders:
            group.create_task(sender.run(through.address, instance.ports.client_http))
    took = time.perf_counter() - began
    latencies = [each for sender in senders for each in sender.latencies]
    failed = sum(sender.failed for sender in senders)
    cuts = statistics.quantiles(latencies, n=100)
    done = len(latencies)
    return Load(clients, done, done / took, 1000 * cuts[49], 1000 * cuts[98], failed)


def cpu_seconds(*pids: int) -> float:
    """Return the processor time of these processes and those that they started."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for pid in with_children(*pids):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15])) / ticks  # and of children that ended
    return total


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process and its children, in MB."""
    size = resource.getpagesize()
    return sum(
        int(Path(f"/proc/{each}/statm").read_text().split()[1]) * size / 1e6
        for each in with_children(pid)
    )


def pss_mb(pid: int) -> float:
    """Return the same with shared pages divided by how many processes share them."""
    return sum(
        int(line.split()[1]) * 1024 / 1e6
        for each in with_children(pid)
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        if line.startswith("Pss:")
    )


def peak_rss_mb(pid: int) -> float:
    """Return the most resident memory that each process there ever had, summed, MB."""
    return sum(
        int(line.split()[1]) * 1024 / 1e6
        for each in with_children(pid)
        for line in Path(f"/proc/{each}/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    )


def with_children(*pids: int) -> Iterator[int]:
    """Yield these processes and all that they started and still run."""
    for pid in pids:
        yield pid
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from with_children(int(child))
