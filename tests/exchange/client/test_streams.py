"""Bodies and answers of any length, in memory for one chunk."""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext

import pytest

from kerege.exchange.client import (
    AnswerTimedOut,
    AnswerTooLarge,
    AsyncClient,
    Client,
    NoAnswer,
    ProviderServerFault,
)
from tests.exchange.client.servers import (
    MESSAGE_HEADERS,
    answer,
    fault,
    running,
    running_in_thread,
)

PORTAL = "central-server/GOV/70000001/portal"
ARCHIVE = "central-server/GOV/70000050/archive/dump"
MEBIBYTE = 1 << 20
CHUNKED = f"HTTP/1.1 200 OK\r\n{MESSAGE_HEADERS}Transfer-Encoding: chunked\r\n\r\n"


async def numbers() -> AsyncIterator[bytes]:
    for number in range(1000):
        await asyncio.sleep(0)
        yield b"%d\n" % number


ALL_NUMBERS = b"".join(b"%d\n" % number for number in range(1000))


def from_a_pipe():
    reading, writing = os.pipe()
    os.write(writing, ALL_NUMBERS)
    os.close(writing)
    return os.fdopen(reading, "rb")


async def send(xroad: AsyncClient, way: str, body) -> None:
    """Send a body in one of the two ways, and close it if it is a file."""
    with body if hasattr(body, "read") else nullcontext():
        if way == "request":
            await xroad.post(ARCHIVE, data=body)
            return
        async with xroad.stream("POST", ARCHIVE, data=body):
            pass


async def all_of(chunks: AsyncIterator[bytes], received: list[int]) -> None:
    async for chunk in chunks:
        received[0] += len(chunk)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(numbers, id="asynchronous iterator"),
        pytest.param(lambda: iter(ALL_NUMBERS.splitlines(True)), id="iterator"),
        pytest.param(lambda: [ALL_NUMBERS, b"", bytearray()], id="list"),
        pytest.param(from_a_pipe, id="pipe"),
    ],
)
@pytest.mark.parametrize("way", ["request", "stream"])
async def test_a_body_of_unknown_length_arrives_whole(make, way):
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        await send(xroad, way, make())
    assert server.last.body == ALL_NUMBERS
    assert server.last.headers["Transfer-Encoding"] == "chunked"
    assert server.last.headers["Content-Type"] == "application/octet-stream"


class DiskError(Exception):
    """Something of the application's own."""


async def breaking() -> AsyncIterator[bytes]:
    yield b"half a "
    raise DiskError


@pytest.mark.parametrize("way", ["request", "stream"])
async def test_what_the_body_raises_comes_out_and_no_half_body_is_passed_on(way):
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        with pytest.raises(DiskError):
            await send(xroad, way, breaking())
        await xroad.get(ARCHIVE)
    assert [one.line.split(" ")[0] for one in server.received] == ["GET"]


async def test_a_body_of_texts_is_refused():
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        with pytest.raises(TypeError, match="made of bytes, not of str"):
            await xroad.post(ARCHIVE, data=["a", "b"])


@asynccontextmanager
async def sending(size: int, *, stop_after: int | None = None, then: str = "end"):
    """A server whose answer has ``size`` bytes; gives its count of those sent."""
    sent = [0]
    forever = asyncio.Event()
    piece = b"x" * 65536

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(CHUNKED.encode())
        while sent[0] < (size if stop_after is None else stop_after):
            writer.write(b"10000\r\n" + piece + b"\r\n")
            await writer.drain()
            sent[0] += len(piece)
        if then == "stall":
            await forever.wait()
        if then == "end":
            writer.write(b"0\r\n\r\n")
        writer.close()

    async def quietly(reader, writer):
        try:
            await handle(reader, writer)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", sent
    finally:
        forever.set()
        server.close()


async def test_an_answer_is_read_only_as_fast_as_it_is_used():
    size = 64 * MEBIBYTE
    async with (
        sending(size) as (url, sent),
        AsyncClient(url, PORTAL) as xroad,
        xroad.stream("GET", ARCHIVE, query_id="q-1") as got,
    ):
        assert (got.status, got.query_id, got.is_success) == (200, "q-1", True)
        assert got.request_hash == "aGFzaA=="
        received = 0
        async for chunk in got.chunks(10_000):
            assert 1 <= len(chunk) <= 10_000
            received += len(chunk)
            # The rest is what both ends of the socket hold.
            assert sent[0] - received < 16 * MEBIBYTE
    assert received == size


async def test_a_streamed_answer_has_a_bound_too():
    received = [0]
    async with (
        sending(4 * MEBIBYTE) as (url, _),
        AsyncClient(url, PORTAL) as xroad,
        xroad.stream("GET", ARCHIVE, max_answer_bytes=MEBIBYTE) as got,
    ):
        with pytest.raises(AnswerTooLarge, match="1048576 bytes"):
            await all_of(got.chunks(), received)
    assert received[0] <= MEBIBYTE


async def test_a_call_may_have_a_bound_of_its_own():
    async with (
        running(answer(body=b"x" * 2000)) as server,
        AsyncClient(server.url, PORTAL, max_answer_bytes=10) as xroad,
    ):
        got = await xroad.get(ARCHIVE, max_answer_bytes=2000)
    assert len(got.content) == 2000


async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one():
    async with (
        sending(MEBIBYTE, stop_after=65536, then="break") as (url, _),
        AsyncClient(url, PORTAL) as xroad,
        xroad.stream("GET", ARCHIVE) as got,
    ):
        with pytest.raises(NoAnswer, match="broke before the answer was complete"):
            await all_of(got.chunks(), [0])


