"""Strangers who send slowly, without end, or too much at once, on both ports.

Limits are tiny here, so that nobody waits.
"""

import asyncio
import ssl

import pytest

from kerege.exchange.http import Limits
from kerege.exchange.tls import peer_client_context
from tests.attacks.messages import BODY, Piece
from tests.attacks.stage import SOON_SECONDS, Stage, soon
from tests.servers import OK, Pair
from tests.wire import Http, answer, call, request

TINY = Limits(
    head_seconds=0.2,
    idle_seconds=0.2,
    body_stall_seconds=0.2,
    write_stall_seconds=0.4,
    linger_seconds=0.2,
    handshake_seconds=0.5,
)


@pytest.fixture
async def impatient(tmp_path, logs, nothing_is_left):
    """Two servers that wait for nobody."""
    pair = Pair(tmp_path)
    pair.consumer.limits = pair.provider.limits = TINY
    async with pair:
        pair.offer("echo")
        yield Stage(pair, logs)


PORTS = ["8080", "5500"]


async def connect(stage, port):
    """Connect as a client to 8080, or as the consumer's server to 5500."""
    pair = stage.pair
    if port == "8080":
        return await asyncio.open_connection("127.0.0.1", pair.consumer.ports.client)
    context = peer_client_context(pair.instance.consumer.identity)
    return await asyncio.open_connection(
        "127.0.0.1", pair.provider.ports.peer, ssl=context
    )


async def ask(stage, port, data):
    """Send bytes; return the answer without waiting for the connection's end."""
    pair = stage.pair
    if port == "8080":
        return await call("127.0.0.1", pair.consumer.ports.client, data)
    return await pair.provider.peer_call(data, pair.instance.consumer.identity)


async def heard(reader, writer):
    """Return what the server says before it closes."""
    try:
        return await reader.read()
    except (ConnectionError, ssl.SSLError):
        return b""
    finally:
        writer.transport.abort()


def asks(stage, port, body):
    """Return a good request with this body for either port."""
    if port == "8080":
        client = stage.pair.client.path
        return request("POST", stage.echo, {"X-Road-Client": client}, body)
    return stage.author.request(stage.echo, method="POST", body=body).posted()


@pytest.mark.parametrize("port", PORTS)
async def test_a_connection_that_says_nothing_is_closed(impatient, port):
    reader, writer = await connect(impatient, port)
    assert await heard(reader, writer) == b""
    await stage_recovers(impatient)


@pytest.mark.parametrize("port", PORTS)
async def test_headers_that_drip_are_given_up(impatient, port):
    reader, writer = await connect(impatient, port)
    dripping = asyncio.ensure_future(
        drip(writer, b"POST / HTTP/1.1\r\nX: " + b"x" * 900)
    )
    got = Http.parse(await heard(reader, writer))
    dripping.cancel()
    assert got.status == 408
    await stage_recovers(impatient)


@pytest.mark.parametrize("port", PORTS)
async def test_a_body_that_drips_is_given_up(impatient, port):
    reader, writer = await connect(impatient, port)
    whole = asks(impatient, port, b"x" * 5000)
    begun = whole.index(b"\r\n\r\n") + 4
    writer.write(whole[:begun])
    dripping = asyncio.ensure_future(drip(writer, whole[begun:]))
    got = await heard(reader, writer)
    dripping.cancel()
    side = "clientproxy" if port == "8080" else "serverproxy"
    assert f"server.{side}.io_error".encode() in got
    assert impatient.pair.service.requests == []
    await stage_recovers(impatient)


@pytest.mark.parametrize("port", PORTS)
async def test_a_body_that_stops_is_given_up(impatient, port):
    reader, writer = await connect(impatient, port)
    writer.write(asks(impatient, port, b"x" * 5000)[:-2000])
    assert await heard(reader, writer)
    assert impatient.pair.service.requests == []
    await stage_recovers(impatient)


async def test_a_tls_handshake_that_drips_is_given_up(impatient):
    port = impatient.pair.provider.ports.peer
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x16\x03\x01")
    assert await heard(reader, writer) == b""
    await stage_recovers(impatient)


