"""The little of MIME that a signed directory uses (RFC 2045, RFC 2046).

Line ends are CRLF or LF. The last part may lack its delimiter: files made by hand do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from kerege.xroad.faults import XRoadError

MAX_HEADERS = 32
"""A part of a directory has five."""
MAX_HEADER_BYTES = 8 * 1024
"""The headers of one part; they are read before anything of a directory is verified."""
MAX_PARTS = 1000
"""A directory lists two to five files."""
MALFORMED = "global_conf_parsing_downloaded_conf_directory_failure"

_NEW_LINE = re.compile(rb"\r?\n")
_BLANK_LINE = re.compile(rb"(?:\A|\r?\n)\r?\n")
_FIELD_NAME = re.compile(r"[!-9;-~]+")
_PARAMETER = re.compile(
    r""";\s*(?P<name>[^=;\s]+)\s*=\s*(?P<value>"[^"]*"|'[^']*'|[^;]*)"""
)
_BOUNDARY = re.compile(r"[ -~]{1,70}")


@dataclass(frozen=True, slots=True)
class Entity:
    """Headers, names in lower case, and what follows the first empty line."""

    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header's value, or an empty string."""
        return self.headers.get(name.lower(), "")


def parse_entity(data: bytes) -> Entity:
    """Split an entity into headers and body; without an empty line all is headers."""
    blank = _BLANK_LINE.search(data)
    head, body = (data[: blank.start()], data[blank.end() :]) if blank else (data, b"")
    return Entity(_headers(head), body)


def split_parts(body: bytes, content_type: str) -> list[bytes]:
    """Return the parts of a multipart body.

    The line break before a delimiter belongs to the delimiter. Preamble and epilogue
    are dropped.
    """
    media_type, parameters = value_and_parameters(content_type)
    boundary = parameters.get("boundary", "")
    if not media_type.lower().startswith("multipart/") or not (
        _BOUNDARY.fullmatch(boundary)
    ):
        fail_mime(f"Content-Type {content_type[:255]!r} is no multipart")
    delimiter = re.compile(
        rb"(?:\A|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r?\n|\Z)"
    )
    parts: list[bytes] = []
    start: int | None = None
    for found in delimiter.finditer(body):
        if start is not None:
            parts.append(body[start : max(start, found.start())])
        if found.group(1):
            return parts
        if len(parts) >= MAX_PARTS:
            fail_mime(f"there are more than {MAX_PARTS} parts")
        line_break = _NEW_LINE.match(body, found.end())
        start = line_break.end() if line_break else len(body)
    if start is not None:
        parts.append(body[start:])
    return parts


def value_and_parameters(text: str) -> tuple[str, dict[str, str]]:
    """Split a header's value from its parameters; quotes of both kinds are taken off.

    >>> value_and_parameters("SHARED-PARAMETERS; instance='DEV'")
    ('SHARED-PARAMETERS', {'instance': 'DEV'})
    """
    value, semicolon, _ = text.partition(";")
    parameters: dict[str, str] = {}
    if semicolon:
        for found in _PARAMETER.finditer(text, len(value)):
            content = found.group("value").strip()
            if len(content) > 1 and content[0] == content[-1] and content[0] in "\"'":
                content = content[1:-1]
            parameters[found.group("name").lower()] = content
    return value.strip(), parameters


def _headers(head: bytes) -> dict[str, str]:
    if len(head) > MAX_HEADER_BYTES:
        fail_mime(f"a part has more than {MAX_HEADER_BYTES} bytes of headers")
    try:
        lines = _NEW_LINE.sub(b"\n", head).decode().strip("\n").split("\n")
    except UnicodeDecodeError:
        fail_mime("a header is not UTF-8")
    headers: dict[str, str] = {}
    name = ""
    for line in lines:
        if line[:1] in (" ", "\t") and name:
            headers[name] += " " + line.strip()
        elif line.strip():
            name, value = _header(line)
            if name in headers or len(headers) >= MAX_HEADERS:
                fail_mime(f"header {name[:255]!r} is one too many")
            headers[name] = value
    return headers


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _FIELD_NAME.fullmatch(name):
        fail_mime(f"{line[:255]!r} is not a header")
    return name.lower(), value.strip()


def fail_mime(reason: str) -> NoReturn:
    """Refuse a directory that is not built as one."""
    raise XRoadError(MALFORMED, f"Cannot read the signed directory: {reason}") from None
