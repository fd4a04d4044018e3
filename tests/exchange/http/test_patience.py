"""A server that is replaced: who has a connection loses no request."""

import asyncio
import socket

import pytest

from kerege.exchange.http import Request, Response, Server, serve

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def hello(_: Request) -> Response:
    return Response(200, b"OK", [], b"hello")


async def connected(
    server: Server,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", server.port)


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert await reader.readexactly(5) == b"hello"
    return head.lower()


async def test_a_kept_connection_is_answered_once_more_and_then_closed():
    server = await serve(hello, "127.0.0.1", 0)
    reader, writer = await connected(server)
    writer.write(REQUEST)
    assert b"connection: close" not in await answer(reader)
    fresh, fresh_writer = await connected(server)  # has not said anything yet
    fresh_writer.write(b"GET / HT")
    while server.connection_count < 2:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0)
    closing = asyncio.ensure_future(server.close(patience_seconds=30.0))
    await asyncio.sleep(0)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server_port(writer))
    for stream, own in ((reader, writer), (fresh, fresh_writer)):
        own.write(REQUEST if own is writer else REQUEST[8:])
        assert b"connection: close" in await answer(stream)
        assert await stream.read() == b""
        own.close()
    async with asyncio.timeout(60):
        await closing  # as soon as everybody has left


async def test_patience_has_an_end():
    server = await serve(hello, "127.0.0.1", 0)
    reader, writer = await connected(server)
    writer.write(REQUEST)
    await answer(reader)
    await server.close(patience_seconds=0.01)
    assert await reader.read() == b""
    writer.close()


async def test_who_has_patience_can_be_hurried():
    server = await serve(hello, "127.0.0.1", 0)
    reader, writer = await connected(server)
    writer.write(REQUEST)
    await answer(reader)
    closing = asyncio.ensure_future(server.close(patience_seconds=3600.0))
    await asyncio.sleep(0)
    server.hurry(3600.0)  # idle connections are closed at once, whatever the grace
    async with asyncio.timeout(60):
        await closing
    assert await reader.read() == b""
    writer.close()


async def test_who_waits_for_an_answer_can_be_hurried():
    begun = asyncio.Event()

    async def never(_: Request) -> Response:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    server = await serve(never, "127.0.0.1", 0)
    reader, writer = await connected(server)
    writer.write(REQUEST)
    await begun.wait()
    closing = asyncio.ensure_future(server.close(3600.0))
    await asyncio.sleep(0)
    for seconds in (7200.0, 0.01, 3600.0):  # the shortest counts
        server.hurry(seconds)
    async with asyncio.timeout(60):
        await closing
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()


async def test_it_accepts_on_further_sockets_until_told_otherwise():
    server = await serve(hello, "127.0.0.1", 0)
    with socket.create_server(("127.0.0.1", 0)) as kept:
        address = kept.getsockname()[:2]
        end = await server.listen_also(kept.dup())
        reader, writer = await asyncio.open_connection(*address)
        writer.write(REQUEST)
        await answer(reader)

        end()
        late, late_writer = await asyncio.open_connection(*address)
        late_writer.write(REQUEST)  # waits for who accepts next
        writer.write(REQUEST)
        await answer(reader)  # who was accepted stays
        again = await server.listen_also(kept.dup())
        await answer(late)
        assert server.connection_count == 2
        again()
    for each in (writer, late_writer):
        each.close()
    await server.close()


async def test_a_server_that_stops_listens_nowhere():
    server = await serve(hello, "127.0.0.1", 0)
    kept = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [each.getsockname()[:2] for each in kept]
    await server.listen_also(kept[0])
    await server.close()
    await server.listen_also(kept[1])
    for address in addresses:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)


def server_port(writer: asyncio.StreamWriter) -> int:
    return int(writer.get_extra_info("peername")[1])
