"""Messages that two readers could cut in two ways, on every port of a server.

Each is sent to its socket with a harmless request behind it. There must be one answer,
the exact one, and then the end of the connection: nothing behind is read. A good message
on a fresh connection passes.
"""

import asyncio

import pytest

from kerege.exchange.http import Limits
from kerege.exchange.tls import peer_client_context
from tests.attacks.messages import OCSP, REQUEST, Piece
from tests.attacks.stage import Stage
from tests.exchange.http.test_smuggling import BAD_BODIES, OTHERWISE, REFUSED
from tests.servers import Pair
from tests.wire import request

HEADERS = {
    "length and chunks",
    "chunks and length",
    "two lengths",
    "two equal lengths",
    "a list of lengths",
    "a length with sign",
    "chunked is not last",
    "chunked twice",
    "chunks in HTTP/1.0",
    "bare LF after a header",
    "bare LF everywhere",
    "bare CR in a value",
    "NUL in a value",
    "NUL in a name",
    "obs-fold",
    "obs-fold with tab",
    "a blank before the colon",
    "a length with a blank before the colon",
    "a bracket in a name",
    "two hosts",
    "no host",
}
"""Rows of the table for the HTTP layer that are sent to all ports here."""
ROWS = {
    **{name: (400, REFUSED[name]) for name in sorted(HEADERS)},
    **{name: OTHERWISE[name] for name in ("an unknown coding", "almost chunked")},
}
PORTS = ("client", "client_https", "peer", "ocsp")
BEHIND = b"GET /behind HTTP/1.1\r\nHost: h\r\n\r\n"
ENOUGH = 20.0


async def conversation(stage, port, data):
    """Send bytes; return all that comes until the server closes."""
    server = stage.pair.consumer if port.startswith("client") else stage.pair.provider
    is_tls = port in ("client_https", "peer")
    context = peer_client_context(stage.pair.instance.consumer.identity)
    async with asyncio.timeout(ENOUGH):
        reader, writer = await asyncio.open_connection(
            server.host,
            getattr(server.ports, port),
            ssl=context if is_tls else None,
        )
        try:
            writer.write(data)
            return await reader.read()
        finally:
            writer.transport.abort()


def only_answer(data):
    """Return the status of the only answer, which says that the connection ends."""
    assert data.count(b"HTTP/1.1 ") == 1, data
    head = data.partition(b"\r\n\r\n")[0].lower()
    assert b"\r\nconnection: close" in head
    return int(data.split(b" ")[1])


@pytest.fixture
async def stage(tmp_path, logs, nothing_is_left):
    """Two servers that close soon."""
    pair = Pair(tmp_path)
    pair.consumer.limits = pair.provider.limits = Limits(linger_seconds=0.05)
    async with pair:
        pair.offer("echo")
        yield Stage(pair, logs)


@pytest.mark.parametrize("row", ROWS)
async def test_a_message_that_is_not_clear_ends_the_connection(stage, row):
    status, data = ROWS[row]
    for port in PORTS:
        got = await conversation(stage, port, data + BEHIND)
        assert only_answer(got) == status, port
        assert stage.pair.service.requests == []
    await stage.succeeds()


@pytest.mark.parametrize("row", BAD_BODIES)
async def test_chunks_that_are_not_clear_do_not_reach_a_service(stage, row):
    """The head was good, so a fault may be the answer; the connection ends with it."""
    for port in ("client", "client_https", "peer"):
        data = with_chunks(stage, port) + BAD_BODIES[row]
        got = await conversation(stage, port, data + BEHIND)
        assert got.count(b"HTTP/1.1 ") == 1, port
        refused = (b"X-Road-Error", b"HTTP/1.1 400", b"<faultcode>")
        assert any(word in got for word in refused), port
        assert stage.pair.service.requests == []
    await stage.succeeds()


def with_chunks(stage, port):
    """Return the beginning of a good message, its first chunk included."""
    if port == "peer":
        letter = stage.author.request(stage.echo, method="POST", body=b"x")
        head, _, body = letter.posted().partition(b"\r\n\r\n")
        lines = [x for x in head.split(b"\r\n") if not x.startswith(b"Content-Length")]
        start = b"%x\r\n%s\r\n" % (len(body), body)
    else:
        lines = [f"POST {stage.echo} HTTP/1.1".encode(), b"Host: h"]
        lines.append(f"X-Road-Client: {stage.pair.client.path}".encode())
        start = b"3\r\nabc\r\n"
    lines += [b"Transfer-Encoding: chunked", b"", start]
    return b"\r\n".join(lines)


# Headers that are forwarded.


BAD_HEADERS = {
    "a line feed": b"X: 1\nX-Road-UserId: root",
    "a carriage return": b"X: 1\rX-Road-UserId: root",
    "NUL": b"X: 1\0",
    "a fold": b"X: 1\r\n X-Road-UserId: root",
    "a blank in a name": b"X Y: 1",
    "a blank before the colon": b"X-Road-UserId : root",
    "an escape": b"X: \x1b[2J",
}


@pytest.mark.parametrize("what", BAD_HEADERS)
async def test_a_rest_header_cannot_bring_another_one(stage, what):
    client = f"X-Road-Client: {stage.pair.client.path}".encode()
    lines = [f"GET {stage.echo} HTTP/1.1".encode(), b"Host: h", client]
    data = b"\r\n".join([*lines, BAD_HEADERS[what], b"", b""])
    for port in ("client", "client_https"):
        got = await conversation(stage, port, data + BEHIND)
        assert only_answer(got) == 400, port
    assert stage.pair.service.requests == []
    assert stage.pair.provider.exchanges == []
    await stage.succeeds()


BLOCK_HEADERS = {
    "a line feed": b"X:1\nX-Road-UserId:root\r\n",
    "a carriage return": b"X:1\rX-Road-UserId:root\r\n",
    "NUL": b"X:1\0\r\n",
    "a fold": b"X:1\r\n X-Road-UserId:root\r\n",
    "a blank in a name": b"X Y:1\r\n",
    "an end of the headers": b"X:1\r\n\r\nGET /admin HTTP/1.1\r\nHost:internal\r\n",
    "a second length": b"Content-Length:1\r\n",
    "chunks": b"Transfer-Encoding:chunked\r\n",
    "another host": b"Host:internal\r\n",
}


@pytest.mark.parametrize("what", BLOCK_HEADERS)
async def test_a_block_header_cannot_bring_another_one(stage, what):
    """Properly signed by a member that means ill."""
    good = stage.author.request(stage.echo)
    pieces = [p for p in good.pieces if p.media_type == OCSP]
    block = good.of(REQUEST) + BLOCK_HEADERS[what]
    letter = stage.author.sealed(pieces, Piece(REQUEST, block), None)
    code = "server.serverproxy.service_failed.internal_error"
    await stage.peer_refuses(code, letter)
    assert stage.pair.service.requests == []
    await stage.succeeds()


async def test_a_body_is_not_read_as_the_next_request(stage):
    """A service that does not read it would find a request in it."""
    inside = request("GET", "/admin")
    await stage.succeeds(method="POST", body=inside)
    await stage.succeeds()
    assert [one.target for one in stage.pair.service.requests] == ["/", "/"]
    assert stage.pair.service.requests[0].body == inside
