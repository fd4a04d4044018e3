"""Read what an information system or a service sends: SOAP, alone or with attachments.

Rules (`SoapMessageDecoder.java`, RFC 2387, W3C SOAP Messages with Attachments, XOP):

* ``text/xml`` or ``application/xop+xml`` is one envelope, ``multipart/related`` has it
  in its first part and attachments in the others. Each part has one Content-Type.
* Attachments pass through in pieces, undecoded, whatever is in them.
* A byte-order mark before the multipart is skipped. A last delimiter without its two
  hyphens is forgiven, an attachment without any delimiter behind it is not: it may
  have been cut.
* A fault is reported and all that follows is ignored.

Better than the reference: a multipart whose ``start`` names another part than the first
is refused. Services that follow ``start`` would read another envelope than the one
whose client and rights were checked.
"""

from kerege.xroad import soap
from kerege.xroad.faults import RelayedFaultError, XRoadError
from kerege.xroad.soap import MAX_SOAP_BYTES
from kerege.xroad.transport._content_type import (
    media_type,
    parameter,
    parameter_names,
)
from kerege.xroad.transport._events import (
    AttachmentBegan,
    AttachmentEnded,
    BodyData,
    Event,
    Fault,
    Message,
    MessageKind,
)
from kerege.xroad.transport._multipart import (
    Headers,
    MultipartEvent,
    MultipartParser,
    PartBegan,
    PartData,
    PartEnded,
    find_header,
)
from kerege.xroad.transport._reader import boundary_of

_RELATED = "multipart/related"
_BOM = b"\xef\xbb\xbf"


