"""A server that is replaced: who has a connection loses no request."""

import asyncio

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
    async with asyncio.timeout(10):
        await closing  # as soon as everybody has left


async def test_patience_has_an_end():
    server = await serve(hello, "127.0.0.1", 0)
    reader, writer = await connected(server)
    writer.write(REQUEST)
    await answer(reader)
    await server.close(patience_seconds=0.01)
    assert await reader.read() == b""
    writer.close()


def server_port(writer: asyncio.StreamWriter) -> int:
    return int(writer.get_extra_info("peername")[1])
