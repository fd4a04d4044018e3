"""Fetching over HTTP, with a bound on everything. Source: facts section 21."""

import ssl
from dataclasses import dataclass
from typing import Protocol

from kerege.exchange.fetching import Fetch, FetchFailed, Patience, TookTooLong, fetch
from kerege.exchange.http import ClientPool
from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError

MIN_BYTES_PER_SECOND = 175_000
"""Slowest line that is waited for, 1.4 Mbit/s: a server that drips must not keep us
from kerege.xroad.addresses import shown
from asking the others until what we have expires."""
MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes


class Fetcher(Protocol):
    """The way to the central server. Tests have one from memory."""

    async def get(self, url: str, *, limit: int) -> Answer:
        """Fetch a URL, reading at most ``limit`` bytes.

        Raises ``global_conf_download_url_connection_failure``.
        """
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


@dataclass(frozen=True, slots=True)
class FetcherSettings:
    """Parameters ``configuration-client.*`` of the reference."""

    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 30.0
    """Longest silence."""
    verify_tls_certificate: bool = True
    """False trusts any TLS certificate; the configuration is signed anyway."""
    verify_host_name: bool = True

    def ssl_context(self) -> ssl.SSLContext:
        """Return how https servers are judged."""
        context = ssl.create_default_context()
        context.check_hostname = self.verify_host_name and self.verify_tls_certificate
        if not self.verify_tls_certificate:
            context.verify_mode = ssl.CERT_NONE
        return context

    def patience(self, limit: int) -> Patience:
        """Return how long is waited for what, if at most ``limit`` bytes are read."""
        silence = self.connect_timeout_seconds + self.read_timeout_seconds
        return Patience(
            total=silence + limit / MIN_BYTES_PER_SECOND,
            connect=self.connect_timeout_seconds,
            silence=self.read_timeout_seconds,
        )


class HttpFetcher:
    """Fetches over HTTP; one pool of connections until it is closed."""

    def __init__(self, settings: FetcherSettings | None = None) -> None:
        self._settings = settings or FetcherSettings()
        self._context: ssl.SSLContext | None = None
        self._pool: ClientPool | None = None

    async def get(self, url: str, *, limit: int) -> Answer:
        """Fetch a URL; see `Fetcher.get`."""
        try:
            answer = await fetch(self._open(), self._wanted(url, limit))
        except TookTooLong:
            raise _failure(url, "the server takes too long") from None
        except FetchFailed as error:
            raise _failure(url, str(error)) from error
        return Answer(answer.status, answer.body)

    async def aclose(self) -> None:
        """Close the connections; the next `get` opens new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    def _wanted(self, url: str, limit: int) -> Fetch:
        if url.startswith("https:") and self._context is None:
            self._context = self._settings.ssl_context()
        return Fetch(
            url,
            limit,
            self._settings.patience(limit),
            headers=(("Accept-Encoding", "identity"),),
            context=self._context,
            redirects=MAX_REDIRECTS,
        )

    def _open(self) -> ClientPool:
        if self._pool is None:
            self._pool = ClientPool()
        return self._pool


def _failure(url: str, reason: str) -> XRoadError:
    return XRoadError(
        "global_conf_download_url_connection_failure",
        f"Failed to connect to the download url {shown(url)[:255]}: {reason[:500]}",
    )
