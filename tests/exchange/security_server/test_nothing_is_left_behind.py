"""Whatever becomes of a message, no connection and no file of it stays."""

import asyncio
import gc
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from kerege.exchange.messagelog.bodies_folder import MARK
from kerege.exchange.security_server import provider
from kerege.exchange.security_server.service_call import ServiceAnswer
from kerege.exchange.spool import MEMORY_LIMIT, Spool
from kerege.exchange.tls import peer_server_context
from kerege.xroad.faults import XRoadError
from tests.exchange.http.helpers import settle, until
from tests.servers import Pair, TestServer
from tests.wire import RawServer, answer, request

UNFINISHED = b"Content-Length: 10000000\r\n\r\n--x\r\nno header\r\n\r\nand then nothing"
MIXED = b"Content-Type: multipart/mixed; boundary=x\r\n"


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"404 Not Found\r\n", "http_error"),
        (b"200 OK\r\n" + MIXED, "service_failed.internal_error"),
        (
            b"200 OK\r\nx-hash-algorithm: SHA-512\r\nContent-Type: image/png\r\n",
            "service_failed.invalid_content_type",
        ),
        (
            b"200 OK\r\nx-hash-algorithm: SHA-512\r\n" + MIXED,
            "mime_parsing_failed",
        ),
    ],
)
async def test_an_answer_that_is_not_read_to_its_end_takes_its_connection(
    tmp_path, head: bytes, code: str
):
    pair = Pair(tmp_path)
    stranger = RawServer(
        b"HTTP/1.1 " + head + UNFINISHED,
        ssl=peer_server_context(pair.instance.provider.identity),
    )
    async with stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            got = await pair.send("GET", "echo/path")
            assert got.get("x-road-error") == f"server.clientproxy.{code}"
            pool = pair.consumer.runtime.pool
            await until(lambda: not pool.connection_count)


def spooled(server: TestServer) -> list[Path]:
    found = server.runtime.spool_directory.iterdir()
    return [path for path in found if path.name != MARK]


async def test_a_large_answer_leaves_no_file_unless_the_log_keeps_it(tmp_path):
    large = b"x" * (3 * MEMORY_LIMIT)
    async with Pair(tmp_path, service_answer=answer(body=large)) as pair:
        pair.offer("register")
        got = await pair.send("GET", "register/everything")
        assert got.body == large
        for server in (pair.consumer, pair.provider):
            await until(lambda server=server: not spooled(server))


async def test_a_peer_that_leaves_in_the_middle_leaves_nothing_behind(tmp_path):
    half = answer(body=b"x" * (6 * MEMORY_LIMIT))[: 3 * MEMORY_LIMIT]
    async with Pair(tmp_path, service_answer=half) as pair:
        pair.offer("register", timeout_seconds=1)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(pair.send("GET", "register/everything"))
            await until(lambda: spooled(pair.provider))
            await pair.consumer.runtime.pool.close()
        assert asking.result().status == 500
        await until(lambda: not spooled(pair.provider))
        await until(lambda: not pair.provider.runtime.pool.connection_count)
        assert not spooled(pair.consumer)


@pytest.mark.parametrize(
    ("method", "status", "code"),
    [
        ("HEAD", 200, None),
        ("GET", 204, None),
        ("GET", 304, None),
        ("GET", 199, "server.clientproxy.service_failed.internal_error"),
        ("GET", 999, "server.clientproxy.service_failed.internal_error"),
    ],
)
async def test_a_body_that_may_not_be_sent_on_leaves_no_file(
    tmp_path, monkeypatch, method: str, status: int, code: str | None
):
    large = Spool.of(b"x" * (2 * MEMORY_LIMIT))

    class Body:
        def __init__(self) -> None:
            self.read = partial(anext, large.chunks(), b"")

    async def odd_service(*_: object) -> ServiceAnswer:
        response = SimpleNamespace(release=lambda: None)
        return ServiceAnswer(status, "Odd", [], Body(), response)

    monkeypatch.setattr(provider, "call_service", odd_service)
    async with Pair(tmp_path) as pair:
        pair.offer("odd")
        got = await pair.send(method, "odd/path")
        assert (got.get("x-road-error"), got.body[:4]) in [(None, b""), (code, b'{"ty')]
        for server in (pair.consumer, pair.provider):
            await until(lambda server=server: not spooled(server))


def answer_with(block: bytes) -> bytes:
    """Return a provider's answer with this block and a signature that is none."""
    types = (b"application/x-road-rest-response", b"signature/bdoc-1.0/ts")
    parts = zip(types, (block, b"<a/>"), strict=True)
    body = b"".join(b"--x\r\ncontent-type: %b\r\n\r\n%b\r\n" % p for p in parts)
    head = {
        "x-hash-algorithm": "SHA-512",
        "Content-Type": "multipart/mixed; boundary=x",
    }
    return answer("200 OK", head, body + b"--x--\r\n")


@pytest.mark.parametrize("block", [b"garbage", b"200\r\nOK\r\n"])
async def test_a_block_that_cannot_be_read_is_the_service_s_failure(tmp_path, block):
    """As in the reference: recording rest-empty-id."""
    pair = Pair(tmp_path)
    context = peer_server_context(pair.instance.provider.identity)
    async with RawServer(answer_with(block), ssl=context) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            got = await pair.send("GET", "echo/path")
            code = "server.clientproxy.service_failed.internal_error"
            assert got.get("x-road-error") == code


async def test_a_log_that_fails_twice_is_heard_of_once(tmp_path):
    unheard: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, what: unheard.append(what["message"]))
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        pair.consumer.log.error = XRoadError("logging_failed", "The disk is full")
        got = await pair.send("GET", "echo/path")
        assert got.get("x-road-error") == "server.clientproxy.logging_failed"
        gc.collect()
        await settle()
    assert not unheard


async def test_an_answer_before_the_end_of_the_request_is_none(tmp_path):
    """Nor is it logged: the request it is said to answer was not signed yet."""
    block = b"200\r\nOK\r\nx-road-id:1\r\nx-road-request-hash:AAAA\r\n"
    types = (b"application/x-road-rest-response", b"signature/bdoc-1.0/ts")
    parts = zip(types, (block, b"<a/>"), strict=True)
    body = b"".join(b"--x\r\ncontent-type: %b\r\n\r\n%b\r\n" % p for p in parts)
    head = {
        "x-hash-algorithm": "SHA-512",
        "Content-Type": "multipart/mixed; boundary=x",
    }
    early = answer("200 OK", head, body + b"--x--\r\n")

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(early)
        await reader.read()
        writer.close()

    pair = Pair(tmp_path)
    context = peer_server_context(pair.instance.provider.identity)
    async with await asyncio.start_server(hasty, "127.0.0.1", 0, ssl=context) as server:
        pair.consumer.peer_port = server.sockets[0].getsockname()[1]
        async with pair:
            half = request(
                "POST",
                f"/r1/{pair.provider_client.path}/echo",
                {"X-Road-Client": pair.client.path, "Content-Length": "9000000"},
            )
            got = await pair.consumer.client_call(half + b"x" * 3 * MEMORY_LIMIT)
            code = "server.clientproxy.inconsistent_response"
            assert got.get("x-road-error") == code
            assert not pair.consumer.log.records
            await until(lambda: not spooled(pair.consumer))
