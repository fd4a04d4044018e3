"""What a handler gets to see, however the bytes were cut."""

import asyncio

import pytest

from kerege.exchange.http import Response
from tests.exchange.http.helpers import (
    Call,
    a_server,
    answers,
    every_cut,
    one_by_one,
    statuses,
)

GET = b"GET /r1/a/b?c=%20d HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one:\t 2 \t\r\nEmpty:\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5;name="v"\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: dropped\r\n\r\n'
)
UPGRADE = (
    b"POST /u HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
)
UPGRADE_LENGTH = UPGRADE + b"Content-Length: 3\r\n\r\nabc"
UPGRADE_CHUNKED = UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
UPGRADE_NOTHING = UPGRADE + b"\r\n"
STORIES = {
    "get": GET,
    "post": POST,
    "chunked": CHUNKED,
    "three in a row": GET + CHUNKED + POST,
    "h2c with length": UPGRADE_LENGTH + POST,
    "h2c with chunks": UPGRADE_CHUNKED + GET,
    "h2c without body": UPGRADE_NOTHING + POST,
    "empty lines before": b"\r\n" + GET,
    "good then bad": POST + b"GET / HTTP/1.1\r\nHost : h\r\n\r\n" + GET,
    "bad chunk": CHUNKED.replace(b"6\r\n", b"6 \r\n") + GET,
}


async def test_a_request_arrives_as_it_was_sent():
    seen = []

    async def handler(request):
        seen.append(request)
        return Response()

    await Call(a_server(handler)).send(GET)
    (request,) = seen
    assert (request.method, request.target) == ("GET", b"/r1/a/b?c=%20d")
    assert request.headers == (
        (b"Host", b"h"),
        (b"X-One", b"1"),
        (b"x-one", b"2"),
        (b"Empty", b""),
    )
    assert request.header(b"x-one") == b"1"
    assert request.header(b"empty") == b""
    assert request.header(b"absent") is None
    assert request.http_version == "1.1"
    assert not request.body.is_present
    assert await request.body.read_all(0) == b""


@pytest.mark.parametrize("story", STORIES)
async def test_it_does_not_matter_how_bytes_are_cut(story):
    data = STORIES[story]
    whole = await Call(a_server()).send(data)
    assert whole
    assert await Call(a_server()).send(*one_by_one(data)) == whole
    for first, second in every_cut(data):
        assert await Call(a_server()).send(first, second) == whole


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        (b"http://h/p/q?r=s", b"/p/q?r=s"),
        (b"HTTPS://h:8443/p", b"/p"),
        (b"http://h", b"/"),
        (b"http://h?r=http://x/y", b"/?r=http://x/y"),
        (b"/p?r=http://h/q", b"/p?r=http://h/q"),
        (b"/http://h/q", b"/http://h/q"),
    ],
)
async def test_a_whole_address_is_as_good_as_its_path(sent, seen):
    wire = b"POST %b HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n" % sent
    (got,) = answers(await Call(a_server()).send(wire))
    assert got.header(b"asked") == b"POST " + seen


async def test_a_client_that_wants_http2_is_answered_in_http1():
    got = answers(await Call(a_server()).send(UPGRADE_LENGTH + POST))
    assert [(a.status, a.body) for a in got] == [(200, b"abc"), (200, b"hello")]
    assert got[1].header(b"asked") == b"POST /p"


@pytest.mark.parametrize(
    ("head", "is_present", "length"),
    [
        (b"", False, 0),
        (b"Content-Length: 0\r\n", True, 0),
        (b"Content-Length: 7\r\n", True, 7),
        (b"Transfer-Encoding: Chunked\r\n", True, None),
    ],
)
async def test_the_framing_of_a_body_is_known_before_it_is_read(
    head, is_present, length
):
    seen = []

    async def handler(request):
        seen.append((request.body.is_present, request.body.length))
        return Response()

    await Call(a_server(handler)).send(
        b"PUT / HTTP/1.1\r\nHost: h\r\n" + head + b"\r\n"
    )
    assert seen == [(is_present, length)]


async def test_an_empty_chunked_body_shows_nothing_to_who_peeks():
    seen = []

    async def handler(request):
        seen.append(await request.body.peek())
        seen.append(await request.body.peek())
        seen.append(await request.body.read_all(99))
        return Response()

    head = b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    call = Call(a_server(handler))
    await call.send(head, b"0\r\n\r\n")
    await call.send(head, b"2\r\n", b"ab\r\n0\r\n\r\n")
    assert seen == [b"", b"", b"", b"ab", b"ab", b"ab"]


async def test_100_is_sent_when_the_handler_reads_and_not_before():
    async def handler(request):
        if request.target == b"/read":
            return Response(body=await request.body.read_all(99))
        return Response(status=403, reason=b"Forbidden")

    head = b"POST %b HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n"
    reading = Call(a_server(handler))
    assert await reading.send(head % b"/read") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answers(await reading.send(b"abc"))[1].body == b"abc"
    refusing = Call(a_server(handler))
    (answer,) = answers(await refusing.send(head % b"/no"))
    assert answer.status == 403
    assert answer.header(b"connection") == b"close"
    eager = Call(a_server(handler))
    (answer,) = answers(await eager.send(head % b"/read" + b"abc"))
    assert (answer.status, answer.body) == (200, b"abc")


async def test_an_old_client_is_not_kept_unless_it_asks():
    call = Call(a_server())
    (answer,) = answers(await call.send(b"GET / HTTP/1.0\r\n\r\n"))
    assert answer.header(b"connection") == b"close"
    assert call.is_over
    call = Call(a_server())
    request = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    (answer,) = answers(await call.send(request))
    assert answer.header(b"connection") == b"keep-alive"
    assert not call.is_over


async def test_what_follows_the_last_request_is_not_read():
    last = GET.replace(b"X-One: 1", b"Connection: close")
    call = Call(a_server())
    assert statuses(await call.send(last + b"\0garbage")) == [200]
    assert call.is_over


async def test_pipelined_requests_are_answered_in_order():
    call = Call(a_server())
    many = b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % n for n in range(40))
    got = answers(await call.send(many))
    assert [a.header(b"asked") for a in got] == [b"GET /%d" % n for n in range(40)]
    assert call.transport.is_reading
    assert not call.is_over


async def test_too_many_pipelined_requests_end_the_connection_after_the_first_ones():
    call = Call(a_server())
    got = answers(await call.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 70))
    assert [a.status for a in got] == [200] * 64
    assert call.is_over


async def test_nothing_is_read_while_enough_requests_wait():
    go = asyncio.Event()

    async def handler(request):
        await go.wait()
        return Response()

    call = Call(a_server(handler))
    for _ in range(17):
        assert call.transport.is_reading
        await call.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert not call.transport.is_reading
    go.set()
    assert statuses(await call.send()) == []
    await call.send(b"")
    assert statuses(bytes(call.transport.written)) == [200] * 17
    assert call.transport.is_reading


async def test_a_client_that_stops_sending_still_gets_its_answer():
    go = asyncio.Event()

    async def handler(request):
        await go.wait()
        return Response(body=b"late")

    call = Call(a_server(handler))
    await call.send(GET)
    await call.end()
    assert not call.is_over
    go.set()
    await call.send(b"")
    assert answers(bytes(call.transport.written))[0].body == b"late"
    assert call.is_over
