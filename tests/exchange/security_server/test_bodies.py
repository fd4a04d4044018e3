"""Bodies of any size, in any framing, and connections that end in the middle."""

import asyncio

import pytest

from kerege.exchange.security_server.outgoing import WHOLE_BYTES
from kerege.exchange.spool import MEMORY_LIMIT
from kerege.exchange.tls import peer_client_context
from tests.exchange.http.helpers import until
from tests.servers import Pair
from tests.wire import Http, answer, call, request

SIZES = [
    0,
    1,
    WHOLE_BYTES - 1,
    WHOLE_BYTES,
    WHOLE_BYTES + 1,
    MEMORY_LIMIT - 1,
    MEMORY_LIMIT,
    MEMORY_LIMIT + 1,
    5_000_000,
]


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n"
)


def octets(size: int) -> bytes:
    """Return bytes that contain line ends, dashes and NUL."""
    return (b"\r\n--xtop\r\n\0" + bytes(range(256)))[:size] + bytes(max(0, size - 267))


def echo(asked: Http) -> bytes:
    return answer(body=asked.body)


@pytest.mark.parametrize("size", SIZES)
async def test_a_body_arrives_and_comes_back(tmp_path, size):
    async with Pair(tmp_path, service_answer=echo) as pair:
        pair.offer("echo")
        sent = octets(size)
        got = await pair.send("PUT", "echo", body=sent)
        assert got.status == 200
        assert got.body == sent
        assert pair.service.requests[0].body == sent


@pytest.mark.parametrize("step", [1, 7, 4096])
async def test_a_chunked_body_arrives_whole(tmp_path, step):
    async with Pair(tmp_path, service_answer=echo) as pair:
        service = pair.offer("echo")
        sent = octets(1000)
        pieces = [sent[i : i + step] for i in range(0, len(sent), step)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        headers = {
            "X-Road-Client": pair.client.path,
            "Transfer-Encoding": "chunked",
        }
        head = request("POST", f"/r1/{service.path}", headers)
        got = await call("127.0.0.1", pair.consumer.ports.client, head + body)
        assert got.body == sent
        (called,) = pair.service.requests
        assert called.get("content-length") == "1000"


async def test_an_empty_chunked_body_is_no_body(tmp_path):
    async with Pair(tmp_path, service_answer=echo) as pair:
        service = pair.offer("echo")
        headers = {"X-Road-Client": pair.client.path, "Transfer-Encoding": "chunked"}
        head = request("POST", f"/r1/{service.path}", headers)
        got = await call("127.0.0.1", pair.consumer.ports.client, head + b"0\r\n\r\n")
        assert got.status == 200
        assert pair.provider.log.records[0].body is None


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "TRACE"])
async def test_a_body_with_other_methods_is_signed_and_dropped(tmp_path, method):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        got = await pair.send(method, "echo", body=b"unusual")
        assert got.status == 200
        (called,) = pair.service.requests
        assert called.method == method
        assert called.body == b""
        assert pair.provider.log.records[0].body == b"unusual"


@pytest.mark.parametrize(
    ("method", "made", "body"),
    [
        ("GET", answer("204 No Content"), None),
        ("GET", answer("304 Not Modified"), None),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", None),
        ("GET", answer("200 OK"), b""),
        (
            "GET",
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
            b"to the end",
        ),
        (
            "GET",
            CHUNKED,
            b"abcdefg",
        ),
    ],
)
async def test_answers_end_as_http_says(tmp_path, method, made, body):
    async with Pair(tmp_path, service_answer=made) as pair:
        pair.offer("echo")
        got = await pair.send(method, "echo")
        assert got.status == Http.parse(made).status
        assert got.body == (body or b"")
        assert pair.provider.log.records[1].body == body


@pytest.mark.parametrize("size", [100, 300_000, 3_000_000])
async def test_a_client_that_leaves_in_the_middle_reaches_nobody(tmp_path, size):
    async with Pair(tmp_path) as pair:
        service = pair.offer("echo")
        headers = {"X-Road-Client": pair.client.path}
        whole = request("POST", f"/r1/{service.path}", headers, b"x" * size)
        port = pair.consumer.ports.client
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(whole[:-1])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await until(lambda: bool(pair.consumer.exchanges))
        assert pair.service.requests == []
        assert pair.consumer.log.records == []
        assert "io_error" in pair.consumer.exchanges[0].verdict


@pytest.mark.parametrize("size", [100, 300_000, 3_000_000])
async def test_an_answer_that_breaks_off_does_not_come_out(tmp_path, size):
    broken = (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % size
    )
    async with Pair(tmp_path, service_answer=broken + b"x" * (size - 1)) as pair:
        pair.offer("echo")
        got = await pair.send("GET", "echo")
        assert got.status == 500
        assert got.get("x-road-error") == "server.serverproxy.io_error"
        assert b"xx" not in got.body
        assert len(pair.consumer.log.records) == 1
        assert len(pair.provider.log.records) == 1


async def test_a_peer_that_leaves_in_the_middle_reaches_nobody(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        context = peer_client_context(pair.consumer.identity)
        port = pair.provider.ports.peer
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        head = (
            b"POST / HTTP/1.1\r\nHost: x\r\nx-hash-algorithm: SHA-512\r\n"
            b"x-road-message-type: REST\r\nContent-Length: 1000\r\n"
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        )
        writer.write(head)
        await writer.drain()
        writer.transport.abort()
        await until(lambda: bool(pair.provider.exchanges))
        assert pair.service.requests == []
        assert pair.provider.log.records == []