@pytest.mark.parametrize("port", PORTS)
async def test_an_answer_that_nobody_takes_is_given_up(impatient, port):
    """The client asks for 20 MB and reads nothing."""
    pair = impatient.pair
    pair.service.answer = answer(body=bytes(20_000_000))
    reader, writer = await connect(impatient, port)
    writer.transport.pause_reading()
    writer.write(asks(impatient, port, b"hello"))
    server = pair.consumer if port == "8080" else pair.provider
    await soon(lambda: server.exchanges and not spools(pair))
    if port == "5500":
        assert server.exchanges[-1].verdict == "server.serverproxy.io_error"
    writer.transport.abort()
    del reader
    pair.service.answer = OK
    await stage_recovers(impatient)


@pytest.mark.parametrize("port", PORTS)
async def test_a_megabyte_of_headers_is_too_much(stage, port):
    data = b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 1_000_000
    assert (await ask(stage, port, data)).status == 431
    await stage.succeeds()


@pytest.mark.parametrize("port", PORTS)
async def test_a_thousand_headers_are_too_many(stage, port):
    lines = b"".join(b"X-%d: 1\r\n" % number for number in range(1000))
    data = b"POST / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n"
    assert (await ask(stage, port, data)).status == 431
    await stage.succeeds()


@pytest.mark.parametrize("port", PORTS)
async def test_a_target_of_100_kb_is_too_long(stage, port):
    data = b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    assert (await ask(stage, port, data)).status in (414, 431)
    await stage.succeeds()


@pytest.mark.parametrize("port", PORTS)
async def test_more_connections_than_allowed_are_turned_away(tmp_path, logs, port):
    pair = Pair(tmp_path)
    pair.consumer.limits = pair.provider.limits = Limits(connections=3)
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        await stage.succeeds()
        held = [await connect(stage, port) for _ in range(3)]
        assert (await ask(stage, port, request("GET", "/"))).status == 503
        for _, holding in held:
            holding.transport.abort()
        await stage_recovers(stage)


async def test_a_chunk_of_absurd_size_is_refused(stage):
    client = stage.pair.client.path
    head = (
        f"POST {stage.echo} HTTP/1.1\r\nHost: x\r\nX-Road-Client: {client}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    for size in (b"ffffffffffffffffff", b"-1", b"1" * 5000, b"zz"):
        data = head.encode() + size + b"\r\nx\r\n0\r\n\r\n"
        assert (await ask(stage, "8080", data)).status in (400, 500)
    assert stage.pair.service.requests == []
    await stage.succeeds()


async def test_a_body_may_hold_whatever_looks_like_a_boundary(stage):
    """Boundaries are random, so a body of delimiters passes byte for byte."""
    lines = [
        b"--xtop\r\n\r\n",
        b"\r\n--xtopAttacker--\r\n",
        b"\r\n--\r\ncontent-type: signature/bdoc-1.0/ts\r\n\r\n<a/>\r\n----\r\n",
        b"\n--x\r",
        b"\r\n\r\n.\r\n",
    ]
    body = b"".join(lines) * 50
    await stage.succeeds(method="POST", body=body)
    (called,) = stage.pair.service.requests
    assert called.body == body
    assert stage.pair.consumer.log.records[0].body == body


async def test_whoever_knows_the_boundary_gains_nothing_by_it(stage):
    """A body that ends itself early ends up in parts that nobody signed."""
    author = stage.author
    inner = Piece("signature/bdoc-1.0/ts", b"<a/>").wire(
        author.request(stage.echo).boundary
    )
    body = b"hello\r\n" + inner
    letter = author.request(stage.echo, method="POST", body=body)
    assert letter.of(BODY) == body
    await stage.peer_refuses(
        "server.serverproxy.service_failed.invalid_message", letter
    )
    assert stage.pair.service.requests == []
    await stage.succeeds()


async def drip(writer, data):
    """Send byte by byte, each as soon as the last is on its way."""
    for at in range(len(data)):
        writer.write(data[at : at + 1])
        await asyncio.sleep(0.005)


async def stage_recovers(stage):
    """Succeed once the server has noticed that the others have gone.

    On a busy machine a good request may be too slow for servers that wait for nobody.
    """
    ends = asyncio.get_running_loop().time() + SOON_SECONDS
    while True:
        try:
            await stage.succeeds()
        except (AssertionError, ConnectionError, asyncio.IncompleteReadError):
            if asyncio.get_running_loop().time() > ends:
                raise
            await asyncio.sleep(0.01)
        else:
            return


def spools(pair):
    """Return the spool files of both servers."""
    folders = (pair.consumer.folder, pair.provider.folder)
    return [path for folder in folders for path in folder.rglob("body-*.spool")]
