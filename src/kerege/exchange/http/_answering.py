"""Writes answers: head, framing, body, with the peer's back-pressure."""

import time
from collections.abc import AsyncIterator
from email.utils import formatdate

from kerege.exchange.http._limits import JOIN_BYTES
from kerege.exchange.http._messages import (
    LAST_CHUNK,
    NO_BODY_STATUSES,
    Framing,
    Request,
    Response,
    close_iterator,
    encode_chunk,
    join_head,
    write_headers,
)
from kerege.exchange.http._wire import Wire

_NO_LENGTH = frozenset({b"content-length", b"transfer-encoding"})
_NO_CHUNKS = frozenset({b"transfer-encoding"})
_NOTHING: frozenset[bytes] = frozenset()


class AnswerWriter:
    """Writes the answers of one connection."""

    __slots__ = ("_add_date", "_wire", "head_is_sent")

    def __init__(self, wire: Wire, *, add_date: bool) -> None:
        self._wire = wire
        self._add_date = add_date
        self.head_is_sent = False
        """Whether the answer at hand can no longer be replaced by another."""

    async def write(self, request: Request, response: Response, *, close: bool) -> bool:
        """Write an answer. Return whether the connection can be kept.

        Raises:
            ValueError: the answer is not a valid message; nothing was written, or the
                body was not as long as its header says.
            PeerClosed, TimedOut: the peer does not take it.
        """
        status, reason, headers, body = response
        if not 200 <= status <= 599:
            raise ValueError("An answer has a status from 200 to 599.")
        self.head_is_sent = False
        is_old = request.http_version == "1.0"
        lines = [b"HTTP/1.1 %d %b" % (status, reason)]
        leave_out = _NO_CHUNKS if is_old else _NOTHING
        if status in NO_BODY_STATUSES:
            leave_out = _NO_LENGTH if status == 204 else _NO_CHUNKS
        framing = write_headers(lines, headers, leave_out=leave_out)
        if self._add_date and not framing.has_date:
            lines.append(_date_line())
        is_bodiless = request.method == "HEAD" or status in NO_BODY_STATUSES
        is_whole = is_bodiless or isinstance(body, bytes)
        # An old client learns the end of a stream without length by our closing.
        close = close or framing.close
        close = close or (is_old and not is_whole and framing.length is None)
        if close:
            lines.append(b"Connection: close")
        elif is_old:
            lines.append(b"Connection: keep-alive")
        if is_bodiless:
            if not isinstance(body, bytes):
                await close_iterator(body)
            self._send(join_head(lines), b"")
        elif isinstance(body, bytes):
            self._write_whole(lines, framing, body)
        else:
            await self._stream(lines, framing, body, is_old=is_old)
        if self._wire.is_write_paused or self._wire.is_lost:
            await self._wire.drain()
        return not close

    def write_last(self, response: Response) -> None:
        """Write an answer to what is no request; then the connection is closed."""
        body = response.body
        if not isinstance(body, bytes):
            raise TypeError("The last answer of a connection is not streamed.")
        lines = [b"HTTP/1.1 %d %b" % (response.status, response.reason)]
        framing = write_headers(lines, response.headers, leave_out=_NO_LENGTH)
        if self._add_date and not framing.has_date:
            lines.append(_date_line())
        lines += [b"Content-Length: %d" % len(body), b"Connection: close"]
        self._send(join_head(lines), body)

    def _write_whole(self, lines: list[bytes], framing: Framing, body: bytes) -> None:
        if framing.chunked:
            body = encode_chunk(body) + LAST_CHUNK if body else LAST_CHUNK
        elif framing.length is None:
            lines.append(b"Content-Length: %d" % len(body))
        elif framing.length != len(body):
            raise ValueError("The answer's Content-Length is not its body's length.")
        self._send(join_head(lines), body)

    def _send(self, head: bytes, body: bytes) -> None:
        transport = self._wire.transport
        self.head_is_sent = True
        if len(body) <= JOIN_BYTES:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)

    async def _stream(
        self,
        lines: list[bytes],
        framing: Framing,
        body: AsyncIterator[bytes],
        *,
        is_old: bool,
    ) -> None:
        chunked = framing.length is None and not is_old
        if chunked and not framing.chunked:
            lines.append(b"Transfer-Encoding: chunked")
        head = join_head(lines)
        wire, written = self._wire, 0
        try:
            # The head waits for the first chunk: one packet, and a body that fails at
            # once can still become a proper error.
            async for data in body:
                if data:
                    written += len(data)
                    wire.transport.write(
                        head + (encode_chunk(data) if chunked else data)
                    )
                    self.head_is_sent, head = True, b""
                    if wire.is_write_paused or wire.is_lost:
                        await wire.drain()
        finally:
            await close_iterator(body)
        if framing.length is not None and framing.length != written:
            raise ValueError("The answer's body is not as long as its header says.")
        if head or chunked:
            self.head_is_sent = True
            wire.transport.write(head + (LAST_CHUNK if chunked else b""))


_date = (0, b"")


def _date_line() -> bytes:
    """Return the Date header, made anew once a second."""
    global _date  # noqa: PLW0603  a cache of one line
    now = int(time.time())
    if _date[0] != now:
        _date = (now, b"Date: " + formatdate(now, usegmt=True).encode())
    return _date[1]
