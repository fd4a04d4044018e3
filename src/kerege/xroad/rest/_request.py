"""REST requests: from a client's HTTP request, and from a received block."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import (
    REMEMBERED,
    ClientId,
    SecurityServerId,
    ServiceId,
)
from kerege.xroad.rest._block import (
    CLIENT,
    FORBIDDEN_IN_BLOCK,
    ISSUE,
    QUERY_ID,
    REPRESENTED_PARTY,
    REQUEST_HASH,
    REQUEST_ID,
    SECURITY_SERVER,
    USER_ID,
    Headers,
    named,
    read_block,
    read_codes,
    write_block,
    xroad_headers,
)

METHODS = frozenset(
    {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
"""The methods of REST messages; case counts."""

METHODS_WITH_BODY = frozenset({"PATCH", "POST", "PUT"})
"""Methods whose body reaches the service; other bodies are signed, then dropped."""

_DROPPED_FROM_REQUEST = FORBIDDEN_IN_BLOCK | {REQUEST_ID, REQUEST_HASH}

_SINGLE = frozenset(
    {
        CLIENT,
        QUERY_ID,
        USER_ID,
        ISSUE,
        REPRESENTED_PARTY,
        SECURITY_SERVER,
        REQUEST_ID,
    }
)
"""Headers that say who asks for what.

A second one with another value would let a client be one member for its server and
another one for the service, so it is refused; the reference takes the last. So is one
with underscores: CGI, WSGI and PHP cannot tell ``X_Road_Client`` from ``X-Road-Client``.
"""

_PATH = re.compile(r"/[!-\"$->@-~]*")
_QUERY = re.compile(r"[!-\"$-~]*")
_CLIENT_PATH = re.compile(r"(?:[!$&-;=@-Z_a-z~]|%[0-9A-Fa-f]{2})*")
"""What RFC 3986 has in paths. Other servers answer 500 to anything else, and the
reference's HTTP server does not take it from a client."""


@dataclass(frozen=True, slots=True)
class RepresentedParty:
    """The party on whose behalf the client acts."""

    party_code: str
    party_class: str | None = None

    @property
    def short(self) -> str:
        """``class/code``, or the code alone."""
        return (
            f"{self.party_class}/{self.party_code}"
            if self.party_class
            else (self.party_code)
        )


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A request that is signed and logged as `block`.

    Its repr has identifiers only: paths, users and represented parties are personal.
    """

    block: bytes = field(repr=False)
    """The message bytes; signature and request hash are over them."""
    digest: bytes = field(repr=False)
    """SHA-512 of the block."""
    method: str
    path: str = field(repr=False)
    """As in the client's request line, byte for byte; ASCII."""
    query: str | None = field(repr=False)
    """What stands after ``?``; None without ``?``, empty with nothing after it."""
    headers: Headers = field(repr=False)
    """All headers of the block."""
    service_path: str = field(repr=False)
    """What follows the service code: empty, or with a leading slash. Not decoded."""
    service_id: ServiceId
    client_id: ClientId
    query_id: str
    request_id: str | None
    """The consumer server's id of this exchange; only old peers send none."""
    target_security_server: SecurityServerId | None = None
    represented_party: RepresentedParty | None = field(default=None, repr=False)
    user_id: str | None = field(default=None, repr=False)
    issue: str | None = field(default=None, repr=False)

    @classmethod
    def from_client(
        cls,
        method: str,
        path: bytes,
        query: bytes | None,
        headers: Sequence[tuple[str, str]],
        *,
        request_id: str,
        query_id: str,
    ) -> "RestRequest":
        """Make the request that a client's HTTP request asks for.

        Args:
            method: The method as received.
            path: The path of the request line, not decoded, without query.
            query: What follows ``?``; None if there is no ``?``.
            headers: Names and values in order, text decoded as ISO-8859-1.
            request_id: A fresh UUID, it becomes ``x-road-request-id``.
            query_id: Becomes ``x-road-id`` if the client sent none.

        Raises:
            XRoadError: ``invalid_client_identifier`` without X-Road-Client,
                ``client.missing_header_field`` for an empty X-Road-Id,
                ``client.duplicate_header_field`` for headers of `_SINGLE` that
                disagree, ``client.bad_request`` for paths with ``//``, broken
                escapes or characters that no URL has, else ``internal_error``.
        """
        kept = [
            (name, value.strip(" \t"))
            for name, value in headers
            if name.lower() not in _DROPPED_FROM_REQUEST
        ]
        kept.append((REQUEST_ID, request_id))
        fields = _single_fields(kept, code="client.duplicate_header_field")
        if QUERY_ID not in fields:
            kept.append((QUERY_ID, query_id))
            fields[QUERY_ID] = query_id
        elif not fields[QUERY_ID]:
            raise XRoadError("client.missing_header_field", "X-Road-Id is empty")
        path_text, query_text = _client_target(path, query)
        target = path_text if query_text is None else f"{path_text}?{query_text}"
        block = write_block(method, target, kept)
        return _make(block, (method, path_text, query_text), tuple(kept), fields)

    @classmethod
    def parse(cls, block: bytes) -> "RestRequest":
        """Read a received block.

        Raises:
            XRoadError: ``invalid_client_identifier`` without X-Road-Client,
                ``missing_header_field`` without X-Road-Id,
                ``duplicate_header_field`` for headers that disagree,
                else ``internal_error``.
        """
        method, target, headers = read_block(block)
        path, mark, query = target.partition("?")
        fields = _single_fields(headers, code="duplicate_header_field")
        if not fields.get(QUERY_ID):
            raise XRoadError("missing_header_field", "The request has no X-Road-Id")
        return _make(block, (method, path, query if mark else None), headers, fields)

    @property
    def filtered_block(self) -> bytes:
        """The block without service path, query and other headers.

        It is what the message log keeps where bodies must not be logged.
        """
        path = self.path.removesuffix(self.service_path)
        return write_block(self.method, path, xroad_headers(self.headers))


