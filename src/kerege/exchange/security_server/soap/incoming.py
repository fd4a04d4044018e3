"""What an information system or a service sends: SOAP, alone or with attachments.

Rules (`SoapMessageDecoder.java`):

* ``text/xml`` and ``application/xop+xml`` are an envelope, ``multipart/related`` is an
  envelope as the first part and attachments after it; every part has a Content-Type.
* The envelope is read whole, up to `MAX_SOAP_BYTES`. Attachments pass through piece by
  piece, not decoded, so of any size; a setting bounds them together.
* A byte-order mark before a multipart is skipped; in an envelope it belongs to it.
* The last delimiter may end without its hyphens, as mime4j takes it. A multipart that
  breaks off anywhere else is refused.
"""

from collections import deque
from collections.abc import AsyncGenerator
from typing import NamedTuple, Protocol

from kerege.exchange.http.errors import BodyTooLarge
from kerege.exchange.security_server.failures import as_fault
from kerege.exchange.security_server.outgoing import BodySource, bounded
from kerege.xroad import soap
from kerege.xroad.faults import RelayedFaultError, XRoadError
from kerege.xroad.soap import SoapMessage
from kerege.xroad.transport import (
    MAX_SOAP_BYTES,
    Finished,
    Headers,
    MultipartEvent,
    MultipartParser,
    PartBegan,
    PartData,
    PartEnded,
    boundary_of,
    find_header,
    media_type,
)

ENVELOPE_TYPES = frozenset({"text/xml", "application/xop+xml"})
MULTIPART = "multipart/related"
MISSING_SOAP = "missing_soap"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

AttachmentEvent = PartBegan | PartData | PartEnded


class Body(BodySource, Protocol):
    """A body while it arrives."""

    async def read_all(self, limit: int) -> bytes:
        """Return the whole body. Raises BodyTooLarge."""
        ...


class Envelope(NamedTuple):
    """The first part of a message, or all of it."""

    content: bytes
    content_type: str
    headers: Headers
    """Of its part, with Content-Type; of a lone envelope only that."""

    def read(self) -> SoapMessage | RelayedFaultError:
        """Return what it says. Raises as `kerege.xroad.soap.read` does."""
        return soap.read(self.content, self.content_type)


class IncomingSoap:
    """One message: first `envelope`, then `attachments`.

    Args:
        content_type: The Content-Type of the HTTP message.
        body: Its body.
        blamed: The prefix of faults for what is wrong with it.
        most_bytes: Bound for everything in a multipart; 0 sets none.
    """

    def __init__(
        self, content_type: str, body: Body, *, blamed: str, most_bytes: int = 0
    ) -> None:
        self._content_type = content_type
        self._body = body
        self._blamed = blamed
        self._source = bounded(body, most_bytes)
        self._parser: MultipartParser | None = None
        self._events: deque[MultipartEvent] = deque()
        self._has_begun = False
        self._has_parts = False

    async def envelope(self) -> Envelope:
        """Return the envelope.

        Raises:
            XRoadError: ``invalid_content_type`` for the message or its first part,
                ``missing_soap`` if it has no part, ``mime_parsing_failed``, ``invalid_soap`` if it is too large,
                ``io_error`` if the body ends before its end.
        """
        try:
            return await self._envelope()
        except Exception as error:
            raise as_fault(error).with_prefix(self._blamed) from error

    async def attachments(self) -> AsyncGenerator[AttachmentEvent, None]:
        """Yield the attachments as they arrive.

        Raises:
            XRoadError: ``invalid_content_type`` if one has no type,
                ``mime_parsing_failed``, ``invalid_message`` above the bound,
                ``io_error`` if the body ends before its end.
        """
        parser = self._parser
        if parser is None:
            return
        while True:
            try:
                event = await self._next_event(parser)
                if isinstance(event, PartBegan):
                    _type_of(event)
            except Exception as error:
                raise as_fault(error).with_prefix(self._blamed) from error
            if event is None:
                return
            if not isinstance(event, Finished):
                yield event

    async def _envelope(self) -> Envelope:
        base = media_type(self._content_type)
        if base in ENVELOPE_TYPES:
            return await self._lone_envelope()
        if base != MULTIPART:
            raise XRoadError(
                "invalid_content_type",
                f"{self._content_type[:255]!r} is not a Content-Type of SOAP messages",
            )
        parser = self._parser = MultipartParser(boundary_of(self._content_type))
        began = await self._next_part(parser)
        if began is None:
            raise XRoadError(MISSING_SOAP, "The multipart has no SOAP message")
        content_type = _type_of(began)
        if media_type(content_type) not in ENVELOPE_TYPES:
            raise XRoadError(
                "invalid_content_type",
                f"The first part has the Content-Type {content_type[:255]!r}, "
                "which is not one of SOAP messages",
            )
        content = await self._rest_of_part(parser)
        return Envelope(content, content_type, began.headers)

    async def _lone_envelope(self) -> Envelope:
        try:
            content = await self._body.read_all(MAX_SOAP_BYTES)
        except BodyTooLarge as error:
            raise _too_large() from error
        headers = (("content-type", self._content_type),)
        return Envelope(content, self._content_type, headers)

    async def _next_part(self, parser: MultipartParser) -> PartBegan | None:
        """Return the headers of the next part; None if there is none."""
        while event := await self._next_event(parser):
            if isinstance(event, PartBegan):
                return event
        return None

    async def _rest_of_part(self, parser: MultipartParser) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while isinstance(event := await self._next_event(parser), PartData):
            size += len(event.data)
            if size > MAX_SOAP_BYTES:
                raise _too_large()
            pieces.append(event.data)
        return b"".join(pieces)

    async def _next_event(self, parser: MultipartParser) -> MultipartEvent | None:
        """Return what comes next; None at the end of a complete message."""
        while not self._events:
            data = await self._source.read()
            if not data:
                return self._last_event(parser)
            if not self._has_begun:
                self._has_begun = True
                data = data.removeprefix(_BYTE_ORDER_MARK)
            self._events.extend(parser.receive_data(data))
        event = self._events.popleft()
        self._has_parts = True
        return event

    def _last_event(self, parser: MultipartParser) -> MultipartEvent | None:
        """Return what the end completes: a delimiter may lack its last hyphens."""
        if parser.finished or not self._has_parts:
            return None
        events = parser.receive_data(b"--")
        parser.receive_eof()
        self._events.extend(events)
        return self._events.popleft()


def _type_of(part: PartBegan) -> str:
    content_type = find_header(part.headers, "content-type")
    if content_type is None:
        raise XRoadError(
            "invalid_content_type", "A part of the multipart has no Content-Type"
        )
    return content_type


def _too_large() -> XRoadError:
    return XRoadError(
        "invalid_soap",
        f"The SOAP message is larger than {MAX_SOAP_BYTES} bytes",
        advice="Larger data belongs into attachments.",
    )
