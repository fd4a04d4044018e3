"""Calling a SOAP service: the verified message, byte for byte, at the service's address.

Rules (`ServerMessageProcessor.DefaultServiceHandlerImpl`, `AbstractHttpSender`): a POST
with the SOAPAction that the client sent, empty if it sent none, and an empty
accept-encoding. Statuses 200 and 500 carry a message or a fault, others are
``http_error``; a missing Content-Type is ``invalid_content_type``. What goes wrong here
is ``service_failed``, but for an address that is no address.
"""

from kerege.exchange.security_server.built_in import BuiltInAnswer
from kerege.exchange.security_server.failures import as_fault
from kerege.exchange.security_server.received import ReceivedMessage
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.security_server.service_call import (
    ServiceAnswer,
    host_header,
    request_service,
    service_address,
)
from kerege.exchange.security_server.soap.forward import forwarded
from kerege.exchange.storage.server_configuration import Service
from kerege.xroad.faults import XRoadError
from kerege.xroad.transport import require_root

ANSWER_STATUSES = (200, 500)
"""With these the body decides (Basic Profile 1.1, R1126)."""
SERVICE_FAILED = "service_failed"


async def call_soap_service(
    runtime: Runtime,
    service: Service,
    message: ReceivedMessage,
    original_content_type: str,
    soap_action: str | None,
) -> ServiceAnswer:
    """Call the service; its answer has a Content-Type and is still under way.

    Raises:
        XRoadError: ``invalid_message`` if the service would read another envelope,
            ``service_missing_url``, ``service_malformed_url``, or a reason below
            ``service_failed``.
    """
    url = service_address(service)
    request = forwarded(message, original_content_type)
    require_root(request.content_type, message.content, message.headers)
    headers = [
        (b"SOAPAction", (soap_action or "").encode("latin-1")),
        (b"accept-encoding", b""),
        (b"Content-Type", request.content_type.encode("latin-1")),
        (b"Content-Length", str(request.size).encode()),
        host_header(url),
    ]
    target = url.path or "/"
    if url.query:
        target = f"{target}?{url.query}"
    try:
        answer = await request_service(
            runtime,
            service,
            method="POST",
            target=target.encode(),
            headers=headers,
            body=request.content(),
        )
    except Exception as error:
        raise as_fault(error).with_prefix(SERVICE_FAILED) from error
    try:
        _require_message(answer)
    except XRoadError as error:
        answer.release()
        raise error.with_prefix(SERVICE_FAILED) from error
    return answer


def content_type_of(answer: ServiceAnswer | BuiltInAnswer) -> str:
    """Return the Content-Type of an answer; empty if it has none."""
    found = [value for name, value in answer.headers if name.lower() == "content-type"]
    return found[0] if found else ""


def _require_message(answer: ServiceAnswer) -> None:
    if answer.status not in ANSWER_STATUSES:
        raise XRoadError("http_error", f"The service answered HTTP {answer.status}")
    if not content_type_of(answer):
        raise XRoadError(
            "invalid_content_type", "The service's answer has no Content-Type"
        )
