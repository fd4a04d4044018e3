"""Asking time-stamping authorities: one after the other, until one answers.

Rules (X-Road 7.8 source, `AbstractTimestampRequest.java`, `TimestamperUtil.java`):

* ``POST`` with ``application/timestamp-query``; only HTTP 200 counts.
* The authorities are asked in order; the first good token wins. If none gives one,
  that is ``timestamping_failed``, and each has its own reason in `statuses`.
* The token must stamp what was asked, and be signed by an approved authority.

Our additions: an answer is bounded, redirects are not followed, a password in an
address is never shown.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

import structlog
from cryptography import x509

from kerege.exchange.fetching import (
    AnswerTooLong,
    Fetch,
    Fetched,
    FetchFailed,
    Patience,
    TookTooLong,
    WrongUrl,
    fetch,
)
from kerege.exchange.http import ClientPool
from kerege.xroad.addresses import shown
from kerege.xroad.algorithms import SHA512, Digest
from kerege.xroad.faults import XRoadError
from kerege.xroad.timestamp import read_timestamp_response, timestamp_request

CONNECT_TIMEOUT_SECONDS = 20.0
"""As in the reference."""
READ_TIMEOUT_SECONDS = 60.0
"""As in the reference."""
TOTAL_TIMEOUT_SECONDS = 120.0
"""Against an authority that sends a byte a minute."""
MAX_RESPONSE_BYTES = 256 * 1024
"""A token with a chain of certificates has about 10 KB."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TimestampingStatus:
    """How the last request to one authority went."""

    time: datetime
    error: XRoadError | None
    """None: it gave a time-stamp."""


class TimestampClient:
    """Gets time-stamps over HTTP; a `Timestamper`.

    Args:
        urls: The authorities to ask, in order; asked for at each time-stamp.
        certificates: The approved authorities' certificates. May raise, for example
            ``global_conf_outdated``: then there is no time-stamp.
        digest: Of the data to stamp.
        connect_seconds: Longest wait for a connection.
        read_seconds: Longest wait for the next bytes of an answer.
    """

    def __init__(
        self,
        urls: Callable[[], Sequence[str]],
        certificates: Callable[[], Sequence[x509.Certificate]],
        *,
        digest: Digest = SHA512,
        connect_seconds: float = CONNECT_TIMEOUT_SECONDS,
        read_seconds: float = READ_TIMEOUT_SECONDS,
    ) -> None:
        self._urls = urls
        self._certificates = certificates
        self._digest = digest
        self._patience = Patience(TOTAL_TIMEOUT_SECONDS, connect_seconds, read_seconds)
        self._pool: ClientPool | None = None
        self._statuses: dict[str, TimestampingStatus] = {}

    @property
    def is_configured(self) -> bool:
        """Whether there is any authority to ask."""
        return bool(self._urls())

    @property
    def statuses(self) -> Mapping[str, TimestampingStatus]:
        """How the last request to each authority went, by address."""
        return MappingProxyType(self._statuses)

    async def stamp(self, data: bytes) -> bytes:
        """Return a time-stamp token over ``data``, DER, with its TSA certificate.

        Raises:
            XRoadError: ``mlog.no_timestamping_provider_found``,
                ``timestamping_failed``, or what asking for the certificates raised.
        """
        urls = self._urls()
        if not urls:
            raise no_timestamping_provider()
        certificates = self._certificates()
        imprint = self._digest.of(data)
        request = timestamp_request(imprint, self._digest)
        reasons = []
        for url in urls:
            try:
                response = await self._post(url, request)
                token = read_timestamp_response(response, certificates, imprint=imprint)
            except XRoadError as error:
                _log.error("time-stamping failed", url=shown(url), code=error.code)
                self._note(url, error)
                reasons.append(f"{shown(url)}: {error}")
                continue
            self._note(url, None)
            return token
        raise XRoadError(
            "timestamping_failed",
            "Failed to get time stamp from any time-stamping providers",
            advice="; ".join(reasons),
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def _note(self, url: str, error: XRoadError | None) -> None:
        for gone in self._statuses.keys() - set(self._urls()):
            del self._statuses[gone]
        self._statuses[url] = TimestampingStatus(datetime.now(UTC), error)

    async def _post(self, url: str, request: bytes) -> bytes:
        answer = await self._ask(url, request)
        if answer.status != 200:
            raise XRoadError(
                "mlog.timestamping_non_ok_response",
                f"Received HTTP error {answer.status} - {answer.reason} from {shown(url)}",
            )
        return answer.body

    async def _ask(self, url: str, request: bytes) -> Fetched:
        if self._pool is None:
            self._pool = ClientPool()
        wanted = Fetch(
            url,
            MAX_RESPONSE_BYTES,
            self._patience,
            method="POST",
            headers=(("Content-Type", "application/timestamp-query"),),
            body=request,
        )
        try:
            return await fetch(self._pool, wanted)
        except TookTooLong as error:
            raise XRoadError(
                "mlog.timestamp_request_timed_out",
                f"The time-stamping authority {shown(url)} did not answer in time",
            ) from error
        except WrongUrl as error:
            raise XRoadError(
                "mlog.malformed_timestamp_server_url",
                f"{shown(url)!r} is not the address of a time-stamping authority",
                advice="Correct the address in the time-stamping services.",
            ) from error
        except AnswerTooLong as error:
            raise XRoadError(
                "mlog.reading_timestamp_response_failed",
                f"The response of {shown(url)} has more than {MAX_RESPONSE_BYTES} bytes",
            ) from error
        except FetchFailed as error:
            raise XRoadError(
                "mlog.timestamp_provider_connection_failed",
                f"Could not get response from {shown(url)}: {error}",
            ) from error


def no_timestamping_provider() -> XRoadError:
    """Return the fault for a server that has no time-stamping service."""
    return XRoadError(
        "mlog.no_timestamping_provider_found",
        "Cannot time-stamp messages: no timestamping services configured",
        advice="Add one of the time-stamping services of the global configuration.",
    )
