"""A wire in memory, and readers of what went over it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httptools

from kerege.exchange.http import Limits, Request, Response, Server


class FakeTransport(asyncio.Transport):
    """Keeps what is written; closes when told, as the real ones do."""

    def __init__(self, protocol: asyncio.Protocol, extra: dict[str, Any] | None = None):
        super().__init__(extra)
        self.protocol = protocol
        self.written = bytearray()
        self.is_reading = True
        self.closed = False
        self.aborted = False
        self.eof_written = False
        self.unsent = 0

    def write(self, data: bytes) -> None:
        if not self.closed:
            self.written += data

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            loop = asyncio.get_running_loop()
            loop.call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.aborted = True
        self.close()

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof_written = True

    def set_write_buffer_limits(self, high=None, low=None) -> None:
        del high, low

    def get_write_buffer_size(self) -> int:
        return self.unsent


class Call:
    """One connection to a server in memory."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.connection = server._accept()
        self.transport = FakeTransport(self.connection)
        self.connection.connection_made(self.transport)

    async def send(self, *pieces: bytes) -> bytes:
        """Deliver bytes as the kernel would, and return all that was answered."""
        for piece in pieces:
            if piece and not self.transport.closed:
                self.connection.data_received(piece)
            await settle()
        return bytes(self.transport.written)

    async def end(self) -> bytes:
        """Send the end of the stream."""
        if not self.transport.closed and not self.connection.eof_received():
            self.transport.close()
        await settle()
        return bytes(self.transport.written)

    async def pass_seconds(self, seconds: float) -> None:
        """Let time-outs see that time has passed."""
        for _ in range(self.server.ticker.ticks(seconds)):
            self.server.ticker._tick()
        await settle()

    @property
    def is_over(self) -> bool:
        return self.transport.closed


async def settle() -> None:
    """Let everything that can run, run."""
    for _ in range(12):
        await asyncio.sleep(0)


async def until(condition) -> None:
    """Wait for what another task or the kernel is about to do."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  there is nothing that would set an event
            await asyncio.sleep(0.002)


def a_server(handler=None, **settings: Any) -> Server:
    """Return a server that does not listen."""
    return Server(
        handler or echo,
        settings.pop("limits", Limits()),
        on_error=settings.pop("on_error", _raise_nothing),
        add_date=settings.pop("add_date", False),
        always_close=settings.pop("always_close", False),
        on_unknown_method=settings.pop("on_unknown_method", None),
    )


def _raise_nothing(request: Request, error: Exception) -> None:
    del request, error


async def echo(request: Request) -> Response:
    """Answer with what was asked."""
    body = await request.body.read_all(10_000_000)
    line = f"{request.method} ".encode() + request.target
    return Response(headers=[(b"Asked", line)], body=body)


class Answer:
    """An answer as a client sees it."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.is_complete = False

    def header(self, name: bytes) -> bytes | None:
        found = [v for n, v in self.headers if n.lower() == name.lower()]
        assert len(found) < 2, found
        return found[0] if found else None


class _Reader:
    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.answers.append(Answer())

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answers[-1].headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.answers[-1].status = self.parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self.answers[-1].body += data

    def on_message_complete(self) -> None:
        self.answers[-1].is_complete = True


def answers(data: bytes) -> list[Answer]:
    """Read all answers; a strict parser, so a wrong byte is an error."""
    reader = _Reader()
    if data:
        reader.parser.feed_data(data)
    return reader.answers


def statuses(data: bytes) -> list[int]:
    return [answer.status for answer in answers(data)]


def every_cut(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for cut in range(1, len(data)):
        yield data[:cut], data[cut:]


def one_by_one(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]
