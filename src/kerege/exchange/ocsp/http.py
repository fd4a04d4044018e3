"""How an OCSP responder is asked: HTTP POST (RFC 6960, appendix A.1)."""

from collections.abc import Awaitable, Callable

from kerege.exchange.fetching import Fetch, FetchFailed, Patience, fetch
from kerege.exchange.http import ClientPool
from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError
from kerege.xroad.ocsp import MAX_OCSP_RESPONSE_BYTES

OcspTransport = Callable[[str, bytes], Awaitable[bytes]]
"""Sends a request (DER) to a URL and returns the response (DER), or raises XRoadError
with ``ocsp_connection_error``."""

PATIENCE = Patience(total=60, connect=20, silence=30)
"""The reference's 20 s and 30 s; and an end to a responder that drips."""

_HEADERS = (
    ("Content-Type", "application/ocsp-request"),
    ("Accept", "application/ocsp-response"),
)


def http_transport(pool: ClientPool, *, patience: Patience = PATIENCE) -> OcspTransport:
    """Return a transport that uses ``pool``, which stays the caller's."""

    async def ask(url: str, request: bytes) -> bytes:
        wanted = Fetch(
            url,
            MAX_OCSP_RESPONSE_BYTES,
            patience,
            method="POST",
            headers=_HEADERS,
            body=request,
        )
        try:
            answer = await fetch(pool, wanted)
        except FetchFailed as error:
            raise _failed(url, str(error)) from error
        if answer.status != 200:
            raise _failed(url, f"status {answer.status}")
        return answer.body

    return ask


def _failed(url: str, why: str) -> XRoadError:
    return XRoadError(
        "ocsp_connection_error", f"OCSP responder {shown(url)} gave no response: {why}"
    )
