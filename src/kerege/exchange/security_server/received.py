"""Reading a message that another security server sends: checked while it arrives.

The block is judged as soon as it is complete, before its body is read: a stranger
cannot fill the spool. Nothing is believed before `verify` has passed.
"""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from kerege.exchange.security_server.limiting import LimitError, SizeBound
from kerege.exchange.spool import Spool
from kerege.xroad.algorithms import SHA512, Digest, digest_by_name
from kerege.xroad.faults import RelayedFaultError, XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.signature import (
    MESSAGE,
    Part,
    SignatureData,
    SignatureVerifier,
    VerifiedSignature,
    attachment_name,
)
from kerege.xroad.soap import SoapMessage
from kerege.xroad.transport import (
    AttachmentBegan,
    AttachmentEnded,
    BodyData,
    Event,
    Fault,
    HashChain,
    HashChainResult,
    Headers,
    Message,
    MessageReader,
    OcspResponse,
    Signature,
)

SpoolFactory = Callable[[Digest], Spool]
"""Makes the spool of a body, hashed with the message's digest algorithm."""

LARGE_ENVELOPE_BYTES = 256 * 1024
"""Reading so much XML takes 5 ms, and writing it again 15: other messages wait so long,
and larger envelopes are read in a thread."""
_UNPREFIXED = frozenset(
    {"missing_rest", "missing_soap", "missing_signature", "mime_parsing_failed"}
)
"""Faults of a message as a whole; those of a part get ``service_failed`` before."""


_SINGLE = (b"content-type", b"x-hash-algorithm", b"x-road-message-type")
"""HTTP headers that say how a message is to be read."""


class Attachment(NamedTuple):
    """A REST body, or one of the attachments of a SOAP message."""

    headers: Headers
    """Of the part; nobody has signed them."""
    content: Spool


@dataclass(slots=True)
class ReceivedMessage:
    """What arrived, part by part."""

    digest: Digest
    """Algorithm of ``x-hash-algorithm``: part digests are in it."""
    ocsp_responses: list[bytes] = field(default_factory=list)
    content: bytes = b""
    """The REST block, or the SOAP envelope."""
    content_digest: bytes = b""
    headers: Headers = ()
    """Of the message's part."""
    soap: SoapMessage | None = None
    """What the envelope says, for SOAP."""
    body: Spool | None = None
    """The REST body; of a SOAP message the attachment that came last."""
    attachments: list[Attachment] = field(default_factory=list)
    """Everything signed beside the message, in order."""
    hash_chain_result: bytes | None = None
    hash_chain: bytes | None = None
    signature: bytes | None = None
    fault: RelayedFaultError | None = None
    _bound: SizeBound | None = None

    def limit(self, bound: SizeBound | None) -> None:
        """Bound what comes from now on, a SOAP envelope included.

        Raises ``invalid_message``.
        """
        self._bound = bound
        if bound is not None and self.soap is not None:
            bound.took(len(self.content))

    def took(self, count: int) -> None:
        """Count bytes that are about to be kept. Raises ``invalid_message``."""
        if self._bound is not None:
            self._bound.took(count)

    @property
    def signature_data(self) -> SignatureData:
        """The signature with its hash chain. Raises ``missing_signature``."""
        if self.signature is None:
            raise XRoadError("missing_signature", "The message has no signature")
        return SignatureData(self.signature, self.hash_chain_result, self.hash_chain)

    @property
    def body_digest(self) -> bytes | None:
        """The body's digest; None if there was no body part."""
        return None if self.body is None else self.body.digest

    @property
    def size(self) -> int:
        """Bytes of the message and everything beside it, as far as they came."""
        beside = sum([one.content.size for one in self.attachments])
        return len(self.content) + beside

    def verify(
        self, signer: ClientId, signatures: SignatureVerifier, at: datetime
    ) -> VerifiedSignature:
        """Check that the member of ``signer`` signed exactly this message.

        Raises:
            XRoadError: ``signature_verification`` and what is wrong.
        """
        parts = [Part(MESSAGE, self.content_digest, self.digest, self.content)]
        for number, (_, content) in enumerate(self.attachments, 1):
            parts.append(Part(attachment_name(number), content.digest, self.digest))
        try:
            return signatures.verify(self.signature_data, parts, signer=signer, at=at)
        except XRoadError as error:
            raise error.with_prefix("signature_verification") from error

    def discard(self) -> None:
        """Remove what is spooled."""
        for attachment in self.attachments:
            attachment.content.discard()


