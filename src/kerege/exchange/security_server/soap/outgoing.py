"""Writing a SOAP message for another security server, its attachments streamed.

The envelope goes first and needs nothing of the attachments; the signature goes last.
Attachments are hashed while they pass and not kept: a message that has some is signed
through a hash chain, and the message log keeps no attachments of those.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

from kerege.exchange.security_server.outgoing import (
    WHOLE_BYTES,
    FaultOf,
    OutgoingMessage,
)
from kerege.exchange.security_server.soap.incoming import AttachmentEvent
from kerege.exchange.spool import Spool
from kerege.xroad import transport
from kerege.xroad.algorithms import SHA512
from kerege.xroad.signature import Part, attachment_name
from kerege.xroad.transport import PartBegan, PartData


class OutgoingSoap(OutgoingMessage):
    """One SOAP message on its way out."""

    attachment_count = 0
    attachment_bytes = 0

    async def with_attachments(
        self,
        attachments: AsyncIterator[AttachmentEvent],
        *,
        fault_of: FaultOf | None = None,
    ) -> bytes | AsyncGenerator[bytes, None]:
        """Return the message with attachments: whole if small, else as a stream.

        Args:
            attachments: Read to their end; there may be none.
            fault_of: Provider side: what cannot be finished ends with this fault
                instead of the signature. Without it the error is raised.
        """
        pieces = self._pieces(attachments, fault_of)
        first: list[bytes] = []
        size = 0
        async for piece in pieces:
            first.append(piece)
            size += len(piece)
            if size > WHOLE_BYTES:
                return _resumed(b"".join(first), pieces)
        return b"".join(first)

    async def _pieces(
        self, attachments: AsyncIterator[AttachmentEvent], fault_of: FaultOf | None
    ) -> AsyncGenerator[bytes, None]:
        yield self._head
        nested = _Nested("xatt" + self.boundary.removeprefix("xtop"), self.boundary)
        try:
            async for event in attachments:
                yield await nested.written(event)
            tail = nested.ended() + await self._sealed(
                [*self._parts, *nested.parts], None
            )
        except Exception as error:
            self.error = error
            if fault_of is None:
                raise
            fault = transport.fault_part(self.boundary, fault_of(error))
            tail = nested.ended() + fault + transport.closing(self.boundary)
        finally:
            nested.discard()
        self.attachment_count = len(nested.parts)
        self.attachment_bytes = nested.size
        yield tail


class _Nested:
    """The nested multipart that holds all attachments, if there are any."""

    def __init__(self, boundary: str, outer: str) -> None:
        self.parts: list[Part] = []
        self.size = 0
        self._boundary = boundary
        self._outer = outer
        self._is_open = False
        self._digest: Spool | None = None

    async def written(self, event: AttachmentEvent) -> bytes:
        """Return what goes out for this event."""
        if isinstance(event, PartBegan):
            begun = b""
            if not self._is_open:
                self._is_open = True
                begun = transport.attachments_began(self._outer, self._boundary)
            # For large attachments it hashes in a thread; it keeps nothing of them.
            self._digest = Spool(Path(), SHA512.new(), useful_bytes=0)
            return begun + transport.attachment_began(self._boundary, event.headers)
        digest = self._digest
        if digest is None:
            return b""
        if isinstance(event, PartData):
            self.size += len(event.data)
            await digest.write(event.data)
            return event.data
        await digest.finish()
        name = attachment_name(len(self.parts) + 1)
        self.parts.append(Part(name, digest.digest))
        self.discard()
        return transport.PART_ENDED

    def ended(self) -> bytes:
        """Return the end of the attachments; of one that breaks off, too."""
        if not self._is_open:
            return b""
        self._is_open = False
        broken = b"" if self._digest is None else transport.PART_ENDED
        return broken + transport.attachments_ended(self._boundary)

    def discard(self) -> None:
        """Forget the attachment that is being hashed."""
        if self._digest is not None:
            self._digest.discard()
            self._digest = None


async def _resumed(
    first: bytes, pieces: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    yield first
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece
