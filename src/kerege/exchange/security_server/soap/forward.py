"""A received SOAP message, handed on: to a service, or as the answer to a client.

Rules (`ProxyMessage.writeSoapContent`): with attachments, or if the sender's information
system used a multipart, the message goes on as a multipart with the Content-Type that
was used there, boundary and all; else as a lone envelope. No byte of the envelope or of
an attachment is changed. Headers of parts are not signed and go on as they came.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import NamedTuple

from kerege.exchange.security_server.outgoing import WHOLE_BYTES, new_boundary
from kerege.exchange.security_server.received import ReceivedMessage, SpoolFactory
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.security_server.soap.incoming import MULTIPART
from kerege.exchange.spool import MEMORY_LIMIT, Spool
from kerege.xroad.algorithms import Digest
from kerege.xroad.transport import (
    PART_ENDED,
    BoundaryWatch,
    attachment_for_service_began,
    attachments_for_service_ended,
    media_type,
    parameter,
    service_content_type,
    soap_for_service,
)

_CHARSET = re.compile(
    r";[ \t]*charset[ \t]*=[ \t]*(?:\"[^\"]*\"|[^;\"]*)", re.IGNORECASE
)

Piece = bytes | Spool


class Forwarded(NamedTuple):
    """What goes on."""

    content_type: str
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """Bytes of all pieces."""
        return sum([_size(piece) for piece in self.pieces])

    def content(
        self, at_end: Callable[[], None] = lambda: None
    ) -> bytes | AsyncIterator[bytes]:
        """Return the bytes if they are few; else a stream, from files or memory.

        Args:
            at_end: Called when the stream is closed, begun or not; never for bytes.
        """
        if len(self.pieces) == 1 and isinstance(self.pieces[0], bytes):
            return self.pieces[0]
        if self.size > WHOLE_BYTES or any(map(_is_in_file, self.pieces)):
            return _Stream(self.pieces, at_end)
        return b"".join([_held(piece) for piece in self.pieces])


def forwarded(message: ReceivedMessage, original: str) -> Forwarded:
    """Return a verified message as it goes on.

    Args:
        message: What was received, verified.
        original: Its ``x-original-content-type``; of use only if it is that of a
            multipart. Attachments without one get another.
    """
    attachments = message.attachments
    if not _is_multipart(original):
        original = _new_multipart() if attachments else ""
    has_attachments = bool(attachments)
    pieces: list[Piece] = [
        soap_for_service(
            original,
            message.content,
            message.headers,
            has_attachments=has_attachments,
        )
    ]
    for headers, content in attachments:
        pieces += (attachment_for_service_began(original, headers), content, PART_ENDED)
    if has_attachments:
        pieces.append(attachments_for_service_ended(original))
    content_type = service_content_type(original, has_attachments=has_attachments)
    return Forwarded(content_type, tuple(pieces))


def _new_multipart() -> str:
    return f'{MULTIPART}; type="text/xml"; charset=UTF-8; boundary={new_boundary()}'


def client_content_type(content_type: str) -> str:
    """Return the Content-Type of an answer: always with UTF-8 as its charset.

    As the reference has it, which puts the charset behind a multipart's parameters too.
    """
    charset = parameter(content_type, "charset")
    if charset is not None and charset.lower() == "utf-8":
        return content_type
    return _CHARSET.sub("", content_type) + ";charset=utf-8"


def spools_of_one_message(runtime: Runtime, original: str) -> SpoolFactory:
    """Return a maker of spools that together hold one `MEMORY_LIMIT` in memory.

    A message may have a thousand attachments, and there may be a hundred messages.
    An attachment that holds the boundary of ``original``, with which it would go on,
    is refused.
    """
    made: list[Spool] = []
    boundary = parameter(original, "boundary") if _is_multipart(original) else None

    def new_spool(digest: Digest) -> Spool:
        left = MEMORY_LIMIT - sum([spool.size for spool in made])
        watches = [BoundaryWatch(boundary, "an attachment")] if boundary else []
        spool = runtime.new_spool(digest, max(left, 0), *watches)
        made.append(spool)
        return spool

    return new_spool


class _Stream(AsyncIterator[bytes]):
    """Pieces, some of them from files.

    What is to be done at the end is done even if nobody begins to read.
    """

    def __init__(self, pieces: Sequence[Piece], at_end: Callable[[], None]) -> None:
        self._chunks = _chunks(pieces)
        self._at_end = at_end

    async def __anext__(self) -> bytes:
        return await anext(self._chunks)

    async def aclose(self) -> None:
        await self._chunks.aclose()
        self._at_end()


async def _chunks(pieces: Sequence[Piece]) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        async for chunk in piece.chunks():
            yield chunk


def _is_multipart(content_type: str) -> bool:
    has_boundary = bool(parameter(content_type, "boundary"))
    return has_boundary and media_type(content_type) == MULTIPART


def _size(piece: Piece) -> int:
    return piece.size if isinstance(piece, Spool) else len(piece)


def _is_in_file(piece: Piece) -> bool:
    return isinstance(piece, Spool) and piece.path is not None


def _held(piece: Piece) -> bytes:
    return (piece.data or b"") if isinstance(piece, Spool) else piece
