"""A call as an HTTP request: address, headers, body. No network.

Paths (`PR-REST` 4.1; what is signed and checked is the path as sent):

* A text is taken as written: escapes stay as they are, characters that no path may have
  are escaped, a ``%`` that is no escape is refused. Nothing is escaped twice.
* A tuple is a list of values: each becomes one segment, and whatever it has of slashes
  and percent signs is escaped. Use it for values that come from people.
"""

import json
import re
import uuid
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, TypeAlias, TypedDict
from urllib.parse import quote, urlencode, urlsplit

from kerege.xroad.identifiers import (
    ClientId,
    SecurityServerId,
    ServiceId,
    encode_segment,
)

CallPath: TypeAlias = str | tuple[str, ...]
Body: TypeAlias = bytes | str | IO[bytes] | Iterable[bytes] | AsyncIterable[bytes]
_PATH_CHARACTERS = "/%:@!$&'()*+,;=-._~"
_QUERY_CHARACTERS = _PATH_CHARACTERS + "?"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110 section 5.6.2); with a colon in it, it would be two."""
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
MAX_TARGET_CHARACTERS = 32 * 1024
"""Longest path with query: Security Servers take a header block of 64 KiB."""


class CallOptions(TypedDict, total=False):
    """What a call may have besides its service and path. All are optional."""

    params: Mapping[str, Any] | Sequence[tuple[str, Any]]
    """The query; a list value gives the name several times."""
    json: Any
    """A body, sent as JSON."""
    data: Body
    """A body as it is: bytes, a text (UTF-8), an open binary file, or an iterator of
    bytes, of any length. `AsyncClient` also takes an asynchronous iterator; one that is
    not is asked on the event loop, so it must not block. `Client` asks an iterator in
    the thread of the caller."""
    headers: Mapping[str, str]
    """Further headers; those that the options here set cannot be given twice."""
    user_id: str
    """Who asks, in the client's own terms; in place of the client's default."""
    represented_party: str | tuple[str, ...]
    """For whom: class and code, or the header as it is to be sent."""
    issue: str
    """The case or purpose that the call is made for."""
    query_id: str
    """The id in both servers' logs; made up if absent."""
    security_server: SecurityServerId | str
    """Which of the provider's servers to use."""
    timeout: float
    """Seconds for the whole call; in place of the client's default."""
    into: IO[bytes]
    """An open binary file for the answer's body, in place of ``Response.content``."""
    max_answer_bytes: int
    """Longest answer that is taken; in place of the client's default."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, ready to be sent."""

    method: str
    url: str = field(repr=False)
    """Escaped, to be sent as it is."""
    headers: Mapping[str, str] = field(repr=False)
    query_id: str
    body: Body | None = field(default=None, repr=False)


def server_address(address: str) -> str:
    """Return the address of a Security Server's client port, without a slash.

    Raises `ValueError` if it is not ``http(s)://host[:port]``.
    """
    parts = urlsplit(address)
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in ("http", "https") or not parts.hostname or extra:
        msg = f"{address!r} is not of the form http://host:port or https://host:port"
        raise ValueError(msg)
    return f"{parts.scheme}://{parts.netloc}"


def build_call(
    server: str,
    client: ClientId,
    method: str,
    service: ServiceId | str,
    path: CallPath,
    options: CallOptions,
) -> Call:
    """Return the call that the arguments describe.

    Raises:
        ValueError: the path or an option cannot be sent.
        XRoadError: the service or the target server is not an identifier.
    """
    if not re.fullmatch(r"[A-Za-z]{1,20}", method):
        msg = f"{method[:40]!r} is not an HTTP method"
        raise ValueError(msg)
    if isinstance(service, str):
        service = ServiceId.from_path(service)
    query_id = options.get("query_id") or str(uuid.uuid4())
    headers = _XRoadHeaders(client, query_id, options).complete()
    body = _body(options, headers)
    target = _target(path, options.get("params") or {})
    return Call(
        method.upper(), f"{server}/r1/{service.path}{target}", headers, query_id, body
    )


def checked_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return headers that can be sent. Raises `ValueError` if one cannot."""
    for name, value in headers.items():
        can_be_sent = all(c >= " " or c == "\t" for c in value)
        if not can_be_sent or not _TOKEN.fullmatch(name):
            msg = f"The header {name[:80]!r} has characters that no header may have"
            raise ValueError(msg)
    return headers


@dataclass(frozen=True, slots=True)
class _XRoadHeaders:
    client: ClientId
    query_id: str
    options: CallOptions

    def complete(self) -> dict[str, str]:
        """Return X-Road's headers and the caller's own."""
        headers = dict(self._own())
        taken = {name.lower() for name in headers}
        for name, value in (self.options.get("headers") or {}).items():
            if name.lower() in taken:
                msg = f"The header {name} is set by an argument and cannot be given too"
                raise ValueError(msg)
            headers[name] = value
        return checked_headers(headers)

    def _own(self) -> Iterable[tuple[str, str]]:
        options = self.options
        yield "X-Road-Client", self.client.path
        yield "X-Road-Id", self.query_id
        if options.get("user_id"):
            yield "X-Road-UserId", options["user_id"]
        if options.get("issue"):
            yield "X-Road-Issue", options["issue"]
        if options.get("represented_party"):
            party = options["represented_party"]
            coded = (
                party
                if isinstance(party, str)
                else "/".join(map(encode_segment, party))
            )
            yield "X-Road-Represented-Party", coded
        if options.get("security_server"):
            server = options["security_server"]
            if isinstance(server, str):
                server = SecurityServerId.from_path(server)
            yield "X-Road-Security-Server", server.path


def _body(options: CallOptions, headers: dict[str, str]) -> Body | None:
    """Return the body; its Content-Type goes into ``headers`` if there is none."""
    if "json" not in options:
        data = options.get("data")
        media_type = (
            "text/plain; charset=utf-8"
            if isinstance(data, str)
            else "application/octet-stream"
        )
    elif "data" in options:
        raise ValueError("A call has json or data, not both")
    else:
        data = json.dumps(options["json"], ensure_ascii=False).encode()
        media_type = "application/json"
    if data is not None and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = media_type
    return data.encode() if isinstance(data, str) else data


def _target(
    path: CallPath, params: Mapping[str, Any] | Sequence[tuple[str, Any]]
) -> str:
    """Return the escaped path after the service code, with the query."""
    if isinstance(path, str):
        path, _, query = path.partition("?")
        if _BAD_ESCAPE.search(path + query):
            raise ValueError(
                "The path has a % that is no escape: write %25 for the sign itself. (In "
                "Python, the values of a tuple are escaped for you.)"
            )
        escaped = quote(path, safe=_PATH_CHARACTERS)
        query = quote(query, safe=_QUERY_CHARACTERS)
    else:
        escaped, query = "/".join(map(_segment, path)), ""
    if escaped and not escaped.startswith("/"):
        escaped = f"/{escaped}"
    query = "&".join(part for part in (query, urlencode(params, doseq=True)) if part)
    target = f"{escaped}?{query}" if query else escaped
    if len(target) > MAX_TARGET_CHARACTERS:
        msg = f"Path and query are longer than {MAX_TARGET_CHARACTERS} characters"
        raise ValueError(msg)
    return target


def _segment(value: str) -> str:
    if value in ("", ".", ".."):
        raise ValueError("A path segment is empty, a dot or two: it would not arrive")
    return encode_segment(value)
