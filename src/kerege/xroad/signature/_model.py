"""What is signed, what comes out, and who signs."""

from dataclasses import dataclass
from typing import Protocol

from cryptography import x509

from kerege.xroad.algorithms import SHA512, Digest, SignatureAlgorithm

MESSAGE = "/message.xml"
"""Name of the message in signatures and chains; REST blocks too."""
ATTACHMENT = "/attachment"
"""Names of attachments start with this, a number from 1 follows."""
HASH_CHAIN_NAME = "/sig-hashchain.xml"
HASH_CHAIN_RESULT_NAME = "/sig-hashchainresult.xml"


def attachment_name(number: int) -> str:
    """Return the name of an attachment; the first has the number 1."""
    return f"{ATTACHMENT}{number}"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message: what a signature must cover."""

    uri: str
    """``/message.xml``, ``/attachment1``, ..."""
    digest: bytes
    algorithm: Digest = SHA512
    content: bytes | None = None
    """The bytes, where they are at hand: for digests of another algorithm."""

    @classmethod
    def of(cls, uri: str, content: bytes, algorithm: Digest = SHA512) -> "Part":
        """Make a part from its bytes."""
        return cls(uri, algorithm.of(content), algorithm, content)


@dataclass(frozen=True, slots=True)
class SignatureData:
    """A signature with the hash chain through which it covers its message."""

    signature: bytes
    """The XML document."""
    hash_chain_result: bytes | None = None
    """What the signature refers to, if there is a chain; the same for a batch."""
    hash_chain: bytes | None = None
    """This message's own chain."""


class Signer(Protocol):
    """Makes signature values: a key in memory, in a module, in another process."""

    @property
    def certificate(self) -> x509.Certificate:
        """The signing certificate."""
        ...

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """The algorithm of the values."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the value over ``data``, an ECDSA value in ASN.1 DER. May block."""
        ...
