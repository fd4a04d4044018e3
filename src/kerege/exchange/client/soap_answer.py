"""SOAP answers: envelope, X-Road header, attachments, and whose a fault is. No network.

A fault of X-Road and one of the service look alike; X-Road's codes begin with the server
that noticed (``Server.ServerProxy.``). A service that invents such a code fools its
clients about nothing but whom to ask.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from kerege.exchange.client.advice import is_x_road_cause, modern_parts
from kerege.exchange.client.errors import (
    NotAnXRoadAnswer,
    ServiceSoapFault,
    XRoadFault,
    fault_of,
)
from kerege.exchange.client.response import Head
from kerege.exchange.client.soap import Attachment, AttachmentFile
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
    """In their order; their content is empty if it went into files."""

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


class SoapAnswerReader:
    """Reads one answer while it comes: feed it with `receive_data`, then `finish`."""

    def __init__(
        self, head: Head, request: bytes, attachment_file: AttachmentFile | None = None
    ) -> None:
        """Begin to read.

        Args:
            head: Status and headers of HTTP.
            request: The envelope that was sent: the answer must be one to it.
            attachment_file: Gives an open file for each attachment's content, by
                Content-ID and Content-Type; without, they are kept in memory.

        Raises:
            NotAnXRoadAnswer: its Content-Type is not one of SOAP.
        """
        self._head = head
        self._request = request
        self._attachment_file = attachment_file
        self._envelope = b""
        self._message: SoapMessage | None = None
        self._fault: RelayedFaultError | None = None
        self._parts: list[tuple[Attachment, bytearray]] = []
        self._keep: Callable[[bytes], object] = lambda _: None
        with self._explained():
            self._reader = SoapReader(head.headers.get("Content-Type", ""))

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes. Raises as `finish`."""
        with self._explained():
            self._take(self._reader.receive_data(data))

    def finish(self) -> SoapResponse:
        """Return the answer.

        Raises:
            XRoadFault: a server on the way refused or failed.
            NotAnXRoadAnswer: it is no SOAP, or not the answer to this request.
        """
        head = self._head
        with self._explained():
            self._take(self._reader.receive_eof())
        fault = self._fault
        if fault and (ours := x_road_fault(fault, head.query_id)) is not None:
            raise ours
        return SoapResponse(
            head.status,
            head.reason,
            head.headers,
            head.query_id,
            self._envelope,
            self._message,
            fault,
            tuple(replace(part, content=bytes(data)) for part, data in self._parts),
        )

    def _take(self, events: list[SoapEvent]) -> None:
        for event in events:
            if isinstance(event, Envelope):
                self._read(event)
            elif self._fault is None and isinstance(event, PartBegan):
                self._begin(event)
            elif self._fault is None and isinstance(event, PartData):
                self._keep(event.data)

    def _read(self, envelope: Envelope) -> None:
        """Judge the envelope before anything of an attachment is kept."""
        self._envelope = envelope.content
        read = soap.read(envelope.content, envelope.content_type)
        if isinstance(read, RelayedFaultError):
            self._fault = read
        else:
            check_request_hash(read, self._request)
            self._message = read

    def _begin(self, began: PartBegan) -> None:
        part, data = _attachment(began), bytearray()
        self._parts.append((part, data))
        self._keep = data.extend
        if self._attachment_file is not None:
            file = self._attachment_file(part.content_id, part.content_type)
            self._keep = file.write

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except XRoadError as error:
            what = f"The answer (HTTP status {self._head.status}) is not one of X-Road"
            raise NotAnXRoadAnswer(
                ": ".join((what, error.message)),
                query_id=self._head.query_id,
                advice=_ADVICE,
            ) from error


def read_soap_answer(head: Head, content: bytes, request: bytes) -> SoapResponse:
    """Read a whole answer. Arguments and errors are those of `SoapAnswerReader`."""
    reader = SoapAnswerReader(head, request)
    reader.receive_data(content)
    return reader.finish()


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


def _attachment(began: PartBegan) -> Attachment:
    kind = find_header(began.headers, "content-type") or ""
    name = (find_header(began.headers, "content-id") or "").strip()
    return Attachment(b"", kind, name.removeprefix("<").removesuffix(">"))