async def test_an_answer_that_stalls_times_out():
    async with (
        sending(MEBIBYTE, stop_after=65536, then="stall") as (url, _),
        AsyncClient(url, PORTAL) as xroad,
        xroad.stream("GET", ARCHIVE) as got,
    ):
        got._seconds = 0.2  # not for the head: it may be slow to come
        with pytest.raises(AnswerTimedOut, match=r"within 0\.2 seconds"):
            await all_of(got.chunks(), [0])


async def test_a_head_that_does_not_come_times_out_too():
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        never = asyncio.Event()
        server.before_reply = never.wait
        with pytest.raises(AnswerTimedOut, match=r"within 0\.05 seconds"):
            async with xroad.stream("GET", ARCHIVE, timeout=0.05):
                pytest.fail("there is no answer")
        never.set()


async def test_a_body_that_is_made_slowly_but_moves_does_not_time_out():
    async with running() as server, AsyncClient(server.url, PORTAL) as xroad:
        loop, moved = asyncio.get_running_loop(), []

        async def slowly() -> AsyncIterator[bytes]:
            for _ in range(3):
                before = timers(loop)
                yield b"x"
                moved.append(timers(loop) - before)

        async with xroad.stream("POST", ARCHIVE, data=slowly(), timeout=60):
            pass
    assert server.last.body == b"xxx"
    assert all(moved), "each chunk begins the waiting anew"


def timers(loop) -> set[float]:
    """When the loop's timers end."""
    return {handle.when() for handle in loop._scheduled if not handle.cancelled()}


async def test_a_fault_is_raised_before_there_is_an_answer():
    reply = fault("server.serverproxy.access_denied")
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        with pytest.raises(ProviderServerFault):
            async with xroad.stream("GET", ARCHIVE):
                pytest.fail("there is no answer")


async def test_leaving_an_answer_unread_ends_its_connection_only():
    async with sending(8 * MEBIBYTE) as (url, _), AsyncClient(url, PORTAL) as xroad:
        for _ in range(2):
            async with xroad.stream("GET", ARCHIVE) as got:
                assert await anext(got.chunks())


def forever(asked: list[int]) -> Iterator[bytes]:
    while True:
        asked.append(threading.get_ident())
        yield b"x" * 1000


@asynccontextmanager
async def refusing_at_once():
    """A server that answers with a fault when only the head is there."""

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(fault("server.serverproxy.access_denied"))
        await writer.drain()
        # With bytes unread a close would be a reset, which can destroy the answer.
        with contextlib.suppress(ConnectionError):
            while await reader.read(65_536):
                pass
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_a_fault_ends_a_body_that_has_no_end():
    async with refusing_at_once() as url, AsyncClient(url, PORTAL) as xroad:

        async def endless() -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0)
                yield b"x" * 1000

        with pytest.raises(ProviderServerFault):
            await xroad.post(ARCHIVE, data=endless())


async def test_a_fault_ends_an_endless_body_of_a_caller_without_asyncio():
    asked: list[int] = []

    def call(url: str) -> None:
        with Client(url, PORTAL) as xroad:
            asked.append(threading.get_ident())
            xroad.post(ARCHIVE, data=forever(asked))

    async with refusing_at_once() as url:
        with pytest.raises(ProviderServerFault):
            await asyncio.to_thread(call, url)
    assert len(set(asked)) == 1, "the iterator is asked in the caller's thread"


def test_without_asyncio_bodies_and_answers_stream_too():
    with (
        running_in_thread() as server,
        Client(server.url, PORTAL) as xroad,
    ):
        server.reply = answer(body=b"y" * 300_000)
        body = iter([b"a" * 70_000, b"b"])
        with xroad.stream("PUT", ARCHIVE, data=body, query_id="q-2") as got:
            chunks = list(got.chunks(50_000))
        assert (got.status, got.query_id) == (200, "q-2")
    assert b"".join(chunks) == b"y" * 300_000
    assert max(map(len, chunks)) <= 50_000
    assert server.last.body == b"a" * 70_000 + b"b"


def test_without_asyncio_what_the_body_raises_comes_out():
    def breaking() -> Iterator[bytes]:
        yield b"half a "
        raise DiskError

    with (
        running_in_thread() as server,
        Client(server.url, PORTAL) as xroad,
        pytest.raises(DiskError),
    ):
        xroad.post(ARCHIVE, data=breaking())
    assert not server.received


def test_without_asyncio_a_fault_comes_out_of_a_stream():
    with running_in_thread() as server, Client(server.url, PORTAL) as xroad:
        server.reply = fault("server.serverproxy.access_denied")
        with pytest.raises(ProviderServerFault), xroad.stream("GET", ARCHIVE):
            pytest.fail("there is no answer")


def test_a_client_that_is_closed_ends_what_it_streams():
    with running_in_thread() as server:
        server.reply = answer(body=b"y" * 300_000)
        xroad = Client(server.url, PORTAL)
        with xroad.stream("GET", ARCHIVE) as got:
            chunks = got.chunks(10)
            next(chunks)
            xroad.close()
            with pytest.raises(NoAnswer):
                list(chunks)


def test_a_streamed_answer_shows_nothing_of_its_body():
    with (
        running_in_thread() as server,
        Client(server.url, PORTAL) as xroad,
        xroad.stream("GET", ARCHIVE, query_id="q-3") as got,
    ):
        assert repr(got) == "<streamed answer 200 q-3>"