async def read_message(
    chunks: AsyncIterable[bytes],
    reader: MessageReader,
    digest: Digest,
    *,
    new_spool: SpoolFactory,
    on_message: Callable[[ReceivedMessage], None],
) -> ReceivedMessage:
    """Read one message to its end.

    Args:
        chunks: The HTTP body.
        reader: A fresh reader for it.
        digest: Algorithm for the parts' digests.
        new_spool: Where the body goes.
        on_message: Judges the block when it is complete and may raise.

    Raises:
        XRoadError: what the reader and ``on_message`` raise, below
            ``service_failed`` where the reference puts it there.
    """
    message = ReceivedMessage(digest)
    try:
        async for chunk in chunks:
            if reader.envelope_bytes > LARGE_ENVELOPE_BYTES:
                events = await asyncio.to_thread(reader.receive_data, chunk)
            else:
                events = reader.receive_data(chunk)
            await _take(message, events, new_spool, on_message)
        await _take(message, reader.receive_eof(), new_spool, on_message)
    except XRoadError as error:
        message.discard()
        if error.code in _UNPREFIXED or isinstance(error, LimitError):
            raise
        raise error.with_prefix("service_failed") from error
    except BaseException:
        message.discard()
        raise
    return message


async def _take(
    message: ReceivedMessage,
    events: Iterable[Event],
    new_spool: SpoolFactory,
    on_message: Callable[[ReceivedMessage], None],
) -> None:
    for event in events:  # a match statement takes five times as long
        if isinstance(event, BodyData):
            if message.body is not None:
                message.took(len(event.data))
                await message.body.write(event.data)
        elif isinstance(event, AttachmentBegan):
            message.body = new_spool(message.digest)
            message.attachments.append(Attachment(event.headers, message.body))
        elif isinstance(event, AttachmentEnded):
            if message.body is not None:
                await message.body.finish()
        elif isinstance(event, Message):
            message.content = event.content
            message.content_digest = message.digest.of(event.content)
            message.headers, message.soap = event.headers, event.soap
            on_message(message)
        else:
            _note(message, event)


def _note(
    message: ReceivedMessage,
    event: OcspResponse | HashChainResult | HashChain | Signature | Fault,
) -> None:
    if isinstance(event, OcspResponse):
        message.ocsp_responses.append(event.der)
    elif isinstance(event, HashChainResult):
        message.hash_chain_result = event.content
    elif isinstance(event, HashChain):
        message.hash_chain = event.content
    elif isinstance(event, Signature):
        message.signature = event.content
    else:
        message.fault = event.error


def require_single(headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Refuse a message whose own headers are there twice: which one counts?

    Raises ``duplicate_header_field``.
    """
    names = [name.lower() for name, _ in headers]
    for name in _SINGLE:
        if names.count(name) > 1:
            raise XRoadError(
                "duplicate_header_field",
                f"The message has the header {name.decode()} twice",
            )


def digest_of_header(name: bytes | None) -> Digest:
    """Return the algorithm of an ``x-hash-algorithm`` header.

    Raises ``internal_error`` if it is missing, ``unsupported_algorithm`` if unknown.
    """
    if name is None:
        raise XRoadError("internal_error", "The message has no x-hash-algorithm")
    if name == b"SHA-512":
        return SHA512
    return digest_by_name(name.decode("latin-1"))
