"""SOAP answers: envelope, X-Road header, attachments, and whose a fault is. No network.

A fault of X-Road and one of the service look alike; X-Road's codes begin with the server
that noticed (``Server.ServerProxy.``). A service that invents such a code fools its
clients about nothing but whom to ask.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kerege.exchange.client.advice import is_x_road_cause, modern_parts
from kerege.exchange.client.errors import (
    NotAnXRoadAnswer,
    ServiceSoapFault,
    XRoadFault,
    fault_of,
)
from kerege.exchange.client.response import Head
from kerege.exchange.client.soap import Attachment
from kerege.xroad import soap
from kerege.xroad.faults import RelayedFaultError, XRoadError
from kerege.xroad.soap import SoapMessage, check_request_hash
from kerege.xroad.transport import (
    Envelope,
    PartBegan,
    PartData,
    SoapEvent,
    SoapReader,
    find_header,
)

_SERVERS = ("clientproxy", "serverproxy")
_ADVICE = (
    "Is the address that of a Security Server's client port, and is the answer SOAP?"
)


@dataclass(frozen=True, slots=True)
class SoapResponse(Head):
    """An answer that both Security Servers have signed, checked and logged."""

    status: int
    reason: str
    headers: Mapping[str, str] = field(repr=False)
    query_id: str
    envelope: bytes = field(repr=False)
    """The SOAP envelope as received."""
    message: SoapMessage | None = None
    """Its X-Road header; None if the service answered with a fault."""
    fault: RelayedFaultError | None = None
    """The service's own fault. Faults of X-Road are raised."""
    attachments: tuple[Attachment, ...] = ()

    @property
    def is_success(self) -> bool:
        """Whether the service answered with something else than a fault."""
        return self.fault is None

    def raise_for_status(self) -> None:
        """Raise `ServiceSoapFault` if the service answered with a fault."""
        if self.fault is not None:
            fault = self.fault
            raise ServiceSoapFault(
                fault.code, fault.message, detail=fault.detail, query_id=self.query_id
            )


def x_road_fault(fault: RelayedFaultError, query_id: str) -> XRoadFault | None:
    """Return a fault of a Security Server as our error; None for a service's own."""
    code = fault.code.rpartition(":")[2]
    noticed, *causes = modern_parts(code)
    is_of_a_server = noticed == "server" and causes[:1] and causes[0] in _SERVERS
    is_of_ours = noticed == "client" and any(map(is_x_road_cause, causes))
    if not is_of_a_server and not is_of_ours:
        return None
    return fault_of(code, fault.message, detail=fault.detail, query_id=query_id)


def read_soap_answer(head: Head, content: bytes, request: bytes) -> SoapResponse:
    """Read an answer.

    Args:
        head: Status and headers of HTTP.
        content: The whole body.
        request: The envelope that was sent: the answer must be one to it.

    Raises:
        XRoadFault: a server on the way refused or failed.
        NotAnXRoadAnswer: it is no SOAP, or not the answer to this request.
    """
    query_id = head.query_id
    try:
        reader = SoapReader(head.headers.get("Content-Type", ""))
        events = reader.receive_data(content) + reader.receive_eof()
        message, fault, envelope, attachments = _collected(events)
        if message is not None:
            check_request_hash(message, request)
    except XRoadError as error:
        what = f"The answer (HTTP status {head.status}) is not one of X-Road"
        raise NotAnXRoadAnswer(
            ": ".join((what, error.message)),
            query_id=query_id,
            advice=_ADVICE,
        ) from error
    if fault is not None and (ours := x_road_fault(fault, query_id)) is not None:
        raise ours
    return SoapResponse(
        head.status,
        head.reason,
        head.headers,
        query_id,
        envelope,
        message,
        fault,
        attachments,
    )


def wsdl_of(answer: SoapResponse) -> bytes:
    """Return the WSDL in an answer to getWsdl.

    Raises `ServiceSoapFault` for a fault, `NotAnXRoadAnswer` if there is none.
    """
    answer.raise_for_status()
    if not answer.attachments:
        raise NotAnXRoadAnswer(
            "The answer to getWsdl has no attachment",
            query_id=answer.query_id,
            advice="Ask the provider's operator: its server must attach the WSDL",
        )
    content = answer.attachments[0].content
    return content if isinstance(content, bytes) else b""


def _collected(
    events: list[SoapEvent],
) -> tuple[SoapMessage | None, RelayedFaultError | None, bytes, tuple[Attachment, ...]]:
    message, fault, envelope = None, None, b""
    parts: list[tuple[PartBegan, bytearray]] = []
    for event in events:
        if isinstance(event, Envelope):
            envelope = event.content
            read = soap.read(envelope, event.content_type)
            if isinstance(read, RelayedFaultError):
                fault = read
            else:
                message = read
        elif isinstance(event, PartBegan):
            parts.append((event, bytearray()))
        elif isinstance(event, PartData):
            parts[-1][1].extend(event.data)
    attachments = tuple(_attachment(began, bytes(data)) for began, data in parts)
    return message, fault, envelope, () if fault is not None else attachments


def _attachment(began: PartBegan, content: bytes) -> Attachment:
    kind = find_header(began.headers, "content-type") or ""
    name = (find_header(began.headers, "content-id") or "").strip()
    return Attachment(content, kind, name.removeprefix("<").removesuffix(">"))
