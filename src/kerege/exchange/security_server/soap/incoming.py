"""What an information system or a service sends: SOAP, alone or with attachments.

The rules are those of `kerege.xroad.transport.SoapReader`: the envelope is read whole,
attachments pass through piece by piece, so may be of any size; a setting bounds them
together. This is the shell that moves bytes and says whose fault a fault is.
"""

from collections import deque
from collections.abc import AsyncGenerator

from kerege.exchange.security_server.failures import as_fault
from kerege.exchange.security_server.limiting import SizeBound
from kerege.exchange.security_server.outgoing import BodySource, bounded
from kerege.xroad.faults import XRoadError
from kerege.xroad.transport import (
    Envelope,
    PartBegan,
    PartData,
    PartEnded,
    SoapEvent,
    SoapReader,
)

MULTIPART = "multipart/related"
MISSING_SOAP = "missing_soap"

AttachmentEvent = PartBegan | PartData | PartEnded


class IncomingSoap:
    """One message: first `envelope`, then `attachments`.

    Args:
        content_type: The Content-Type of the HTTP message.
        body: Its body.
        blamed: The prefix of faults for what is wrong with it.
        most_bytes: Bound for everything in a multipart; 0 sets none.
    """

    def __init__(
        self, content_type: str, body: BodySource, *, blamed: str, most_bytes: int = 0
    ) -> None:
        self._content_type = content_type
        self._body = body
        self._blamed = blamed
        self._most_bytes = most_bytes
        self._source: BodySource = body
        self._reader: SoapReader | None = None
        self._events: deque[SoapEvent] = deque()
        self._envelope_bytes = 0
        self._bound: SizeBound | None = None

    def limit(self, bound: SizeBound | None) -> None:
        """Bound the envelope, which has come, and the attachments together.

        Raises ``invalid_message``, which blames nobody.
        """
        self._bound = bound
        if bound is not None:
            bound.took(self._envelope_bytes)

    async def envelope(self) -> Envelope:
        """Return the envelope.

        Raises:
            XRoadError: ``invalid_content_type`` for the message or its first part,
                ``missing_soap`` if it has no part, ``mime_parsing_failed``,
                ``invalid_soap`` if it is too large, ``io_error`` if the body ends
                before its end.
        """
        try:
            reader = self._reader = SoapReader(self._content_type)
            if reader.is_multipart:
                self._source = bounded(self._body, self._most_bytes)
            event = await self._next_event()
        except Exception as error:
            raise as_fault(error).with_prefix(self._blamed) from error
        if not isinstance(event, Envelope):
            raise XRoadError(MISSING_SOAP, "There is no SOAP message").with_prefix(
                self._blamed
            )
        self._envelope_bytes = len(event.content)
        return event

    async def attachments(self) -> AsyncGenerator[AttachmentEvent, None]:
        """Yield the attachments as they arrive.

        Raises:
            XRoadError: ``invalid_content_type`` if one has no type,
                ``mime_parsing_failed``, ``invalid_message`` above the bound,
                ``io_error`` if the body ends before its end.
        """
        while True:
            try:
                event = await self._next_event()
            except Exception as error:
                raise as_fault(error).with_prefix(self._blamed) from error
            if event is None:
                return
            if self._bound is not None and isinstance(event, PartData):
                self._bound.took(len(event.data))
            if not isinstance(event, Envelope):
                yield event

    async def _next_event(self) -> SoapEvent | None:
        """Return what comes next; None at the end of a complete message."""
        while not self._events:
            reader = self._reader
            if reader is None:
                return None
            data = await self._source.read()
            if data:
                self._events.extend(reader.receive_data(data))
            else:
                self._events.extend(reader.receive_eof())
                self._reader = None
        return self._events.popleft()
