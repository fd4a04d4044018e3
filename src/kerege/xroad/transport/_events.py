"""What a message reader reports, in the order of the wire."""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from kerege.xroad.faults import RelayedFaultError
from kerege.xroad.soap import SoapMessage
from kerege.xroad.transport._multipart import Headers


class MessageKind(Enum):
    """What sort of message a multipart carries."""

    SOAP = "SOAP"
    REST_REQUEST = "REST request"
    REST_RESPONSE = "REST response"


@dataclass(frozen=True, slots=True)
class OcspResponse:
    """A status of the sender's authentication certificate or of one of its CAs."""

    der: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """The message itself: a SOAP envelope or a REST block."""

    kind: MessageKind
    content: bytes = field(repr=False)
    """The bytes that are signed as ``/message.xml``."""
    headers: Headers = ()
    """Headers of the part, Content-Type among them."""
    soap: SoapMessage | None = None
    """The envelope's X-Road header, for SOAP."""


class AttachmentBegan(NamedTuple):
    """A REST body or a SOAP attachment starts."""

    name: str
    """``/attachment1``, ``/attachment2``, ...: its name in signatures."""
    headers: Headers


class BodyData(NamedTuple):
    """A piece of the attachment that began last; undecoded, never empty."""

    data: bytes


class AttachmentEnded(NamedTuple):
    """The attachment is complete; one without any data is empty."""

    name: str


@dataclass(frozen=True, slots=True)
class HashChainResult:
    """The document that a batch signature signs."""

    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HashChain:
    """The path from the message to the hash chain result."""

    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """The XAdES document."""

    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """The sender could not go on; nothing that came before is valid."""

    error: RelayedFaultError = field(compare=False)
    content: bytes = field(repr=False)
    """The SOAP fault as received."""


Event = (
    OcspResponse
    | Message
    | AttachmentBegan
    | BodyData
    | AttachmentEnded
    | HashChainResult
    | HashChain
    | Signature
    | Fault
)
