"""Fetching what is small from an URL: OCSP responses, time-stamps, configuration.

Over the HTTP layer of the message path, which a server has loaded anyway: a general
client library would be a tenth of a worker's memory. Everything has a bound: size, time
as a whole, time to connect, silence, redirects.
"""

import asyncio
import base64
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from kerege.exchange.http import (
    BodyTooLarge,
    ClientPool,
    ClientResponse,
    ConnectFailed,
    HttpError,
    OnUse,
    TimedOut,
)
from kerege.xroad.addresses import shown

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PATH = "/%:@!$&'()*+,;=~-._"
_QUERY = _PATH + "?"
"""Characters of an URL that stay as they are; blanks and the like are encoded."""
_PORTS = {"http": 80, "https": 443}


class FetchFailed(Exception):  # noqa: N818 - says what happened, as in http.errors
    """Nothing usable was fetched; the text says why."""


class TookTooLong(FetchFailed):
    """It took longer than it may."""


class WrongUrl(FetchFailed):
    """That is no address that can be fetched from."""


class AnswerTooLong(FetchFailed):
    """The answer has more bytes than it may."""


class Patience(NamedTuple):
    """How long is waited for what, in seconds."""

    total: float
    connect: float = 20.0
    silence: float = 30.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer."""

    status: int
    reason: str
    content_type: str
    body: bytes
    location: str = ""
    """Where a redirect that was not followed leads to."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """One request."""

    url: str
    limit: int
    """Most bytes of the answer's body."""
    patience: Patience
    method: str = "GET"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    context: ssl.SSLContext | None = None
    """How https servers are judged; by default by the system's list of CAs."""
    redirects: int = 0
    """How many are followed, by asking again with GET."""
    on_use: OnUse | None = None
    """Judges an https server before it is sent anything."""


async def fetch(pool: ClientPool, wanted: Fetch) -> Fetched:
    """Return the answer, whatever its status.

    Raises `FetchFailed`.
    """
    try:
        async with asyncio.timeout(wanted.patience.total):
            return await _follow(pool, wanted)
    except (TimeoutError, TimedOut) as error:
        raise TookTooLong("it takes too long") from error
    except BodyTooLarge as error:
        msg = f"the answer is longer than {wanted.limit} bytes"
        raise AnswerTooLong(msg) from error
    except ConnectFailed as error:
        if error.why == "timeout":
            raise TookTooLong(str(error)) from error
        raise FetchFailed(str(error)) from error
    except (HttpError, OSError) as error:
        raise FetchFailed(str(error) or type(error).__name__) from error


async def _follow(pool: ClientPool, wanted: Fetch) -> Fetched:
    url, method, body = wanted.url, wanted.method, wanted.body
    for left in range(wanted.redirects, -1, -1):
        async with await _ask(pool, wanted, url, method, body) as response:
            location = response.header(b"location")
            is_redirect = response.status in REDIRECTS and location is not None
            if not is_redirect or not wanted.redirects:
                return await _read(response, wanted.limit)
            if not left:
                break
            url = redirected(url, (location or b"").decode("latin-1"))
            method, body = "GET", None
    msg = f"more than {wanted.redirects} redirects"
    raise FetchFailed(msg)


def redirected(url: str, location: str) -> str:
    """Return where a redirect leads: on the same server, or from http to https there.

    Whoever can answer once, and on http that is anybody on the way, must not choose
    whom this machine asks next, nor take a secret way from it. (The reference's client
    follows redirects to other hosts, but to no other scheme.)

    Raises `FetchFailed` for another server.
    """
    try:
        target = urljoin(url, location)
        before, after = _origin(url), _origin(target)
    except ValueError:
        before, after, target = ("", "", None), ("", None, None), ""
    is_secured = (before[0], after[0]) == ("http", "https") and before[1] == after[1]
    if before != after and not is_secured:
        raise FetchFailed(
            "it is redirected to another server, or from https to http, which is not "
            "followed"
        )
    return target


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port. Raises ValueError."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


async def _ask(
    pool: ClientPool, wanted: Fetch, url: str, method: str, body: bytes | None
) -> ClientResponse:
    parts = _split(url)
    context = None
    if parts.scheme == "https":
        context = wanted.context or _system_context()
    headers = [(n.encode(), v.encode("latin-1")) for n, v in wanted.headers]
    try:
        return await pool.request(
            (_host(parts), parts.port or _PORTS[parts.scheme]),
            method=method,
            target=_target(parts),
            headers=[*headers, *_authorization(parts)],
            body=body,
            ssl=context,
            on_use=wanted.on_use,
            connect_timeout=wanted.patience.connect,
            read_timeout=wanted.patience.silence,
        )
    except ValueError as error:
        msg = f"{shown(url)[:255]!r}: {error}"
        raise WrongUrl(msg) from error


async def _read(response: ClientResponse, limit: int) -> Fetched:
    return Fetched(
        response.status,
        response.reason.decode("latin-1"),
        (response.header(b"content-type") or b"").decode("latin-1"),
        await response.body.read_all(limit),
        (response.header(b"location") or b"").decode("latin-1"),
    )


@cache
def _system_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        msg = f"{shown(url)[:255]!r}: {error}"
        raise WrongUrl(msg) from error
    if parts.scheme not in _PORTS or not parts.hostname:
        msg = f"{shown(url)[:255]!r} is no http or https address"
        raise WrongUrl(msg)
    return parts


def _host(parts: SplitResult) -> str:
    """Return the name as DNS knows it; raises `ValueError` if it can be none."""
    host = parts.hostname or ""
    return host if ":" in host else host.encode("idna").decode("ascii")


def _target(parts: SplitResult) -> bytes:
    path = quote(parts.path or "/", safe=_PATH)
    query = quote(parts.query, safe=_QUERY)
    return (f"{path}?{query}" if query else path).encode("ascii")


def _authorization(parts: SplitResult) -> list[tuple[bytes, bytes]]:
    """Return the header for a user and a password that stand in the address."""
    if parts.username is None:
        return []
    both = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return [(b"Authorization", b"Basic " + base64.b64encode(both.encode()))]
