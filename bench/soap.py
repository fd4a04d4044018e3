"""SOAP under load, as `exchange` measures REST: without and with a 1 MB attachment.

The request's envelope and the answer's have about 1.2 KB each. The attachment goes with
the request only; it is signed through a hash chain, spooled by the provider's server and
not kept by either log.
"""

import asyncio
import shutil
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from bench._load import Client, serve_same
from bench._running import (
    Load,
    cpu_seconds,
    rss_mb,
    start_instance,
    start_servers,
)
from bench.rows import Row
from kerege.exchange.storage import open_database
from kerege.exchange.storage.server_configuration import (
    Service,
    ServiceType,
    add_service,
    grant,
)
from kerege.sandbox.builder import DATABASE, Instance
from kerege.sandbox.layout import (
    PORTAL,
    PORTAL_CLIENT,
    PROVIDER,
    REGISTER,
    TRUST_ADDRESS,
)
from kerege.xroad import soap
from kerege.xroad.identifiers import ServiceId
from kerege.xroad.soap import Answer, SoapMessage

PREFIX = "exchange.soap"
WARM_UP_SECONDS = 2.0
SECONDS = {"small": 6.0, "full": 20.0}
CLIENTS = 32
ATTACHMENT_CLIENTS = 8
ATTACHMENT_BYTES = 1_000_000
TYPE = "text/xml; charset=UTF-8"
DATA = b'<s:%b xmlns:s="urn:bench"><data>' + b"x" * 488 + b"</data></s:%b>"
SERVICE = ServiceId(
    PROVIDER.instance,
    PROVIDER.member_class,
    PROVIDER.member_code,
    PROVIDER.subsystem_code,
    "soap",
)


def rows(scale: str) -> list[Row]:
    """Measure."""
    return uvloop.run(_measure(SECONDS[scale]))


async def _measure(seconds: float) -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="kerege-bench-"))
    asked, answered = _envelope("soap"), _envelope("soapResponse")
    rewritten = soap.add_request_hash(answered, TYPE, soap.request_hash(asked))
    if not isinstance(rewritten, Answer):
        raise TypeError("The answer is a fault")
    try:
        async with AsyncExitStack() as stack:
            instance = await start_instance(stack, folder)
            service = await serve_same(TRUST_ADDRESS, 0, answered, TYPE)
            await stack.enter_async_context(service)
            _offer(instance, service.sockets[0].getsockname()[1])
            pids = [s.process.pid for s in await start_servers(stack, instance)]
            plain = (_posted(asked, TYPE), rewritten.content)
            attached = (_posted(*_with_attachment(asked)), rewritten.content)
            await _run(instance, plain, 8, WARM_UP_SECONDS)
            before = cpu_seconds(*pids)
            small = await _run(instance, plain, CLIENTS, seconds)
            cpu = cpu_seconds(*pids) - before
            large = await _run(instance, attached, ATTACHMENT_CLIENTS, seconds)
            rss = max(map(rss_mb, pids))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _rows(small, cpu, large, rss)


def _rows(small: Load, cpu: float, large: Load, rss: float) -> list[Row]:
    name = f"{PREFIX}.rsa2048"
    note = f"1.2 KB envelopes, RSA-2048, one worker each; {CLIENTS} clients"
    attached = f"{PREFIX}.attachment_1mb"
    return [
        Row(f"{name}.messages_per_second", small.rate, "1/s", _failed(note, small)),
        Row(f"{name}.p50_ms", small.p50_ms, "ms", f"{CLIENTS} clients"),
        Row(
            f"{name}.cpu_ms_per_message", 1000 * cpu / small.done, "ms", "both servers"
        ),
        Row(
            f"{attached}.messages_per_second",
            large.rate,
            "1/s",
            _failed(f"1 MB with each request; {ATTACHMENT_CLIENTS} clients", large),
        ),
        Row(f"{attached}.rss_mb", rss, "MB", "the larger server, after the load"),
    ]


def _failed(note: str, load: Load) -> str:
    return f"{note}; {load.failed} failed"


def _envelope(name: str) -> bytes:
    message = SoapMessage(
        client_id=PORTAL_CLIENT,
        service_id=SERVICE,
        query_id="bench",
        protocol_version="4.0",
        body_element=name,
    )
    return soap.write(message, DATA % (name.encode(), name.encode()))


def _with_attachment(envelope: bytes) -> tuple[bytes, str]:
    attachment = bytes(range(256)) * (ATTACHMENT_BYTES // 256)
    body = (
        b"--M\r\nContent-Type: %b\r\n\r\n%b\r\n"
        b"--M\r\nContent-Type: application/octet-stream\r\n\r\n%b\r\n--M--\r\n"
        % (TYPE.encode(), envelope, attachment)
    )
    return body, 'multipart/related; type="text/xml"; boundary=M'


def _posted(body: bytes, content_type: str) -> bytes:
    return (
        b'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nSOAPAction: ""\r\n'
        b"Content-Length: %d\r\n\r\n%b" % (content_type.encode(), len(body), body)
    )


def _offer(instance: Instance, port: int) -> None:
    """Add the service to the provider's server, which has not started."""
    database = open_database(f"sqlite:///{instance.files.server(REGISTER) / DATABASE}")
    try:
        with database.write() as connection:
            url = f"http://{TRUST_ADDRESS}:{port}/soap"
            service = Service(SERVICE, ServiceType.WSDL, url, 60, verify_tls=False)
            add_service(connection, service)
            grant(connection, SERVICE, PORTAL_CLIENT)
    finally:
        database.close()


async def _run(
    instance: Instance, exchange: tuple[bytes, bytes], clients: int, seconds: float
) -> Load:
    """Send the same request from so many clients, and expect the same answer."""
    began = time.perf_counter()
    senders = [Client(*exchange, began + seconds) for _ in range(clients)]
    async with asyncio.TaskGroup() as group:
        for sender in senders:
            group.create_task(sender.run(PORTAL.address, instance.ports.client_http))
    took = time.perf_counter() - began
    latencies = [each for sender in senders for each in sender.latencies]
    failed = sum(sender.failed for sender in senders)
    cuts = statistics.quantiles(latencies, n=100)
    done = len(latencies)
    return Load(clients, done, done / took, 1000 * cuts[49], 1000 * cuts[98], failed)
