"""Fetching over HTTP, with a bound on everything. Source: facts section 21."""

import ssl
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from kerege.xroad.faults import XRoadError

MIN_BYTES_PER_SECOND = 175_000
"""Slowest line that is waited for, 1.4 Mbit/s: a server that drips must not keep us
from asking the others until what we have expires."""
MAX_REDIRECTS = 5
CHUNK_BYTES = 64 * 1024


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

    def timeout(self, limit: int) -> aiohttp.ClientTimeout:
        """Return how long is waited for what, if at most ``limit`` bytes are read."""
        silence = self.connect_timeout_seconds + self.read_timeout_seconds
        return aiohttp.ClientTimeout(
            total=silence + limit / MIN_BYTES_PER_SECOND,
            sock_connect=self.connect_timeout_seconds,
            sock_read=self.read_timeout_seconds,
        )


class HttpFetcher:
    """Fetches with aiohttp; one connection pool until it is closed."""

    def __init__(self, settings: FetcherSettings | None = None) -> None:
        self._settings = settings or FetcherSettings()
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, *, limit: int) -> Answer:
        """Fetch a URL; see `Fetcher.get`."""
        if not url.startswith(("http://", "https://")):
            raise _failure(url, "it is neither http nor https")
        try:
            async with self._open().get(
                url,
                max_redirects=MAX_REDIRECTS,
                timeout=self._settings.timeout(limit),
            ) as response:
                body = await _read(response, limit)
        except TimeoutError:
            raise _failure(url, "the server takes too long") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failure(url, str(error) or type(error).__name__) from error
        if body is None:
            raise _failure(url, f"the answer is longer than {limit} bytes")
        return Answer(response.status, body)

    async def aclose(self) -> None:
        """Close the connections; the next `get` opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._settings.ssl_context()),
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """Read the body; None if it is longer than ``limit``."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _failure(url: str, reason: str) -> XRoadError:
    return XRoadError(
        "global_conf_download_url_connection_failure",
        f"Failed to connect to the download url {url[:255]}: {reason[:500]}",
    )
