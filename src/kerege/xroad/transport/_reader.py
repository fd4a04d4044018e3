"""Read a message of the transport protocol: bytes in, checked parts out.

The order of parts is in `_state`; this file collects their content within bounds.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kerege.xroad import soap
from kerege.xroad.faults import RelayedFaultError, XRoadError
from kerege.xroad.rest import MAX_BLOCK_BYTES
from kerege.xroad.soap import MAX_FAULT_BYTES, MAX_SOAP_BYTES
from kerege.xroad.transport._content_type import media_type, parameter
from kerege.xroad.transport._events import (
    AttachmentBegan,
    AttachmentEnded,
    BodyData,
    Event,
    Fault,
    HashChain,
    HashChainResult,
    Message,
    MessageKind,
    OcspResponse,
    Signature,
)
from kerege.xroad.transport._multipart import (
    Headers,
    MultipartParser,
    PartBegan,
    PartData,
    PartEnded,
    find_header,
)
from kerege.xroad.transport._state import KINDS, TRANSITIONS, PartKind, State

MAX_OCSP_RESPONSES = 10
"""One per certificate of a chain without its root."""
MAX_OCSP_BYTES = 64 * 1024
"""A response with its responder's certificate has about 2 KB."""
MAX_HASH_CHAIN_BYTES = 1024 * 1024
"""Lists a message's attachments; the steps grow with the logarithm of the batch."""
MAX_SIGNATURE_BYTES = 1024 * 1024
"""About 10 KB, more where every attachment has a reference of its own."""
MAX_TOP_LEVEL_PARTS = MAX_OCSP_RESPONSES + 8
"""OCSP responses, message, body, hash chain result, hash chain, signature; slack
so that one part too many is named by what it is."""

_LIMITS = {
    PartKind.OCSP_RESPONSE: MAX_OCSP_BYTES,
    PartKind.REST_REQUEST: MAX_BLOCK_BYTES,
    PartKind.REST_RESPONSE: MAX_BLOCK_BYTES,
    PartKind.HASH_CHAIN_RESULT: MAX_HASH_CHAIN_BYTES,
    PartKind.HASH_CHAIN: MAX_HASH_CHAIN_BYTES,
    PartKind.SIGNATURE: MAX_SIGNATURE_BYTES,
}
_REST = frozenset({MessageKind.REST_REQUEST, MessageKind.REST_RESPONSE})
_XML = frozenset({PartKind.XML, PartKind.XOP})
_STREAMED = frozenset({PartKind.REST_BODY, PartKind.ATTACHMENTS})
_MESSAGE_KINDS = {
    PartKind.REST_REQUEST: MessageKind.REST_REQUEST,
    PartKind.REST_RESPONSE: MessageKind.REST_RESPONSE,
    PartKind.XML: MessageKind.SOAP,
    PartKind.XOP: MessageKind.SOAP,
}


# Members as globals: looking one up in its class costs 140 ns, ten times a part.
_EXPECT_MESSAGE, _COMPLETE = State.EXPECT_MESSAGE, State.COMPLETE
_REST_BODY, _ATTACHMENTS = PartKind.REST_BODY, PartKind.ATTACHMENTS
_OCSP = PartKind.OCSP_RESPONSE


@dataclass(slots=True)
class _Part:
    """The part that is being read, or was last."""

    kind: PartKind
    headers: Headers
    place: State
    chunks: list[bytes]
    size: int = 0


