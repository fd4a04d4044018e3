"""What the provider's side does alike for REST and SOAP.

Knowing and authenticating the peer, finding the service and the client's right to it,
logging, and the answer with its parts.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from kerege.exchange.http import Request, Response
from kerege.exchange.messagelog import Direction
from kerege.exchange.security_server.asked import Asked
from kerege.exchange.security_server.known_names import warn_of_forbidden_characters
from kerege.exchange.security_server.peers import Peer
from kerege.exchange.security_server.received import ReceivedMessage
from kerege.exchange.security_server.records import Signed, log_record
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.security_server.trace import Trace
from kerege.exchange.storage.server_configuration import Service, ServiceType, Side
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import ClientId


def known_peer(runtime: Runtime, http: Request) -> Peer:
    """Return the other server, if its certificate is registered.

    Raises ``ssl_authentication_failed``.
    """
    if http.ssl_object is None:
        raise XRoadError("ssl_authentication_failed", "The peer did not use TLS")
    peer = runtime.verifiers.peer(http.ssl_object)
    runtime.verifiers.require_known(peer)
    return peer


def authenticate_peer(
    runtime: Runtime, peer: Peer, message: ReceivedMessage, request: Asked
) -> None:
    """Check the peer's certificate for this client.

    The reason's code stays out of the fault's, as in the reference.

    Raises ``ssl_authentication_failed``.
    """
    if not message.ocsp_responses:
        raise XRoadError(
            "ssl_authentication_failed",
            "Cannot verify TLS certificate, corresponding OCSP response is missing",
        )
    try:
        runtime.verifiers.authenticate(
            peer, message.ocsp_responses, request.client_id, runtime.clock()
        )
    except XRoadError as error:
        raise XRoadError("ssl_authentication_failed", error.message) from error


def admit(
    runtime: Runtime, trace: Trace, message: ReceivedMessage, client_id: ClientId
) -> None:
    """Let a client of another server ask as much as it may.

    Raises ``action_not_possible``, ``invalid_message``.
    """
    admission = trace.admission = runtime.limiter.admit(Side.SERVER, client_id)
    if admission is not None:
        message.limit(admission.request)


def require_right(
    runtime: Runtime,
    request: Asked,
    configuration: GlobalConf,
    method: str | None = None,
    path: str | None = None,
) -> Service:
    """Find the service, and the client's right to it.

    Args:
        runtime: The server.
        request: What is asked.
        configuration: The global configuration.
        method: Of a REST request; None for SOAP.
        path: What follows the service code, not decoded; None for SOAP.

    Raises:
        XRoadError: ``unknown_service``, ``service_type`` if the other protocol
            reaches it, ``access_denied``, ``service_disabled``.
    """
    warn_of_forbidden_characters(runtime.names, request)
    rights = runtime.server_configuration()
    service = rights.service(request.service_id)
    if service is None:
        raise XRoadError("unknown_service", f"Unknown service: {request.service_id}")
    is_soap = method is None
    if (service.type is ServiceType.WSDL) != is_soap:
        described, called = ("REST", "SOAP") if is_soap else ("SOAP", "REST")
        raise XRoadError(
            "service_type",
            f"Service is a {described} service and cannot be called using {called} "
            "interface",
        )
    if not rights.is_allowed(
        request.client_id,
        request.service_id,
        method,
        path,
        configuration.is_in_global_group,
    ):
        raise XRoadError(
            "access_denied", f"Request is not allowed: {request.service_id}"
        )
    if service.disabled_notice is not None:
        raise XRoadError(
            "service_disabled",
            f"Service {request.service_id} is disabled: {service.disabled_notice}",
        )
    return service


async def log_message(
    runtime: Runtime, request: Asked, signed: Signed, direction: Direction
) -> None:
    """Return when the message is in the log. Raises ``logging_failed``."""
    now = runtime.clock()
    record = log_record(request, signed, direction, client_side=False, time=now)
    try:
        await runtime.log.write(record)
    except XRoadError as error:
        raise error.with_prefix("logging_failed") from error


async def closing(
    content: AsyncGenerator[bytes, None], *ends: Callable[[], None]
) -> AsyncGenerator[bytes, None]:
    """Yield a streamed answer; then, or when the peer leaves, nothing of it stays."""
    try:
        async with aclosing(content):
            async for chunk in content:
                yield chunk
    finally:
        for end in ends:
            end()


def multipart_answer(
    media_type: str,
    content: bytes | AsyncIterator[bytes],
    *more: tuple[bytes, bytes],
) -> Response:
    """Return the HTTP answer that carries a message; ``more`` are headers."""
    return Response(
        200,
        b"OK",
        [
            (b"Content-Type", media_type.encode("latin-1")),
            (b"x-hash-algorithm", b"SHA-512"),
            *more,
        ],
        content,
    )
