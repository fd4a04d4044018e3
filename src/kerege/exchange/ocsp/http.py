"""How an OCSP responder is asked: HTTP POST (RFC 6960, appendix A.1)."""

from collections.abc import Awaitable, Callable

import aiohttp

from kerege.xroad.faults import XRoadError
from kerege.xroad.ocsp import MAX_OCSP_RESPONSE_BYTES

OcspTransport = Callable[[str, bytes], Awaitable[bytes]]
"""Sends a request (DER) to a URL and returns the response (DER), or raises XRoadError
with ``ocsp_connection_error``."""

TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=20, sock_read=30)
"""The reference's 20 s and 30 s; and an end to a responder that drips."""

_HEADERS = {
    "Content-Type": "application/ocsp-request",
    "Accept": "application/ocsp-response",
}


def http_transport(
    session: aiohttp.ClientSession, *, timeout: aiohttp.ClientTimeout = TIMEOUT
) -> OcspTransport:
    """Return a transport that uses ``session``, which stays the caller's."""

    async def ask(url: str, request: bytes) -> bytes:
        try:
            async with session.post(
                url,
                data=request,
                headers=_HEADERS,
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                if answer.status != 200:
                    raise _failed(url, f"status {answer.status}")
                return await _read(url, answer)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _failed(url, f"{type(error).__name__} {error}") from error

    return ask


async def _read(url: str, answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > MAX_OCSP_RESPONSE_BYTES:
            raise _failed(url, f"more than {MAX_OCSP_RESPONSE_BYTES} bytes")
    return bytes(body)


def _failed(url: str, why: str) -> XRoadError:
    return XRoadError(
        "ocsp_connection_error", f"OCSP responder {url} gave no response: {why}"
    )
