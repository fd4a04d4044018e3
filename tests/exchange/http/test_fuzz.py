"""Any bytes: never an exception that escapes, always an answer, a close, or patience."""

import asyncio
import itertools

import httptools
import pytest
from hypothesis import given, settings, strategies as st

from kerege.exchange.http import ClientLimits, HttpError, Limits
from kerege.exchange.http._client_connection import ClientConnection
from kerege.exchange.http._outgoing import build_request
from kerege.exchange.http._ticks import Ticker
from tests.exchange.http.helpers import Call, FakeTransport, a_server, answers, settle

FRAGMENTS = [
    b"GET / HTTP/1.1\r\n",
    b"POST /a HTTP/1.1\r\n",
    b"HEAD / HTTP/1.0\r\n",
    b"CONNECT a:1 HTTP/1.1\r\n",
    b"Host: h\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 70000\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n",
    b"Expect: 100-continue\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b" folded\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"0\r\nT: t\r\n\r\n",
    b"abc",
    b"\0",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n",
    b"HTTP/1.0 200\r\n",
    b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"A: " + b"a" * 400 + b"\r\n",
]
PIECES = st.lists(
    st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=20)), max_size=14
)
METHODS = st.sampled_from(["GET", "HEAD", "POST"])
MANY = settings(max_examples=400, deadline=None)


class Watched:
    """Runs a coroutine and keeps what the loop had to report."""

    def __init__(self):
        self.reported = []

    def run(self, coroutine):
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            loop.set_exception_handler(lambda _, context: self.reported.append(context))
            return runner.run(coroutine)


@MANY
@given(PIECES)
def test_a_server_survives_any_bytes(pieces):
    raised = []

    async def story():
        limits = Limits(head_bytes=600, header_count=6, pipelined=2)
        server = a_server(limits=limits, on_error=lambda _, e: raised.append(e))
        call = Call(server)
        await call.send(*pieces)
        written = await call.end()
        await call.pass_seconds(100)
        return call, written

    watched = Watched()
    call, written = watched.run(story())
    assert call.is_over
    assert call.server.connection_count == 0
    assert (watched.reported, raised) == ([], [])
    try:
        answers(written)
    except httptools.HttpParserError:
        # Our answers are strict; only one to HEAD cannot be read without the request.
        assert b"HEAD " in b"".join(pieces)


@MANY
@given(METHODS, PIECES, st.booleans())
def test_a_client_gets_an_answer_or_its_own_error_for_any_bytes(method, pieces, is_tls):
    async def story():
        loop = asyncio.get_running_loop()
        limits = ClientLimits(head_bytes=600, header_count=6, interim_answers=2)
        ticker = Ticker(loop, 1.0)
        connection = ClientConnection(
            loop, ticker, limits, on_free=_nothing, on_gone=_nothing
        )
        transport = FakeTransport(connection)
        connection.connection_made(transport)
        request = build_request(
            method, b"/", (), None, authority=("h", 1), is_tls=is_tls
        )
        exchange = loop.create_task(connection.exchange(request))
        await settle()
        for piece in pieces:
            if piece and not transport.closed:
                connection.data_received(piece)
        if not transport.closed:
            connection.eof_received()
            transport.close()
        await settle()
        try:
            answer = await exchange
            return answer.status, await answer.body.read_all(10_000)
        except HttpError as error:
            return error, b""

    watched = Watched()
    watched.run(story())
    assert watched.reported == []


def _nothing(connection):
    del connection


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=8), st.data())
@settings(max_examples=150, deadline=None)
def test_an_answer_means_the_same_however_it_is_cut(method, pieces, data):
    whole = b"HTTP/1.1 200 OK\r\n" + b"".join(pieces)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=6))
    edges = [0, *sorted(cuts), len(whole)]
    parts = [whole[a:b] for a, b in itertools.pairwise(edges)]

    async def read(parts):
        loop = asyncio.get_running_loop()
        connection = ClientConnection(
            loop,
            Ticker(loop, 1.0),
            ClientLimits(),
            on_free=_nothing,
            on_gone=_nothing,
        )
        transport = FakeTransport(connection)
        connection.connection_made(transport)
        request = build_request(
            method, b"/", (), None, authority=("h", 1), is_tls=False
        )
        exchange = loop.create_task(connection.exchange(request))
        await settle()
        for part in parts:
            if part and not transport.closed:
                connection.data_received(part)
        if not transport.closed:
            connection.eof_received()
            transport.close()
        await settle()
        try:
            answer = await exchange
            body = await answer.body.read_all(1_000_000)
        except HttpError as error:
            return type(error)
        return answer.status, answer.headers, body

    assert Watched().run(read(parts)) == Watched().run(read([whole]))
