"""Every input has a bound, in size and in time. Time passes by hand here."""

import asyncio

import pytest

from kerege.exchange.http import Limits, PeerClosed, Response, TimedOut, serve
from kerege.exchange.http._ticks import Ticker
from tests.exchange.http.helpers import (
    Call,
    a_server,
    answers,
    echo,
    one_by_one,
    settle,
    statuses,
    until,
)

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
DEFAULT = Limits()
SMALL = Limits(head_bytes=200, header_count=4)


def with_header(size):
    return GET.replace(b"\r\n\r\n", b"\r\nA: " + b"a" * size + b"\r\n\r\n")


async def ask(*pieces, limits=SMALL):
    return statuses(await Call(a_server(limits=limits)).send(*pieces))


async def test_a_head_up_to_the_bound_is_read_and_above_it_is_431():
    assert await ask(with_header(150)) == [200]
    assert await ask(with_header(200)) == [431]
    assert await ask(*one_by_one(with_header(150))) == [200]
    assert await ask(*one_by_one(with_header(200))) == [431]


async def test_a_head_that_never_ends_is_431_as_soon_as_it_is_too_long():
    call = Call(a_server(limits=SMALL))
    assert await call.send(GET[:-2] + b"A: " + b"a" * 170) == b""
    assert statuses(await call.send(b"a" * 100)) == [431]


async def test_a_long_target_is_431():
    assert await ask(GET.replace(b"/", b"/" + b"a" * 200, 1)) == [431]
    assert await ask(*one_by_one(GET.replace(b"/", b"/" + b"a" * 200, 1))) == [431]


async def test_too_many_headers_are_431():
    few = GET.replace(b"\r\n\r\n", b"\r\na:\r\na:\r\na:\r\n\r\n")
    assert await ask(few) == [200]
    assert await ask(few.replace(b"a:", b"a:\r\na:", 1)) == [431]


async def test_the_bound_is_per_request():
    assert await ask(with_header(150) * 5) == [200] * 5
    assert await ask(*[with_header(150)] * 5) == [200] * 5


async def test_trailers_are_bounded():
    end = b"1\r\na\r\n0\r\n"
    assert await ask(CHUNKED + end + b"T: t\r\n\r\n") == [200]
    assert await ask(CHUNKED + end + b"T: t\r\n" * 60 + b"\r\n") == [400]
    assert await ask(CHUNKED, end, b"T: " + b"t" * 100, b"t" * 101) == [400]


async def test_a_chunk_extension_is_bounded():
    assert await ask(CHUNKED, b"1;a=" + b"b" * 50 + b"\r\na\r\n0\r\n\r\n") == [200]
    assert await ask(CHUNKED, b"1;a=", b"b" * 150, b"b" * 150) == [400]


async def test_more_connections_than_allowed_get_503():
    server = a_server(limits=Limits(connections=1))
    first, second = Call(server), Call(server)
    assert statuses(await second.send(GET)) == [503]
    assert statuses(await first.send(GET)) == [200]
    first.transport.close()
    second.transport.close()
    await settle()
    assert statuses(await Call(server).send(GET)) == [200]


# Time.


async def test_a_connection_that_says_nothing_is_closed():
    call = Call(a_server())
    await call.pass_seconds(DEFAULT.head_seconds)
    assert call.is_over
    assert not call.transport.written


async def test_a_kept_connection_is_closed_when_idle():
    call = Call(a_server(limits=Limits(idle_seconds=30)))
    await call.send(GET)
    await call.pass_seconds(25)
    assert not call.is_over
    await call.pass_seconds(5)
    assert call.is_over
    assert statuses(bytes(call.transport.written)) == [200]


async def test_a_head_that_drips_is_408():
    for before in (b"", GET):
        call = Call(a_server())
        await call.send(before, b"GET / HT")
        for byte in b"TP/1.1\r\nHost: h\r\n":
            await call.send(bytes([byte]))
            await call.pass_seconds(1)
        assert statuses(bytes(call.transport.written))[-1] == 408
        assert call.transport.eof_written


async def test_a_body_that_stops_is_408():
    call = Call(a_server())
    await call.send(POST + b"half")
    await call.pass_seconds(DEFAULT.body_stall_seconds)
    (answer,) = answers(bytes(call.transport.written))
    assert answer.status == 408


async def test_a_body_that_drips_is_408_and_one_that_is_slow_is_not():
    seconds = DEFAULT.body_stall_seconds
    slow = Call(a_server())
    await slow.send(POST)
    for _ in range(3):
        await slow.send(bytes(600))
        await slow.pass_seconds(seconds)
    assert statuses(await slow.send(bytes(200))) == [200]
    drip = Call(a_server())
    await drip.send(POST)
    for _ in range(3):
        await drip.send(bytes(100))
        await drip.pass_seconds(seconds / 3 + 1)
    assert statuses(bytes(drip.transport.written)) == [408]


async def test_a_handler_may_take_its_time():
    async def handler(request):
        await request.body.peek()
        await go.wait()
        return await echo(request)

    go = asyncio.Event()
    call = Call(a_server(handler))
    await call.send(POST + bytes(1000))
    await call.pass_seconds(1000)
    go.set()
    await settle()
    assert statuses(await call.send(bytes(1000))) == [200]


