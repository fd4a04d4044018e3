"""The head of a request that we send, and how its body is framed."""

import functools
from collections.abc import AsyncIterator
from dataclasses import dataclass

from kerege.exchange.http._messages import (
    LAST_CHUNK,
    Framing,
    Headers,
    encode_chunk,
    join_head,
    write_headers,
)

_HAS_BODY = frozenset({"POST", "PUT", "PATCH"})
"""Methods that say ``Content-Length: 0`` when they have no body (RFC 9110, 8.6)."""
_DEFAULT_PORTS = {False: 80, True: 443}


@dataclass(slots=True)
class Outgoing:
    """A request, ready for the wire."""

    method: str
    whole: bytes
    """The head, and the body where that is given whole."""
    stream: AsyncIterator[bytes] | None = None
    """The body where it is not."""
    is_chunked: bool = False
    length: int | None = None
    """What the head promises of a stream that is not chunked."""
    read_timeout: float | None = None
    """How long the peer may be silent while we wait for it."""


def build_request(  # noqa: PLR0913  the parts of a message
    method: str,
    target: bytes,
    headers: Headers,
    body: bytes | AsyncIterator[bytes] | None,
    *,
    authority: tuple[str, int],
    is_tls: bool,
    chunked: bool = False,
) -> Outgoing:
    """Return the request as it goes onto the wire.

    `Host` is added unless given. A body gets its framing unless the headers have one.

    Raises:
        ValueError: the parts make no valid message.
    """
    if not (method.isascii() and method.isalpha()) or not target or b" " in target:
        raise ValueError("The request line has a method and a target without blanks.")
    lines = [b"%b %b HTTP/1.1" % (method.encode("ascii"), target)]
    framing = write_headers(lines, headers)
    if not framing.has_host:
        lines.insert(1, _host_line(authority, is_tls=is_tls))
    if framing.close:
        lines.append(b"Connection: close")
    if chunked and framing.length is not None:
        raise ValueError("A message has a length or chunks, not both.")
    if chunked and not framing.chunked:
        lines.append(b"Transfer-Encoding: chunked")
    framing = framing._replace(chunked=chunked or framing.chunked)
    if body is None and method not in _HAS_BODY:
        return Outgoing(method, join_head(lines))
    if body is None or isinstance(body, bytes):
        data = _frame_whole(lines, framing, body or b"")
        return Outgoing(method, join_head(lines) + data)
    if framing.length is not None:
        return Outgoing(method, join_head(lines), body, length=framing.length)
    if not framing.chunked:
        lines.append(b"Transfer-Encoding: chunked")
    return Outgoing(method, join_head(lines), body, is_chunked=True)


def _frame_whole(lines: list[bytes], framing: Framing, body: bytes) -> bytes:
    """Return a body that is given whole as it goes onto the wire."""
    if framing.chunked:
        return encode_chunk(body) + LAST_CHUNK if body else LAST_CHUNK
    if framing.length is None:
        lines.append(b"Content-Length: %d" % len(body))
    elif framing.length != len(body):
        raise ValueError("The request's Content-Length is not its body's length.")
    return body


@functools.lru_cache(maxsize=1024)
def _host_line(authority: tuple[str, int], *, is_tls: bool) -> bytes:
    host, port = authority
    name = host.encode("ascii" if host.isascii() else "idna")
    if b":" in name:
        name = b"[%b]" % name
    if port == _DEFAULT_PORTS[is_tls]:
        return b"Host: %b" % name
    return b"Host: %b:%d" % (name, port)
