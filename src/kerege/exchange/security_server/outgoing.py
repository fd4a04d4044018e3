"""Writing a message for another security server: small ones whole, large ones streamed.

The block goes first and needs nothing of the body; the signature goes last, when the
body's digest is known. So a body of any size is sent while it arrives, hashed and
spooled on the way, and a small one becomes a single write.
"""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol

from kerege.exchange.spool import Spool
from kerege.xroad import transport
from kerege.xroad.faults import XRoadError
from kerege.xroad.signature import MESSAGE, Part, SignatureData, attachment_name
from kerege.xroad.transport import Headers, MessageKind

WHOLE_BYTES = 64 * 1024
"""Bodies up to this size are sent in one piece with everything around them."""

_LETTERS = bytes(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[i % 52] for i in range(256)
)


def new_boundary() -> str:
    """Return an unpredictable boundary: a body cannot contain it on purpose."""
    return "xtop" + os.urandom(30).translate(_LETTERS).decode()


class BodySource(Protocol):
    """A body while it arrives: `kerege.exchange.http.Body`, or a spool's."""

    async def read(self) -> bytes:
        """Return the next chunk, or nothing at the end."""
        ...


class _Bounded:
    """A body that may not be longer than a setting says."""

    def __init__(self, body: BodySource, most: int) -> None:
        self._body = body
        self._most = most
        self._left = most

    async def read(self) -> bytes:
        chunk = await self._body.read()
        self._left -= len(chunk)
        if self._left < 0:
            raise XRoadError(
                "invalid_message",
                f"The message's body is larger than {self._most} bytes",
                advice="The limit is a setting of this server.",
            )
        return chunk


def bounded(body: BodySource, most: int) -> BodySource:
    """Return the body with a bound in bytes; 0 sets none.

    Reading beyond it raises ``invalid_message``.
    """
    return _Bounded(body, most) if most else body


Seal = Callable[[list[Part], Spool | None], Awaitable[SignatureData]]
"""Signs (and logs) the message with these parts and this body."""
FaultOf = Callable[[BaseException], bytes]
"""Turns what went wrong into the SOAP fault that replaces the signature."""


class OutgoingMessage:
    """One message on its way out."""

    def __init__(
        self,
        kind: MessageKind,
        block: bytes,
        block_digest: bytes,
        *,
        seal: Seal,
        ocsp_responses: tuple[bytes, ...] = (),
        headers: Headers = (),
    ) -> None:
        """Prepare a message.

        Args:
            kind: Request or response.
            block: The REST block, or the SOAP envelope.
            block_digest: Its SHA-512.
            seal: Called once when all parts are known.
            ocsp_responses: Those of the authentication certificate, for requests.
            headers: Of the message's part, for SOAP.
        """
        self.boundary = new_boundary()
        self.error: BaseException | None = None
        """Why a streamed message could not be finished."""
        self._seal = seal
        self._parts = [Part(MESSAGE, block_digest, content=block)]
        boundary = self.boundary
        ocsp = [transport.ocsp_part(boundary, der) for der in ocsp_responses]
        message = transport.message_part(boundary, kind, block, headers)
        self._head = b"".join([*ocsp, message])

    @property
    def content_type(self) -> str:
        """The Content-Type of the HTTP message."""
        return transport.content_type(self.boundary)

    async def without_body(self) -> bytes:
        """Return the whole message."""
        return self._head + await self._tail(None)

    async def with_body(
        self,
        body: BodySource,
        spool: Spool,
        *,
        fault_of: FaultOf | None = None,
    ) -> bytes | AsyncGenerator[bytes, None]:
        """Return the message with a body: whole if it is small, else as a stream.

        Args:
            body: Read to its end.
            spool: Collects it; a SHA-512 spool.
            fault_of: Provider side: what cannot be finished ends with this fault
                instead of the signature. Without it the error is raised.
        """
        first: list[bytes] = []
        size = 0
        while size <= WHOLE_BYTES:
            chunk = await body.read()
            if not chunk:
                return await self._whole(b"".join(first), spool)
            first.append(chunk)
            size += len(chunk)
            await spool.write(chunk)
        return self._stream(b"".join(first), body, spool, fault_of)

    async def _whole(self, content: bytes, spool: Spool) -> bytes:
        await spool.finish()
        part = transport.body_part(self.boundary, content)
        return self._head + part + await self._tail(spool)

    async def _stream(
        self,
        first: bytes,
        body: BodySource,
        spool: Spool,
        fault_of: FaultOf | None,
    ) -> AsyncGenerator[bytes, None]:
        yield self._head + transport.body_began(self.boundary) + first
        try:
            while chunk := await body.read():
                await spool.write(chunk)
                yield chunk
            await spool.finish()
            tail = await self._tail(spool)
        except Exception as error:
            self.error = error
            if fault_of is None:
                raise
            tail = transport.fault_part(self.boundary, fault_of(error))
            tail += transport.closing(self.boundary)
        yield transport.PART_ENDED + tail

    async def _tail(self, spool: Spool | None) -> bytes:
        parts = self._parts
        if spool is not None:
            parts = [*parts, Part(attachment_name(1), spool.digest)]
        return await self._sealed(parts, spool)

    async def _sealed(self, parts: list[Part], spool: Spool | None) -> bytes:
        """Return what follows the signed parts."""
        signature = await self._seal(parts, spool)
        chain = b""
        if signature.hash_chain_result and signature.hash_chain:
            chain = transport.hash_chain_parts(
                self.boundary, signature.hash_chain_result, signature.hash_chain
            )
        return (
            chain
            + transport.signature_part(self.boundary, signature.signature)
            + transport.closing(self.boundary)
        )


def fault_message(boundary: str, fault: bytes) -> bytes:
    """Return a multipart that holds nothing but a fault."""
    return transport.fault_part(boundary, fault) + transport.closing(boundary)