def _make(
    block: bytes,
    request_line: tuple[str, str, str | None],
    headers: Headers,
    fields: dict[str, str],
) -> RestRequest:
    method, path, query = request_line
    if method not in METHODS:
        raise XRoadError("internal_error", f"{method[:32]!r} is not a REST method")
    service_id, service_path = _service(path)
    if query is not None and not _QUERY.fullmatch(query):
        raise XRoadError("internal_error", "The query has characters no URL can have")
    if CLIENT not in fields:
        raise XRoadError("invalid_client_identifier", "X-Road-Client is missing")
    server = fields.get(SECURITY_SERVER)
    return RestRequest(
        block=block,
        digest=hashlib.sha512(block).digest(),
        method=method,
        path=path,
        query=query,
        headers=headers,
        service_path=service_path,
        service_id=service_id,
        client_id=read_client_id(fields[CLIENT], "X-Road-Client"),
        query_id=fields[QUERY_ID],
        request_id=fields.get(REQUEST_ID),
        target_security_server=None if server is None else read_server_id(server),
        represented_party=read_represented_party(fields.get(REPRESENTED_PARTY)),
        user_id=fields.get(USER_ID),
        issue=fields.get(ISSUE),
    )


@lru_cache(maxsize=REMEMBERED)
def read_client_id(text: str, what: str) -> ClientId:
    """Read three or four encoded codes. Raises ``internal_error``."""
    codes = read_codes(text, what)
    if len(codes) not in (3, 4):
        raise _wrong_count(what, text, "3 or 4")
    return ClientId(*codes)


@lru_cache(maxsize=REMEMBERED)
def read_service_id(text: str, what: str) -> ServiceId:
    """Read five encoded codes. Raises ``internal_error``."""
    codes = read_codes(text, what)
    if len(codes) != 5:
        raise _wrong_count(what, text, "5")
    return ServiceId(*codes)


def read_server_id(text: str) -> SecurityServerId:
    """Read four encoded codes. Raises ``internal_error``."""
    codes = read_codes(text, "X-Road-Security-Server")
    if len(codes) != 4:
        raise _wrong_count("X-Road-Security-Server", text, "4")
    return SecurityServerId(*codes)


def read_represented_party(text: str | None) -> RepresentedParty | None:
    """Read ``[class/]code``; an empty header means nobody, as in the reference.

    Raises ``internal_error``.
    """
    if not text:
        return None
    codes = read_codes(text, "X-Road-Represented-Party")
    if len(codes) > 2:
        raise _wrong_count("X-Road-Represented-Party", text, "1 or 2")
    return RepresentedParty(codes[-1], codes[0] if len(codes) == 2 else None)


def _service(path: str) -> tuple[ServiceId, str]:
    parts = path.split("/", 7)
    if len(parts) < 7 or not _PATH.fullmatch(path):
        raise XRoadError(
            "internal_error",
            "The path is not /r1/instance/class/member/subsystem/service[/...], "
            "or has characters no URL can have",
        )
    if parts[1] != "r1":
        raise XRoadError(
            "internal_error", f"Protocol version {parts[1][:32]!r} is not r1"
        )
    service_id = read_service_id("/".join(parts[2:7]), "The service identifier")
    return service_id, f"/{parts[7]}" if len(parts) == 8 else ""


def _client_target(path: bytes, query: bytes | None) -> tuple[str, str | None]:
    try:
        path_text = path.decode("ascii")
        query_text = None if query is None else query.decode("ascii")
    except UnicodeDecodeError:
        raise XRoadError(
            "client.bad_request",
            "The request's path has characters that must be percent-encoded",
        ) from None
    if path_text.startswith("/") and "//" in path_text:
        raise XRoadError("client.bad_request", "The request's path has an empty part")
    if not _CLIENT_PATH.fullmatch(path_text):
        raise XRoadError(
            "client.bad_request",
            "The request's path has characters that must be percent-encoded, "
            "or a % that two hexadecimal digits do not follow",
        )
    return path_text, query_text


def _single_fields(headers: Sequence[tuple[str, str]], *, code: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        if "_" in lower and lower.replace("_", "-") in _SINGLE:
            raise XRoadError(
                code, f"The header {name!r} is read as another one by some services"
            )
        if lower in _SINGLE and fields.setdefault(lower, value) != value:
            raise XRoadError(
                code,
                f"The header {name!r} stands twice with different values",
            )
    return fields


def _wrong_count(what: str, text: str, expected: str) -> XRoadError:
    return XRoadError(
        "internal_error", f"{named(what, text)} does not have {expected} codes"
    )
