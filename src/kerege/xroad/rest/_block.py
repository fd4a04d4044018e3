"""The lines of a message block: what may stand in one, and how ids are read.

A block is ``first line CRLF second line CRLF (name:value CRLF)*``, UTF-8, without an
empty line at the end. Header text is ISO-8859-1 on HTTP connections, so every
character of an honest block is at most U+00FF.
"""

import re
from collections.abc import Iterable, Sequence

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import MAX_IDENTIFIER_CHARACTERS, decode_segment

Headers = tuple[tuple[str, str], ...]
"""Names and values in order; the text is ISO-8859-1, as on the wire of HTTP."""

MAX_BLOCK_BYTES = 1024 * 1024
"""HTTP servers allow 8 to 64 KiB of headers; this is far above any of them."""

FORBIDDEN_IN_BLOCK = frozenset(
    {
        "transfer-encoding",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "upgrade",
        "connection",
        "user-agent",
        "host",
        "content-length",
        "server",
        "expect",
    }
)
"""Headers that belong to one connection (`RestMessage.java`); lower case."""

CLIENT = "x-road-client"
SERVICE = "x-road-service"
QUERY_ID = "x-road-id"
USER_ID = "x-road-userid"
ISSUE = "x-road-issue"
REPRESENTED_PARTY = "x-road-represented-party"
SECURITY_SERVER = "x-road-security-server"
REQUEST_ID = "x-road-request-id"
REQUEST_HASH = "x-road-request-hash"

_PERSONAL = frozenset({"X-Road-Represented-Party"})

_TOKENS = re.compile(r"[!#-'*+\-.^-z|~0-9A-Z]+(?:\n[!#-'*+\-.^-z|~0-9A-Z]+)*")
"""Header names (RFC 9110 `token`), joined with line feeds."""

_SEGMENTS = re.compile(
    r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+"
    r"(?:/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+)*"
)
"""Codes as RFC 3986 path segments; anything else is refused (`UriUtils.java`)."""


def write_block(first: str, second: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the block of these lines.

    Raises ``internal_error`` if a line would break into two, a header name is not
    a name, or the block is larger than `MAX_BLOCK_BYTES`.
    """
    lines = [first, second]
    lines += [f"{name}:{value}" for name, value in headers]
    lines.append("")
    text = "\r\n".join(lines)
    breaks = len(lines) - 1
    _require_one_line_each(text, breaks)
    _require_latin1(text)
    _require_names([name for name, _ in headers])
    block = text.encode()
    _require_bounded(block)
    return block


def read_block(block: bytes) -> tuple[str, str, Headers]:
    """Return the first line, the second and the headers of a received block.

    Raises ``internal_error`` for anything that no server writes: other line ends,
    a line without colon, a connection header, text that is not UTF-8 or no text
    that HTTP can carry.
    """
    _require_bounded(block)
    try:
        text = block.decode()
    except UnicodeDecodeError:
        raise _malformed("is not UTF-8") from None
    lines = text.split("\r\n")
    _require_one_line_each(text, len(lines) - 1)
    if len(lines) < 3 or lines.pop():
        raise _malformed("does not end with a line end after two lines")
    _require_latin1(text)
    headers = tuple([_split_header(line) for line in lines[2:]])
    _require_names([name for name, _ in headers])
    return lines[0], lines[1], headers


def read_codes(text: str, what: str) -> list[str]:
    """Return the percent-decoded codes of an identifier with slashes.

    Raises ``internal_error`` for empty codes, for characters that are neither
    allowed in a path segment nor percent-encoded, and for texts that are too long.
    """
    if len(text) > MAX_IDENTIFIER_CHARACTERS or not _SEGMENTS.fullmatch(text):
        raise XRoadError(
            "internal_error", f"{named(what, text)} is not a list of encoded codes"
        )
    codes = text.split("/")
    return [decode_segment(code) for code in codes] if "%" in text else codes


def named(what: str, text: str) -> str:
    """Return ``what`` with its value, unless the value may name a person."""
    return what if what in _PERSONAL else f"{what} {text[:255]!r}"


def xroad_headers(headers: Headers) -> Headers:
    """Return only the ``x-road-*`` headers: what is logged when bodies are not."""
    return tuple([h for h in headers if h[0].lower().startswith("x-road-")])


def _split_header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise _malformed("has a header line without colon")
    if name.lower() in FORBIDDEN_IN_BLOCK:
        raise _malformed(how=f"has {name!r}, a header of one connection")
    return name, value


def _require_one_line_each(text: str, breaks: int) -> None:
    """Refuse CR, LF and NUL inside a line: they forge lines in the peer's parser."""
    if (
        text.count("\r\n") != breaks
        or text.count("\n") != breaks
        or text.count("\r") != breaks
        or "\0" in text
    ):
        raise _malformed("has CR, LF or NUL inside a line")


def _require_latin1(text: str) -> None:
    if not text.isascii() and max(text) > "\xff":
        raise _malformed("has characters that HTTP headers cannot carry")


def _require_names(names: Sequence[str]) -> None:
    if names and not _TOKENS.fullmatch("\n".join(names)):
        raise _malformed("has a header name with characters that names cannot have")


def _require_bounded(block: bytes) -> None:
    if len(block) > MAX_BLOCK_BYTES:
        raise _malformed(how=f"is larger than {MAX_BLOCK_BYTES} bytes")


def _malformed(how: str) -> XRoadError:
    return XRoadError("internal_error", f"The REST message block {how}")
