"""Requests and answers as values, and their heads as bytes.

Rules (RFC 9110, RFC 9112):

* Header names and values are bytes. What came is kept in order and case; white space
  around values is not part of them.
* What goes out is checked: a CR, LF or NUL in a field would let whoever chose the
  field write the rest of the message.
* A message has one framing: Content-Length, chunks, or none.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Container, Sequence
from typing import NamedTuple

from kerege.exchange.http._body import Body

Headers = Sequence[tuple[bytes, bytes]]
"""Names and values in order."""
Peername = tuple[str, int]
"""Host and port of the other end; empty and zero for a unix socket."""

NO_BODY_STATUSES = frozenset({204, 304})
"""Answers that never have a body (RFC 9112, section 6.3)."""

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_SPECIAL = _FRAMING | {b"connection", b"date", b"host"}


class Request:
    """A request as it came, its body perhaps still under way."""

    __slots__ = (
        "_index",
        "body",
        "headers",
        "http_version",
        "keep_alive",
        "method",
        "peer",
        "ssl_object",
        "target",
    )

    def __init__(  # noqa: PLR0913  one per field, made once per request
        self,
        method: str,
        target: bytes,
        headers: tuple[tuple[bytes, bytes], ...],
        index: dict[bytes, bytes],
        body: Body,
        *,
        http_version: str = "1.1",
        keep_alive: bool = True,
        peer: Peername = ("", 0),
        ssl_object: ssl.SSLObject | None = None,
    ) -> None:
        self.method = method
        """Upper case; one of the methods that llhttp knows, never CONNECT."""
        self.target = target
        """The request target, byte for byte. ASCII, without control characters."""
        self.headers = headers
        """All headers, in order and case of the wire, duplicates kept."""
        self.body = body
        self.http_version = http_version
        """``1.0`` or ``1.1``."""
        self.keep_alive = keep_alive
        """Whether the client lets the connection stay open."""
        self.peer = peer
        """Host and port of the client."""
        self.ssl_object = ssl_object
        """The TLS end, from which `tls.peer_certificates` reads."""
        self._index = index

    def header(self, name_lower: bytes) -> bytes | None:
        """Return the first header with this name (given in lower case)."""
        return self._index.get(name_lower)


class Response(NamedTuple):
    """What a handler answers."""

    status: int = 200
    """200 to 599."""
    reason: bytes = b"OK"
    """The reason phrase; may be empty."""
    headers: Headers = ()
    """Without Content-Length and Transfer-Encoding the server adds what fits: the
    length of ``bytes``, chunks for an iterator."""
    body: bytes | AsyncIterator[bytes] = b""
    """Bytes are written at once, an iterator as it yields."""


class Framing(NamedTuple):
    """How a message that goes out ends, as far as the caller's headers say."""

    length: int | None = None
    chunked: bool = False
    has_date: bool = False
    has_host: bool = False
    close: bool = False


def write_headers(
    lines: list[bytes], headers: Headers, *, leave_out: Container[bytes] = ()
) -> Framing:
    """Append one line per header to ``lines``; return what they say about framing.

    ``leave_out`` names framing headers, in lower case, that do not fit this message.
    `Connection` is the connection's own business: it is left out, and only whether it
    says ``close`` is returned. A second `Date` is left out.

    Raises:
        ValueError: contradicting or unknown framing.
    """
    special: dict[bytes, bytes] = {}
    for name, value in headers:
        lower = name.lower()
        if lower in _SPECIAL:
            if lower in leave_out or (lower == b"date" and lower in special):
                continue
            if lower in special and lower in _FRAMING:
                raise ValueError("A message is framed once.")
            special[lower] = value
            if lower == b"connection":
                continue
        lines.append(b"%b: %b" % (name, value))
    return _framing(special) if special else Framing()


def _framing(special: dict[bytes, bytes]) -> Framing:
    length = special.get(b"content-length")
    coding = special.get(b"transfer-encoding")
    if length is not None and (coding is not None or not length.isdigit()):
        raise ValueError("A message has a length or chunks, not both.")
    if coding is not None and coding.lower() != b"chunked":
        raise ValueError("Only chunked transfer coding is known.")
    return Framing(
        length=None if length is None else int(length),
        chunked=coding is not None,
        has_date=b"date" in special,
        has_host=b"host" in special,
        close=special.get(b"connection", b"").strip().lower() == b"close",
    )


def join_head(lines: list[bytes]) -> bytes:
    """Return the head made of ``lines``, with its empty line.

    Raises:
        ValueError: a line holds CR, LF or NUL, and would be more than one line.
    """
    lines.append(b"\r\n")
    head = b"\r\n".join(lines)
    ends = len(lines)
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
        raise ValueError("A header holds a line break or NUL.")
    return head


def encode_chunk(data: bytes) -> bytes:
    """Return ``data`` as one chunk; it must not be empty, that would be the end."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
"""The end of a chunked body, without trailers."""


async def close_iterator(iterator: object) -> None:
    """Let an async generator that is not read to its end clean up now."""
    close = getattr(iterator, "aclose", None)
    if close is not None:
        result = close()
        if asyncio.iscoroutine(result) or hasattr(result, "__await__"):
            await result