class MessageReader:
    """Read one message of the transport protocol.

    Args:
        content_type: The Content-Type of the HTTP message.
        expects: The kind of message that makes sense here; None for any.
        allow_bare_fault: Whether a lone ``text/xml`` fault may come instead of a
            multipart. A provider's server never accepts one.
        max_body_bytes: Bound for the REST body, or all attachments together.

    Raises:
        XRoadError: ``invalid_content_type``.
    """

    def __init__(
        self,
        content_type: str,
        *,
        expects: MessageKind | None = None,
        allow_bare_fault: bool = True,
        max_body_bytes: int | None = None,
    ) -> None:
        self._expects = expects
        self._max_body_bytes = max_body_bytes
        self._max_xml_bytes = MAX_FAULT_BYTES if expects in _REST else MAX_SOAP_BYTES
        self._state = State.EXPECT_MESSAGE
        self._part = _Part(_OCSP, (), _EXPECT_MESSAGE, [])  # until one begins
        self._parser: MultipartParser | None = None
        self._nested: MultipartParser | None = None
        self._bare: list[bytes] = []
        self._size = 0
        self._attachments = 0
        self._ocsp_responses = 0
        self._fault_seen = False
        base = media_type(content_type)
        if base == PartKind.ATTACHMENTS.value:
            self._parser = MultipartParser(
                boundary_of(content_type), max_parts=MAX_TOP_LEVEL_PARTS
            )
        elif not (base == PartKind.XML.value and allow_bare_fault):
            raise XRoadError(
                "invalid_content_type",
                f"Expected multipart/mixed, got Content-Type {content_type[:255]!r}",
                quotes=repr(content_type[:255]),
            )

    @property
    def envelope_bytes(self) -> int:
        """How much of an envelope is collected; it is read as soon as it is whole."""
        part = self._part
        return part.size if part.kind in _XML else 0

    def receive_data(self, data: bytes) -> list[Event]:
        """Take the next bytes and return the events that they complete.

        Raises:
            XRoadError: ``invalid_content_type`` for a part that may not stand here,
                ``invalid_message`` for one after the end and for parts that are too
                large, ``io_error`` for OCSP responses that are not DER,
                ``mime_parsing_failed``, ``missing_rest`` or ``missing_soap`` for the
                other kind of message, codes of SOAP messages. The reader is of no
                use afterwards.
        """
        if self._parser is None:
            self._collect_bare(data)
            return []
        events: list[Event] = []
        for event in self._parser.receive_data(data):
            # A match statement takes five times as long.
            if isinstance(event, PartData):
                self._part_data(event.data, events)
            elif isinstance(event, PartBegan):
                self._part_began(event.headers, events)
            elif isinstance(event, PartEnded):
                self._part_ended(events)
        return events

    def receive_eof(self) -> list[Event]:
        """Say that no more bytes come, and return the last events.

        Raises:
            XRoadError: ``mime_parsing_failed`` if the multipart is not complete,
                ``missing_rest``, ``missing_soap`` or ``missing_signature`` if a
                part is; see also `receive_data`.
        """
        if self._parser is None:
            return [self._bare_fault()]
        if self._state is _EXPECT_MESSAGE and not self._ocsp_responses:
            raise self._no_message(how="has no part")
        self._parser.receive_eof()
        if self._fault_seen or self._state is _COMPLETE:
            return []
        if self._state is _EXPECT_MESSAGE:
            raise self._no_message(how="has no message part")
        raise XRoadError("missing_signature", "The message has no signature part")

    def _part_began(self, headers: Headers, events: list[Event]) -> None:
        content_type = find_header(headers, "content-type") or ""
        kind = KINDS.get(content_type) or KINDS.get(media_type(content_type))
        place = self._state
        following = None if kind is None else TRANSITIONS[place].get(kind)
        if kind is None or following is None:
            raise _unexpected(place, content_type)
        self._state = following
        self._part = _Part(kind, headers, place, [])
        if kind is _REST_BODY:
            self._attachments = 1
            events.append(AttachmentBegan("/attachment1", headers))
        elif kind is _ATTACHMENTS:
            self._nested = MultipartParser(boundary_of(content_type))
        elif kind is _OCSP:
            self._count_ocsp_response()

    def _part_data(self, data: bytes, events: list[Event]) -> None:
        part = self._part
        part.size += len(data)
        if part.kind not in _STREAMED:
            is_xml = part.kind in _XML
            most = self._max_xml_bytes if is_xml else _LIMITS[part.kind]
            if part.size > most:
                raise XRoadError(
                    "invalid_message",
                    f"The part {part.kind.value} is larger than {most} bytes",
                )
            part.chunks.append(data)
        elif self._nested is None:
            self._body_data(data, events)
        else:
            self._nested_data(self._nested, data, events)

    def _body_data(self, data: bytes, events: list[Event]) -> None:
        self._size += len(data)
        if self._max_body_bytes is not None and self._size > self._max_body_bytes:
            raise XRoadError(
                "invalid_message",
                f"The message's body is larger than {self._max_body_bytes} bytes",
                advice="The limit is a setting of this server.",
            )
        events.append(BodyData(data))

    def _nested_data(
        self, nested: MultipartParser, data: bytes, events: list[Event]
    ) -> None:
        for event in nested.receive_data(data):
            match event:
                case PartData(piece):
                    self._body_data(piece, events)
                case PartBegan(headers):
                    self._attachments += 1
                    name = f"/attachment{self._attachments}"
                    events.append(AttachmentBegan(name, headers))
                case PartEnded():
                    events.append(AttachmentEnded(f"/attachment{self._attachments}"))
                case _:
                    pass

    def _part_ended(self, events: list[Event]) -> None:
        part = self._part
        if part.kind is _REST_BODY:
            events.append(AttachmentEnded("/attachment1"))
        elif self._nested is not None:
            self._nested.receive_eof()
            self._nested = None
        else:
            event = _COLLECTED[part.kind](part, b"".join(part.chunks))
            self._fault_seen = self._fault_seen or isinstance(event, Fault)
            if isinstance(event, Message):
                self._require_expected(event.kind)
            events.append(event)

    def _count_ocsp_response(self) -> None:
        self._ocsp_responses += 1
        if self._ocsp_responses > MAX_OCSP_RESPONSES:
            raise XRoadError(
                "invalid_message",
                f"The message has more than {MAX_OCSP_RESPONSES} OCSP responses",
            )

    def _require_expected(self, kind: MessageKind) -> None:
        if self._expects not in (None, kind):
            raise self._no_message(
                how=f"has a {kind.value} message where another kind must be"
            )

    def _no_message(self, *, how: str) -> XRoadError:
        soap_expected = self._expects in (None, MessageKind.SOAP)
        code = "missing_soap" if soap_expected else "missing_rest"
        return XRoadError(code, f"The multipart {how}")

    def _collect_bare(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_FAULT_BYTES:
            raise XRoadError(
                "invalid_message", f"A fault is larger than {MAX_FAULT_BYTES} bytes"
            )
        self._bare.append(data)

    def _bare_fault(self) -> Fault:
        if not self._bare and self._expects is not MessageKind.SOAP:
            raise XRoadError("internal_error", "There is no answer at all")
        content = b"".join(self._bare)
        message = soap.read(content, "text/xml")
        if not isinstance(message, RelayedFaultError):
            raise XRoadError(
                "invalid_message",
                "The peer answered with a SOAP message outside of a multipart",
            )
        return Fault(message, content)


def _ocsp_response(_part: _Part, content: bytes) -> Event:
    if _der_length(content) != len(content):
        raise XRoadError("io_error", "An OCSP response in the message is not DER")
    return OcspResponse(content)


def _rest_message(part: _Part, content: bytes) -> Event:
    return Message(_MESSAGE_KINDS[part.kind], content, part.headers)


def _soap_or_fault(part: _Part, content: bytes) -> Event:
    content_type = find_header(part.headers, "content-type") or ""
    message = soap.read(content, content_type)
    if isinstance(message, RelayedFaultError):
        return Fault(message, content)
    if part.place is not State.EXPECT_MESSAGE:
        raise XRoadError(
            "invalid_content_type",
            "Expected a signature, got a SOAP message that is not a fault",
        )
    return Message(MessageKind.SOAP, content, part.headers, message)


_COLLECTED: dict[PartKind, Callable[[_Part, bytes], Event]] = {
    PartKind.OCSP_RESPONSE: _ocsp_response,
    PartKind.REST_REQUEST: _rest_message,
    PartKind.REST_RESPONSE: _rest_message,
    PartKind.XML: _soap_or_fault,
    PartKind.XOP: _soap_or_fault,
    PartKind.HASH_CHAIN_RESULT: lambda _part, content: HashChainResult(content),
    PartKind.HASH_CHAIN: lambda _part, content: HashChain(content),
    PartKind.SIGNATURE: lambda _part, content: Signature(content),
}
"""What becomes of a part that was collected whole."""


def boundary_of(content_type: str) -> str:
    """Return the boundary of a multipart Content-Type.

    Raises ``invalid_content_type`` if there is none.
    """
    boundary = parameter(content_type, "boundary")
    if not boundary:
        raise XRoadError(
            "invalid_content_type",
            f"The multipart has no boundary: {content_type[:255]!r}",
            quotes=repr(content_type[:255]),
        )
    return boundary


def _unexpected(place: State, content_type: str) -> XRoadError:
    if place is State.COMPLETE:
        return XRoadError(
            "invalid_message",
            f"Another part after the signature: {content_type[:255]!r}",
            quotes=repr(content_type[:255]),
        )
    expected = ", ".join(kind.value for kind in TRANSITIONS[place])
    return XRoadError(
        "invalid_content_type",
        f"Got a part {content_type[:255]!r} where one of {expected} must stand",
        quotes=repr(content_type[:255]),
    )


def _der_length(content: bytes) -> int:
    """Return the length of the SEQUENCE at the start, header included; -1 if none."""
    if len(content) < 2 or content[0] != 0x30:
        return -1
    first = content[1]
    if first < 0x80:
        return 2 + first
    size = first & 0x7F
    if not 1 <= size <= 4:
        return -1
    return 2 + size + int.from_bytes(content[2 : 2 + size], "big")
