"""Calling the service behind this server: the path that was checked, byte for byte.

Rules (facts sections 3.4 and 23): all headers of the block go on, the body with POST,
PUT and PATCH only; no redirect is followed, no cookie kept, no encoding undone. A
service behind HTTPS must show one of the certificates listed for its client, unless
the service is set to skip that. That is asked for every message: services and clients
of one address share its connections, and what is listed changes.
"""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from kerege.exchange.http import Body, ClientResponse
from kerege.exchange.http.pool import CONNECT_SECONDS
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.spool import Spool
from kerege.exchange.storage.server_configuration import Service
from kerege.xroad.addresses import shown
from kerege.xroad.faults import XRoadError
from kerege.xroad.rest import (
    RestRequest,
    body_reaches_service,
    headers_for_service,
    service_url,
)
from kerege.xroad.x509 import certificate_der

DEFAULT_PORTS = {"http": 80, "https": 443}
BODY_FORBIDDEN = frozenset({204, 304})
"""Statuses whose answers have no entity, so no body part (facts section 23.1)."""


@dataclass(slots=True)
class ServiceAnswer:
    """What the service answered; the body is still under way."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: Body | None
    """None if there is no entity at all; an empty one has a part of its own."""
    _response: ClientResponse
    last_headers: tuple[tuple[str, str], ...] = ()
    """What stands after the headers that the server adds: nothing."""

    def release(self) -> None:
        """Give the connection back, or close it if the body was not read."""
        self._response.release()


async def call_service(
    runtime: Runtime, service: Service, request: RestRequest, body: Spool | None
) -> ServiceAnswer:
    """Call the service for a REST request.

    Raises:
        XRoadError: ``service_missing_url``, ``service_malformed_url``,
            ``ssl_authentication_failed``.
        HttpError: the service cannot be reached, is too slow, or breaks HTTP.
    """
    url = service_address(service)
    content = body if body is not None and body_reaches_service(request) else None
    return await request_service(
        runtime,
        service,
        method=request.method,
        target=_target(service.url, request),
        headers=_headers(request, url, content),
        body=_content(content),
    )


async def request_service(
    runtime: Runtime,
    service: Service,
    *,
    method: str,
    target: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes | AsyncIterator[bytes] | None,
) -> ServiceAnswer:
    """Send a request to a service. Raises as `call_service`."""
    url = service_address(service)
    host = url.hostname or ""
    is_tls = url.scheme == "https"

    def judge(ssl_object: ssl.SSLObject) -> None:
        if service.verify_tls:
            require_listed(runtime, service, ssl_object)

    response = await runtime.pool.request(
        (host, url.port or DEFAULT_PORTS[url.scheme]),
        method=method,
        target=target,
        headers=headers,
        body=body,
        ssl=runtime.keys.service if is_tls else None,
        on_use=judge if is_tls else None,
        connect_timeout=float(service.timeout_seconds or CONNECT_SECONDS),
        read_timeout=float(service.timeout_seconds) or None,
    )
    no_entity = method == "HEAD" or response.status in BODY_FORBIDDEN
    return ServiceAnswer(
        response.status,
        response.reason.decode("latin-1"),
        [(n.decode("latin-1"), v.decode("latin-1")) for n, v in response.headers],
        None if no_entity else response.body,
        response,
    )


def service_address(service: Service) -> SplitResult:
    """Return where the service is, taken apart.

    Raises ``service_missing_url``, ``service_malformed_url``.
    """
    if not service.url:
        raise XRoadError(
            "service_missing_url",
            f"Service address not specified for '{service.service_id}'",
        )
    return _split(service.url)


def host_header(url: SplitResult) -> tuple[bytes, bytes]:
    """Return the Host header for an address."""
    return (b"Host", url.netloc.rpartition("@")[2].encode())


def _headers(
    request: RestRequest, url: SplitResult, body: Spool | None
) -> list[tuple[bytes, bytes]]:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in headers_for_service(request)
    ]
    headers.append(host_header(url))
    if body is not None:
        headers.append((b"Content-Length", str(body.size).encode()))
    return headers


@lru_cache(maxsize=1024)
def _split(url: str) -> SplitResult:
    try:
        split = urlsplit(url)
        _ = split.port
    except ValueError:
        split = None
    if split is None or split.scheme not in DEFAULT_PORTS or not split.hostname:
        raise XRoadError(
            "service_malformed_url",
            "The address of the service is none",
            advice=f"It is {shown(url)[:255]!r}: kerege security-server service change",
        )
    return split


def _target(base: str, request: RestRequest) -> bytes:
    """Return the request target: what follows scheme and host, as it is."""
    url = service_url(base, request)
    start = url.find("/", url.index("//") + 2)
    mark = url.find("?")
    if start < 0 or 0 <= mark < start:
        return b"/" + url[mark:].encode() if mark >= 0 else b"/"
    return url[start:].encode()


def _content(body: Spool | None) -> bytes | AsyncIterator[bytes] | None:
    if body is None:
        return None
    data = body.data
    return body.chunks() if data is None else data


def require_listed(
    runtime: Runtime, service: Service, ssl_object: ssl.SSLObject
) -> None:
    """Judge the certificate that a service shows; it must be one of its client's.

    Raises ``ssl_authentication_failed``.
    """
    provider = service.service_id.client_id
    client = runtime.server_configuration().client(provider)
    listed = client.certificates if client else ()
    shown = runtime.verifiers.peer(ssl_object).certificates
    if not shown or certificate_der(shown[0]) not in listed:
        raise XRoadError(
            "ssl_authentication_failed",
            f"The TLS certificate of service {service.service_id} is not one of those "
            f"registered for {provider}",
            advice="Add the service's certificate to the client, or switch the check "
            "off for this service.",
        )
