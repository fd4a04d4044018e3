"""Server and client of the message path, beside aiohttp's, on loopback.

Each side runs alone in its process while the other one loads it, so the figures are
processor time of that side per request, its share of the kernel included.
"""

import asyncio
import multiprocessing
import os
import resource
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection

import aiohttp
import httptools
import uvloop
from aiohttp import web

from bench.rows import Row
from bench.tls import identity
from kerege.exchange.http import ClientPool, Request, Response, serve
from kerege.exchange.tls import peer_client_context, peer_server_context

PREFIX = "http"

HERE = "127.0.0.1"
_CONNECTIONS = 16
_REQUESTS = {"small": 8_000, "full": 80_000}
_SMALL = 500
_LARGE = 6_000
_HEADERS = [(b"X-Header-%d" % n, b"some value %d" % n) for n in range(6)]
_REQUEST = (
    b"POST / HTTP/1.1\r\nHost: bench\r\n"
    + b"".join(b"%b: %b\r\n" % header for header in _HEADERS)
    + b"Content-Length: %d\r\n\r\n" % _SMALL
    + bytes(_SMALL)
)


def rows(scale: str) -> list[Row]:
    """Return the figures."""
    found: list[Row] = []
    for is_tls in (False, True):
        kind = "tls" if is_tls else "plain"
        for library in ("ours", "aiohttp"):
            name = f"http.server.{kind}" + ("" if library == "ours" else ".aiohttp")
            found += _server_rows(name, library, is_tls, _REQUESTS[scale])
        for library in ("ours", "aiohttp"):
            name = f"http.client.{kind}" + ("" if library == "ours" else ".aiohttp")
            found.append(_client_row(name, library, is_tls, _REQUESTS[scale]))
    return found


# The process of the server.


async def _ours(is_tls: bool, size: int, stack: AsyncExitStack) -> int:  # noqa: FBT001
    headers = [(b"Content-Type", b"application/json"), (b"X-Hash", b"SHA-512")]
    body = bytes(size)

    async def answer(request: Request) -> Response:
        await request.body.read_all(1 << 20)
        return Response(headers=headers, body=body)

    context = peer_server_context(identity("rsa")) if is_tls else None
    server = await stack.enter_async_context(await serve(answer, HERE, 0, ssl=context))
    return server.port


async def _aiohttp(is_tls: bool, size: int, stack: AsyncExitStack) -> int:  # noqa: FBT001
    body = bytes(size)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        headers = {"Content-Type": "application/json", "X-Hash": "SHA-512"}
        return web.Response(body=body, headers=headers)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    context = peer_server_context(identity("rsa")) if is_tls else None
    site = web.TCPSite(runner, HERE, 0, ssl_context=context)
    await site.start()
    return int(runner.addresses[0][1])


_SERVERS = {"ours": _ours, "aiohttp": _aiohttp}


def _run_server(library: str, is_tls: bool, size: int, pipe: Connection) -> None:  # noqa: FBT001
    """Serve; answer every message on the pipe with the processor time so far."""

    async def main() -> None:
        async with AsyncExitStack() as stack:
            pipe.send(await _SERVERS[library](is_tls, size, stack))
            loop = asyncio.get_running_loop()
            while await loop.run_in_executor(None, pipe.recv):
                pipe.send(_cpu())

    uvloop.run(main())


class _Child:
    """The process of a server."""

    def __init__(self, library: str, size: int, *, is_tls: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        arguments = (library, is_tls, size, theirs)
        self._process = context.Process(target=_run_server, args=arguments)
        self._process.start()
        self.port: int = self._pipe.recv()

    def cpu(self) -> float:
        """Return the processor time used so far."""
        self._pipe.send(True)
        return float(self._pipe.recv())

    def end(self) -> None:
        """Stop it."""
        self._pipe.send(False)
        self._process.join()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# Loading a server: as little as possible, to leave it the processor.


class _Loader(asyncio.Protocol):
    """Sends the same bytes again as soon as they are answered."""

    def __init__(self, count: int, done: asyncio.Future[None]) -> None:
        self._left = count
        self._done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert not isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(_REQUEST)  # type: ignore[attr-defined]  # it is a stream

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._left -= 1
        if self._left:
            self._transport.write(_REQUEST)  # type: ignore[attr-defined]  # as above
        else:
            self._transport.close()
            self._done.set_result(None)


async def _load(port: int, context: ssl.SSLContext | None, count: int) -> None:
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(_CONNECTIONS)]
    for end in ends:
        await loop.create_connection(
            lambda end=end: _Loader(count // _CONNECTIONS, end),
            HERE,
            port,
            ssl=context,
        )
    await asyncio.gather(*ends)


def _server_rows(name: str, library: str, is_tls: bool, count: int) -> list[Row]:  # noqa: FBT001
    child = _Child(library, _SMALL, is_tls=is_tls)

    async def main() -> tuple[float, float]:
        context = peer_client_context(identity("rsa")) if is_tls else None
        await _load(child.port, context, _CONNECTIONS * 20)
        used, started = child.cpu(), time.perf_counter()
        await _load(child.port, context, count)
        return child.cpu() - used, time.perf_counter() - started

    used, took = uvloop.run(main())
    child.end()
    note = f"POST, {_SMALL} bytes both ways, keep-alive, {_CONNECTIONS} connections"
    return [
        Row(f"{name}.cpu_us", used / count * 1e6, "µs/request", note),
        Row(
            f"{name}.rate", count / took, "requests/s", f"{os.cpu_count()} cores shared"
        ),
    ]


# Clients.

_Ask = Callable[[], Awaitable[None]]


async def _our_client(
    port: int, context: ssl.SSLContext | None, stack: AsyncExitStack
) -> _Ask:
    pool = await stack.enter_async_context(ClientPool())
    body = bytes(_SMALL)

    async def ask() -> None:
        answer = await pool.request(
            (HERE, port),
            method="POST",
            target=b"/",
            headers=_HEADERS,
            body=body,
            ssl=context,
        )
        await answer.body.read_all(1 << 20)

    return ask


async def _aiohttp_client(
    port: int, context: ssl.SSLContext | None, stack: AsyncExitStack
) -> _Ask:
    session = await stack.enter_async_context(aiohttp.ClientSession())
    body = bytes(_SMALL)
    headers = {name.decode(): value.decode() for name, value in _HEADERS}
    url = f"{'https' if context else 'http'}://{HERE}:{port}/"

    async def ask() -> None:
        async with session.post(
            url, data=body, headers=headers, ssl=context or True
        ) as answer:
            await answer.read()

    return ask


_CLIENTS = {"ours": _our_client, "aiohttp": _aiohttp_client}


def _client_row(name: str, library: str, is_tls: bool, count: int) -> Row:  # noqa: FBT001
    child = _Child("ours", _LARGE, is_tls=is_tls)

    async def main() -> float:
        context = peer_client_context(identity("rsa")) if is_tls else None
        async with AsyncExitStack() as stack:
            ask = await _CLIENTS[library](child.port, context, stack)

            async def some(number: int) -> None:
                for _ in range(number):
                    await ask()

            await asyncio.gather(*(some(20) for _ in range(_CONNECTIONS)))
            used = _cpu()
            each = count // _CONNECTIONS
            await asyncio.gather(*(some(each) for _ in range(_CONNECTIONS)))
            return _cpu() - used

    used = uvloop.run(main())
    child.end()
    note = f"POST {_SMALL} bytes, answer {_LARGE}, keep-alive"
    return Row(f"{name}.cpu_us", used / count * 1e6, "µs/request", note)
