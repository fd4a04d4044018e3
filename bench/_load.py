"""A load generator and a service that cost next to nothing: bytes in, bytes out.

They share the cores with what is measured. So they know only what they need of HTTP:
one request at a time on a connection, bodies with a Content-Length.
"""

import asyncio
import re
import time
from collections.abc import Callable

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


class UnsuitableAnswerError(Exception):
    """A message without Content-Length, which this reader does not know."""


class _Messages(asyncio.Protocol):
    """Cuts what arrives on a connection into messages."""

    def __init__(self, on_message: Callable[[bytes, bytes], None]) -> None:
        self._on_message = on_message
        self._received = b""
        self.transport: asyncio.Transport
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # TCP has one with write

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data if self._received else data
        head, mark, body = received.partition(_END_OF_HEAD)
        if not mark:
            return
        length = _LENGTH.search(head + b"\r\n")
        if length is None:
            raise UnsuitableAnswerError(head)
        if len(body) >= int(length[1]):
            self._received = b""
            self._on_message(head, body)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(error)


class Client:
    """One client that sends the same request again and again.

    Args:
        request: Head and body.
        expected: The body that a good answer has.
        ends: When to stop, on `time.perf_counter`.
    """

    def __init__(self, request: bytes, expected: bytes, ends: float) -> None:
        self._request = request
        self._expected = expected
        self._ends = ends
        self._started = 0.0
        self._done = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        """Seconds from each request to its answer's last byte."""
        self.failed = 0
        """Answers that were not 200, or had another body."""

    async def run(self, host: str, port: int) -> None:
        """Send until the time is over. Raises OSError."""
        loop = asyncio.get_running_loop()
        _, self._messages = await loop.create_connection(
            lambda: _Messages(self._answered), host, port
        )
        self._send()
        await asyncio.wait(
            (self._done, self._messages.lost), return_when=asyncio.FIRST_COMPLETED
        )
        if not self._done.done():
            raise ConnectionError("The server closed the connection")
        self._messages.transport.close()

    def _send(self) -> None:
        self._started = time.perf_counter()
        if self._started < self._ends:
            self._messages.transport.write(self._request)
        else:
            self._done.set_result(None)

    def _answered(self, head: bytes, body: bytes) -> None:
        self.latencies.append(time.perf_counter() - self._started)
        if not head.startswith(b"HTTP/1.1 200 ") or body != self._expected:
            self.failed += 1
        self._send()


async def serve_same(
    host: str, port: int, body: bytes, content_type: str = "application/json"
) -> asyncio.Server:
    """Answer every request with the same body."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        content_type.encode(),
        len(body),
        body,
    )

    def connect() -> _Messages:
        messages = _Messages(lambda _head, _body: messages.transport.write(answer))
        return messages

    return await asyncio.get_running_loop().create_server(connect, host, port)