async def test_a_handler_learns_why_its_body_will_not_come():
    caught = []

    async def handler(request):
        try:
            await request.body.read_all(9999)
        except (TimedOut, PeerClosed) as error:
            caught.append(type(error))
            raise

    call = Call(a_server(handler))
    await call.send(POST)
    await call.pass_seconds(DEFAULT.body_stall_seconds)
    other = Call(a_server(handler))
    await other.send(POST)
    await other.end()
    assert caught == [TimedOut, PeerClosed]
    assert not other.transport.written


async def test_a_client_that_takes_nothing_is_cut_off():
    async def stream():
        while True:
            yield bytes(1000)

    async def handler(request):
        return Response(body=stream())

    call = Call(a_server(handler))
    call.connection.pause_writing()
    call.transport.unsent = 1000
    await call.send(GET)
    await call.pass_seconds(DEFAULT.write_stall_seconds)
    assert call.transport.aborted
    assert call.server.connection_count == 0


async def test_a_client_that_takes_little_is_waited_for():
    async def handler(request):
        return Response(body=b"a")

    call = Call(a_server(handler))
    call.connection.pause_writing()
    call.transport.unsent = 1000
    await call.send(GET + GET)
    for _ in range(5):
        call.transport.unsent -= 1
        await call.pass_seconds(DEFAULT.write_stall_seconds)
    assert statuses(bytes(call.transport.written)) == [200]
    call.connection.resume_writing()
    await settle()
    assert statuses(bytes(call.transport.written)) == [200, 200]


async def test_what_is_dropped_at_the_end_is_bounded():
    async def handler(request):
        return Response(403, b"Forbidden")

    call = Call(a_server(handler, limits=Limits(linger_bytes=1000)))
    await call.send(POST)
    await call.send(bytes(900))
    assert not call.is_over
    await call.send(bytes(100))
    assert call.transport.aborted


async def test_a_busy_process_does_not_blame_its_clients():
    """However late the sweep is, it counts one tick."""
    now = asyncio.get_running_loop().time()
    ticker = Ticker(asyncio.get_running_loop(), 1.0)
    ticker.watch(Call(a_server()).connection)
    before = ticker.now
    ticker._tick()
    assert ticker.now == before + 1
    assert ticker._timer.when() >= now + 1.0
    ticker._timer.cancel()


async def test_the_timer_rests_when_nobody_is_connected():
    call = Call(a_server())
    ticker = call.server.ticker
    assert ticker._timer is not None
    call.transport.close()
    await settle()
    assert ticker._timer is None


@pytest.mark.parametrize(
    ("limits", "seconds"), [(Limits(), 0.75), (Limits(idle_seconds=0.05), 0.0125)]
)
async def test_time_outs_are_checked_often_enough(limits, seconds):
    assert limits.tick_seconds == seconds


# Memory.


async def test_a_body_is_read_no_faster_than_the_handler_reads():
    pieces = asyncio.Queue()

    async def handler(request):
        while True:
            await pieces.get()
            if not await request.body.read():
                return Response()

    call = Call(a_server(handler, limits=Limits(body_buffer_bytes=10_000)))
    await call.send(POST.replace(b"2000", b"30000"))
    for _ in range(10):
        await call.send(bytes(1000))
    assert not call.transport.is_reading
    for _ in range(7):
        pieces.put_nowait(None)
    await settle()
    assert not call.transport.is_reading
    pieces.put_nowait(None)
    await settle()
    assert call.transport.is_reading


async def test_tiny_chunks_fill_the_buffer_by_what_they_cost():
    async def handler(request):
        await go.wait()
        return Response()

    go = asyncio.Event()
    call = Call(a_server(handler, limits=Limits(body_buffer_bytes=10_000)))
    await call.send(CHUNKED, b"1\r\na\r\n" * 160)
    assert not call.transport.is_reading
    go.set()


async def test_a_client_that_left_does_not_hold_its_place_for_ever():
    """A handler that waits for a third party would never notice."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait_for_nobody(_request):
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    limits = Limits(abandoned_seconds=0.02)
    async with await serve(wait_for_nobody, "127.0.0.1", 0, limits=limits) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await began.wait()
        writer.close()
        async with asyncio.timeout(60):
            await ended.wait()
        await until(lambda: server.connection_count == 0)


async def test_a_handler_may_finish_what_it_began_for_a_client_that_left():
    began, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def finish(_request):
        began.set()
        await go_on.wait()
        done.set()
        return Response()

    async with await serve(finish, "127.0.0.1", 0) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await began.wait()
        writer.close()
        go_on.set()
        async with asyncio.timeout(60):
            await done.wait()
        await until(lambda: server.connection_count == 0)


async def test_whoever_counts_hears_why_a_request_was_refused():
    reasons = []

    def call(**limits):
        server = a_server(limits=Limits(**limits))
        server.on_refusal = reasons.append
        return Call(server)

    await call(head_bytes=200).send(with_header(200))
    slow = call(head_seconds=1.0)
    await slow.send(GET[:-2])
    await slow.pass_seconds(2.0)
    await call(connections=0).send(b"")
    await call().send(b"no HTTP at all\r\n\r\n")
    stalling = call(body_stall_seconds=1.0)
    await stalling.send(POST)
    await stalling.pass_seconds(2.0)
    await call().send(GET)
    assert reasons == [
        "large_headers",
        "slow_headers",
        "too_many_connections",
        "malformed",
        "slow_body",
    ]
