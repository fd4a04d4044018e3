"""A server that plays a Security Server: remembers requests, answers as told."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

MESSAGE_HEADERS = (
    "x-road-id: id-1\r\n"
    "x-road-client: central-server/GOV/70000001/portal\r\n"
    "x-road-service: central-server/GOV/70000050/register/address\r\n"
    "x-road-request-id: 5df2fa47-1e2d-4b8c-a8f5-d3dbb8fbd09b\r\n"
    "x-road-request-hash: aGFzaA==\r\n"
)


def answer(
    status: str = "200 OK",
    body: bytes = b"{}",
    headers: str = "Content-Type: application/json\r\n",
) -> bytes:
    """An answer of a service, as a Security Server passes it on."""
    head = f"HTTP/1.1 {status}\r\n{headers}{MESSAGE_HEADERS}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def fault(code: str, message: str = "No", detail: str = "d-1") -> bytes:
    """A fault, in the shape of X-Road 7.8's."""
    body = f'{{"type":"{code}","message":"{message}","detail":"{detail}"}}'.encode()
    return (
        f"HTTP/1.1 500 Server Error\r\nX-Road-Error: {code}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@dataclass
class Received:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]


@dataclass
class FakeSecurityServer:
    """Answers every request with `reply`."""

    reply: bytes = field(default_factory=answer)
    received: list[Received] = field(default_factory=list)
    port: int = 0
    before_reply: Callable[[], Awaitable[object]] | None = None
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def last(self) -> Received:
        return self.received[-1]

    async def handle(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task:
            self.connections.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.received.append(await _request(reader))
                if self.before_reply:
                    await self.before_reply()
                writer.write(self.reply)
                await writer.drain()
                if b"Content-Length" not in self.reply:
                    break


@asynccontextmanager
async def running(
    reply: bytes | None = None, *, context: ssl.SSLContext | None = None
) -> AsyncIterator[FakeSecurityServer]:
    """Run a fake server on a free port."""
    fake = FakeSecurityServer(*([reply] if reply is not None else []))
    server = await asyncio.start_server(fake.handle, "127.0.0.1", 0, ssl=context)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        for task in fake.connections:
            task.cancel()
        await asyncio.gather(*fake.connections, return_exceptions=True)


@contextmanager
def running_in_thread() -> Iterator[FakeSecurityServer]:
    """Run a fake server for callers without an event loop."""
    started: list[tuple[FakeSecurityServer, asyncio.AbstractEventLoop]] = []
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with running() as fake:
            started.append((fake, asyncio.get_running_loop()))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    fake, loop = started[0]
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


async def _request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.strip(): value.strip() for name, _, value in pairs}
    small = {name.lower(): value for name, value in headers.items()}
    if small.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(small.get("content-length", "0")))
    return Received(head[0], headers, body)