class SoapReader:
    """Read one request of an information system, or one answer of a service.

    Args:
        content_type: The Content-Type of the HTTP message.
        request_hash: For answers: the hash of the request, which is put into the
            envelope, see `kerege.xroad.soap.add_request_hash`.
        max_body_bytes: Bound for all attachments together.

    Raises:
        XRoadError: ``invalid_content_type``, ``mime_parsing_failed`` for a boundary
            that is not allowed.
    """

    def __init__(
        self,
        content_type: str,
        *,
        request_hash: str | None = None,
        max_body_bytes: int | None = None,
    ) -> None:
        self._content_type = content_type
        self._request_hash = request_hash
        self._max_body_bytes = max_body_bytes
        self._parser: MultipartParser | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._body_size = 0
        self._parts = 0
        self._headers: Headers = ()
        self._start = ""
        self._has_fault = False
        self._head: bytes | None = b""
        if media_type(content_type) == _RELATED:
            _require_once(content_type, "boundary", "start")
            self._parser = MultipartParser(boundary_of(content_type))
            self._start = _bare(parameter(content_type, "start"))
        else:
            soap.require_soap_type(content_type)

    @property
    def content_type(self) -> str:
        """The ``x-original-content-type``; final when the message was reported.

        As received, but for the charset of an answer that was turned into UTF-8.
        """
        return self._content_type

    def receive_data(self, data: bytes) -> list[Event]:
        """Take the next bytes and return the events that they complete.

        Raises:
            XRoadError: Codes of `kerege.xroad.soap.read`, ``invalid_soap`` for an
                envelope and ``invalid_message`` for attachments that are too large,
                ``invalid_content_type``, ``mime_parsing_failed``. The reader is of no
                use afterwards.
        """
        if self._parser is None:
            self._collect(data)
            return []
        if self._head is not None:
            data = self._without_mark(data)
        return self._events(self._parser.receive_data(data))

    def receive_eof(self) -> list[Event]:
        """Say that no more bytes come, and return the last events.

        Raises:
            XRoadError: As `receive_data`; for a multipart without any part
                ``missing_soap``, or ``invalid_message`` if it is an answer.
        """
        if self._parser is None:
            self._headers = (("content-type", self._content_type),)
            event = self._envelope()
            if isinstance(event, Message):
                self._content_type = find_header(event.headers, "content-type") or ""
            return [event]
        events: list[Event] = []
        if self._head:
            events = self._events(self._parser.receive_data(self._head))
        if not self._parts:
            code = "missing_soap" if self._request_hash is None else "invalid_message"
            raise XRoadError(code, "The multipart has no part, so no SOAP message")
        return events + self._events(self._parser.finish())

    def _without_mark(self, data: bytes) -> bytes:
        """Return what may be parsed of the first bytes."""
        head = (self._head or b"") + data
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)

    def _events(self, parsed: list[MultipartEvent]) -> list[Event]:
        events: list[Event] = []
        for event in parsed:
            if isinstance(event, PartData):
                self._part_data(event.data, events)
            elif isinstance(event, PartBegan):
                self._part_began(event.headers, events)
            elif isinstance(event, PartEnded):
                self._part_ended(events)
        return events

    def _part_began(self, headers: Headers, events: list[Event]) -> None:
        self._parts += 1
        content_type = _only_content_type(headers)
        self._require_start(headers)
        if self._parts == 1:
            soap.require_soap_type(content_type)
            self._headers = headers
        elif not self._has_fault:
            events.append(AttachmentBegan(self._attachment, headers))

    def _part_data(self, data: bytes, events: list[Event]) -> None:
        if self._parts == 1:
            self._collect(data)
            return
        self._body_size += len(data)
        if self._max_body_bytes is not None and self._body_size > self._max_body_bytes:
            raise XRoadError(
                "invalid_message",
                f"The attachments are larger than {self._max_body_bytes} bytes",
                advice="The limit is a setting of this server.",
            )
        if not self._has_fault:
            events.append(BodyData(data))

    def _part_ended(self, events: list[Event]) -> None:
        if self._parts == 1:
            events.append(self._envelope())
        elif not self._has_fault:
            events.append(AttachmentEnded(self._attachment))

    @property
    def _attachment(self) -> str:
        return f"/attachment{self._parts - 1}"

    def _collect(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_SOAP_BYTES:
            raise XRoadError(
                "invalid_soap",
                f"The SOAP message is larger than {MAX_SOAP_BYTES} bytes; "
                "larger data belongs into attachments",
            )
        self._chunks.append(data)

    def _envelope(self) -> Event:
        content = b"".join(self._chunks)
        self._chunks.clear()
        content_type = find_header(self._headers, "content-type") or ""
        headers = self._headers
        if self._request_hash is None:
            read: soap.SoapMessage | soap.Answer | RelayedFaultError
            read = soap.read(content, content_type)
        else:
            read = soap.add_request_hash(content, content_type, self._request_hash)
        if isinstance(read, RelayedFaultError):
            self._has_fault = True
            return Fault(read, content)
        if isinstance(read, soap.Answer):
            headers = _with_content_type(headers, read.content_type)
            return Message(MessageKind.SOAP, read.content, headers, read.message)
        return Message(MessageKind.SOAP, content, headers, read)

    def _require_start(self, headers: Headers) -> None:
        """Refuse a part that is the root, or may be taken for it, and not the first."""
        if not self._start:
            return
        ids = {_bare(v).casefold() for n, v in headers if n.lower() == "content-id"}
        is_start = self._start.casefold() in ids
        if ids and is_start != (self._parts == 1):
            raise XRoadError(
                "mime_parsing_failed",
                "The multipart's start names another part than the first one",
            )


def _bare(content_id: str | None) -> str:
    """Return a Content-ID without its angle brackets."""
    return (content_id or "").strip(" \t<>\"'")


def _require_once(content_type: str, *names: str) -> None:
    """Refuse parameters that parsers may understand in different ways."""
    found = parameter_names(content_type)
    for name in names:
        same = [n for n in found if n == name or n.startswith(f"{name}*")]
        if same not in ([], [name]):
            raise XRoadError(
                "invalid_content_type", f"The Content-Type has {name} in several ways"
            )


def _only_content_type(headers: Headers) -> str:
    found = [value for name, value in headers if name.lower() == "content-type"]
    if len(found) != 1:
        raise XRoadError(
            "invalid_content_type",
            f"A part of the multipart has {len(found)} Content-Types instead of one",
        )
    return found[0]


def _with_content_type(headers: Headers, content_type: str) -> Headers:
    return tuple(
        (name, content_type if name.lower() == "content-type" else value)
        for name, value in headers
    )
