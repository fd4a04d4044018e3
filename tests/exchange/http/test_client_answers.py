"""What the client makes of the bytes that come back; time passes by hand."""

import asyncio

import pytest

from kerege.exchange.http import BadMessage, ClientLimits, PeerClosed, TimedOut
from kerege.exchange.http._client_connection import ClientConnection
from kerege.exchange.http._outgoing import build_request
from kerege.exchange.http._ticks import Ticker
from tests.exchange.http.helpers import FakeTransport, every_cut, one_by_one, settle

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"Content-Length: 0\r\n\r\n"


class Asking:
    """One request over a connection in memory."""

    def __init__(self, method="GET", body=None, *, read_timeout=None, limits=None):
        loop = asyncio.get_running_loop()
        self.ticker = Ticker(loop, 1.0)
        self.free = []
        self.gone = []
        self.connection = ClientConnection(
            loop,
            self.ticker,
            limits or ClientLimits(),
            on_free=self.free.append,
            on_gone=self.gone.append,
        )
        self.transport = FakeTransport(self.connection)
        self.connection.connection_made(self.transport)
        self.ask(method, body, read_timeout=read_timeout)

    def ask(self, method="GET", body=None, *, read_timeout=None):
        request = build_request(
            method, b"/", (), body, authority=("h", 80), is_tls=False
        )
        request.read_timeout = read_timeout
        loop = asyncio.get_running_loop()
        self.answer = loop.create_task(self.connection.exchange(request))

    async def get(self, *pieces, end=False):
        """Deliver bytes, and perhaps the end; return the answer and its body."""
        await settle()
        for piece in pieces:
            if piece and not self.transport.closed:
                self.connection.data_received(piece)
        if end and not self.transport.closed:
            self.connection.eof_received()
            self.transport.close()
        await settle()
        if not self.answer.done():
            self.answer.cancel()
            return None, None
        answer = await self.answer
        return answer, await answer.body.read_all(10_000)

    async def pass_seconds(self, seconds):
        for _ in range(self.ticker.ticks(seconds)):
            self.ticker._tick()
        await settle()


# What is understood, in one piece, in two, and byte by byte.

ANSWERS = {
    "length": (OK + b"Content-Length: 3\r\n\r\nabc", 200, b"OK", b"abc"),
    "chunks": (
        OK
        + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x\r\nbc\r\n0\r\nT: t\r\n\r\n",
        200,
        b"OK",
        b"abc",
    ),
    "an interim answer first": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + EMPTY,
        200,
        b"OK",
        b"",
    ),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, b"", b""),
    "an empty reason": (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, b"", b""),
    "a reason with blanks": (
        b"HTTP/1.1 404 Not \xe4 found\r\nContent-Length: 0\r\n\r\n",
        404,
        b"Not \xe4 found",
        b"",
    ),
    "no content": (b"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n", 204, b"No", b""),
    "an old server": (
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        200,
        b"OK",
        b"abc",
    ),
}


@pytest.mark.parametrize("row", ANSWERS)
async def test_an_answer_is_understood_however_it_is_cut(row):
    data, status, reason, body = ANSWERS[row]
    for pieces in ([data], one_by_one(data), *every_cut(data)):
        answer, got = await Asking().get(*pieces)
        assert (answer.status, answer.reason, got) == (status, reason, body)


async def test_headers_keep_order_case_and_duplicates():
    answer, _ = await Asking().get(
        OK + b"B: 2\r\na:\t1 \r\nB: 3\r\nEmpty:\r\nContent-Length: 0\r\n\r\n"
    )
    assert answer.headers == (
        (b"B", b"2"),
        (b"a", b"1"),
        (b"B", b"3"),
        (b"Empty", b""),
        (b"Content-Length", b"0"),
    )
    assert answer.header(b"b") == b"2"
    assert answer.header(b"c") is None


async def test_a_folded_header_is_unfolded():
    data = OK + b"A: one\r\n two \r\n\t three\r\nContent-Length: 1\r\n\r\nx"
    for pieces in ([data], one_by_one(data), *every_cut(data)):
        answer, body = await Asking().get(*pieces)
        assert answer.header(b"a") == b"one two three"
        assert body == b"x"


async def test_a_body_that_looks_folded_is_left_alone():
    body = b"a\r\n b\r\n\tc\r\n\r\n d"
    data = OK + b"A: 1\r\n 2\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for pieces in ([data], *every_cut(data)):
        _, got = await Asking().get(*pieces)
        assert got == body


async def test_an_answer_can_end_with_the_connection():
    asking = Asking()
    answer, body = await asking.get(OK + b"\r\nab", b"c", end=True)
    assert (answer.body.length, body) == (None, b"abc")
    assert asking.free == []
    assert asking.gone == [asking.connection]


@pytest.mark.parametrize(
    ("method", "head", "is_present"),
    [
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        ("GET", b"HTTP/1.1 204 No\r\n\r\n", False),
        ("GET", b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", False),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", False),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", False),
        (
            "HEAD",
            b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 404 No\r\nA: 1\r\n 2\r\n\r\n",
            False,
        ),
    ],
)
async def test_it_is_known_whether_there_is_a_body(method, head, is_present):
    answer, body = await Asking(method).get(head)
    assert answer.body.is_present == is_present
    assert body == b""


async def test_a_connection_goes_on_after_head():
    asking = Asking("HEAD")
    await asking.get(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    assert asking.free == [asking.connection]
    asking.ask()
    _, body = await asking.get(OK + b"Content-Length: 3\r\n\r\nabc")
    assert body == b"abc"
    assert not asking.connection.is_spoiled


BAD = {
    "another protocol": b"SSH-2.0-OpenSSH\r\n",
    "TLS": b"\x15\x03\x03\x00\x02\x02\x28",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 OK\r\n\r\n",
    "HTTP/3": b"HTTP/3.0 200 OK\r\n\r\n",
    "length and chunks": OK
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "an unknown coding": OK + b"Transfer-Encoding: gzip\r\n\r\n",
    "an unknown coding first": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "NUL": OK + b"A: \0\r\n\r\n",
    "another protocol from now on": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n"
    b"Connection: upgrade\r\n\r\n",
    "interim answers without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 17,
    "long headers": OK + b"A: " + b"a" * 70_000,
    "long headers that end": OK + b"A: " + b"a" * 70_000 + b"\r\n\r\n",
    "many headers": OK + b"a:\r\n" * 201 + b"\r\n",
    "a bad chunk in the first piece": OK + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
}


@pytest.mark.parametrize("row", BAD)
async def test_what_is_not_http_is_an_error_of_its_own(row):
    for pieces in ([BAD[row]], one_by_one(BAD[row]) if len(BAD[row]) < 999 else []):
        asking = Asking()
        if pieces:
            with pytest.raises(BadMessage):
                await asking.get(*pieces)
            assert asking.transport.aborted
            assert asking.free == []


async def test_a_body_that_breaks_later_is_an_error_for_its_reader():
    asking = Asking()
    with pytest.raises(BadMessage):
        await asking.get(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", b"x\r\n")
    assert (await asking.answer).status == 200


async def test_trailers_and_extensions_are_bounded():
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    with pytest.raises(BadMessage):
        await Asking().get(head, b"1;x=", b"y" * 40_000, b"y" * 40_000)
    with pytest.raises(BadMessage):
        await Asking().get(head, b"0\r\nT: ", b"y" * 40_000, b"y" * 40_000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200",
        OK + b"Content-Length: 3\r\n\r\nab",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
async def test_an_answer_that_is_cut_off_is_never_complete(data):
    asking = Asking()
    with pytest.raises(PeerClosed):
        await asking.get(data, end=True)
    assert asking.gone


async def test_what_nobody_asked_for_spoils_the_connection():
    asking = Asking()
    answer, _ = await asking.get(EMPTY + EMPTY)
    assert answer.status == 200
    assert asking.free == []
    asking = Asking()
    await asking.get(EMPTY)
    assert asking.free == [asking.connection]
    asking.connection.data_received(EMPTY)
    assert not asking.connection.is_usable()
    assert asking.transport.aborted


# Time.


async def test_a_silent_peer_is_given_up():
    asking = Asking(read_timeout=30)
    await settle()
    await asking.pass_seconds(20)
    assert not asking.answer.done()
    await asking.pass_seconds(10)
    with pytest.raises(TimedOut):
        await asking.answer
    assert asking.transport.aborted


async def test_every_byte_gives_the_peer_time():
    asking = Asking(read_timeout=30)
    await settle()
    for byte in one_by_one(OK):
        asking.connection.data_received(byte)
        await asking.pass_seconds(20)
    answer, _ = await asking.get(b"Content-Length: 0\r\n\r\n")
    assert answer.status == 200


async def test_without_a_time_out_one_waits():
    asking = Asking()
    await settle()
    await asking.pass_seconds(100_000)
    assert not asking.answer.done()
    answer, _ = await asking.get(EMPTY)
    assert answer.status == 200


async def test_a_peer_that_still_takes_our_request_is_not_silent():
    asking = Asking("POST", b"a" * 1000, read_timeout=30)
    await settle()
    for unsent in (900, 500, 100):
        asking.transport.unsent = unsent
        await asking.pass_seconds(30)
    asking.transport.unsent = 0
    answer, _ = await asking.get(EMPTY)
    assert answer.status == 200


async def test_a_slow_reader_is_not_the_peers_fault():
    asking = Asking(read_timeout=30, limits=ClientLimits(body_buffer_bytes=1000))
    await settle()
    asking.connection.data_received(OK + b"Content-Length: 2000\r\n\r\n" + bytes(1500))
    await settle()
    assert not asking.transport.is_reading
    await asking.pass_seconds(200)
    answer = await asking.answer
    await answer.body.read()
    assert asking.transport.is_reading
    await asking.pass_seconds(60)
    with pytest.raises(TimedOut):
        await answer.body.read_all(9999)


async def test_an_unused_connection_is_closed_after_a_while():
    asking = Asking()
    await asking.get(EMPTY)
    asking.connection.idle_until = asking.ticker.now + 10
    await asking.pass_seconds(5)
    assert not asking.transport.closed
    await asking.pass_seconds(5)
    assert asking.transport.closed
    assert asking.gone == [asking.connection]


# Streamed requests.


async def test_a_stream_is_sent_with_its_head_in_one_piece():
    async def stream():
        yield b"ab"
        yield b""
        yield b"c" * 17

    asking = Asking("POST", stream())
    await settle()
    assert bytes(asking.transport.written) == (
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nab\r\n11\r\n" + b"c" * 17 + b"\r\n0\r\n\r\n"
    )
    await asking.get(EMPTY)
    assert asking.free == [asking.connection]


async def test_a_refusal_that_comes_early_ends_the_stream():
    closed = []

    async def stream():
        try:
            yield b"ab"
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    asking = Asking("POST", stream())
    answer, _ = await asking.get(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
    assert answer.status == 403
    assert closed
    assert asking.transport.closed
    assert asking.free == []


async def test_an_answer_may_come_while_the_stream_goes_on():
    go = asyncio.Event()

    async def stream():
        yield b"ab"
        await go.wait()
        yield b"cd"

    asking = Asking("POST", stream())
    await settle()
    asking.connection.data_received(OK + b"Content-Length: 2\r\n\r\n")
    await settle()
    answer = await asking.answer
    go.set()
    await settle()
    assert asking.transport.written.endswith(b"0\r\n\r\n")
    asking.connection.data_received(b"ok")
    assert await answer.body.read_all(9) == b"ok"
    assert asking.free == [asking.connection]


async def test_a_stream_that_fails_fails_the_request_and_nothing_complete_is_sent():
    async def stream():
        yield b"ab"
        raise LookupError("not verified")

    asking = Asking("POST", stream())
    await settle()
    with pytest.raises(LookupError, match="not verified"):
        await asking.answer
    assert asking.transport.aborted
    assert not asking.transport.written.endswith(b"0\r\n\r\n")


async def test_a_stream_that_fails_after_the_answers_head_fails_the_answers_body():
    go = asyncio.Event()

    async def stream():
        yield b"ab"
        await go.wait()
        raise LookupError("not verified")

    asking = Asking("POST", stream())
    await settle()
    asking.connection.data_received(OK + b"Content-Length: 2\r\n\r\n")
    await settle()
    answer = await asking.answer
    go.set()
    with pytest.raises(LookupError):
        await answer.body.read_all(9)


async def test_a_stream_waits_for_a_peer_that_takes_nothing_and_gives_up():
    async def stream():
        while True:
            yield b"ab"

    asking = Asking("POST", stream())
    asking.connection.pause_writing()
    asking.transport.unsent = 10
    await settle()
    await asking.pass_seconds(ClientLimits().write_stall_seconds)
    with pytest.raises(TimedOut):
        await asking.answer


async def test_who_stops_waiting_closes_the_connection():
    asking = Asking()
    await settle()
    asking.answer.cancel()
    await settle()
    assert asking.transport.aborted
    asking = Asking()
    await settle()
    asking.connection.data_received(OK + b"Content-Length: 2\r\n\r\n")
    await settle()
    async with await asking.answer:
        pass
    assert asking.transport.aborted


async def test_a_released_answer_that_was_complete_keeps_its_connection():
    asking = Asking()
    answer, _ = await asking.get(EMPTY)
    answer.release()
    assert not asking.transport.closed
    assert asking.free == [asking.connection]


async def test_a_cancelled_reader_does_not_touch_a_connection_that_moved_on():
    asking = Asking()
    await settle()
    first = asking.answer
    asking.connection.data_received(EMPTY)
    asking.ask()  # somebody else takes the connection before the first one wakes
    first.cancel()
    await settle()
    assert not asking.transport.closed
    _, body = await asking.get(OK + b"Content-Length: 1\r\n\r\nx")
    assert body == b"x"
