"""The token as the doctor sees it: certificates and files, never a private key.

Filled by the command line, as only that room reads tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from cryptography import x509

from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import certificate_sha256


class Purpose(Enum):
    """What a key is for."""

    AUTHENTICATION = "authentication"
    SIGNING = "signing"


@dataclass(frozen=True, slots=True)
class CertificateSeen:
    """A certificate in the token."""

    certificate: x509.Certificate
    purpose: Purpose
    member: ClientId | None
    """Whose signing certificate it is said to be."""
    status: str
    active: bool
    fits_key: bool
    """Whether it was issued for the key below which it lies."""

    @property
    def name(self) -> str:
        """What people and commands call it: purpose and the beginning of its id."""
        return f"{self.purpose.value} certificate {short_id(self.certificate)}"


@dataclass(frozen=True, slots=True)
class KeySeen:
    """A key of the token."""

    key_id: str
    purpose: Purpose
    file: Path
    certificates: tuple[CertificateSeen, ...]

    @property
    def name(self) -> str:
        """What people and commands call it."""
        return f"{self.purpose.value} key {self.key_id[:SHOWN_DIGITS]}"


@dataclass(frozen=True, slots=True)
class TokenSeen:
    """The whole token."""

    folder: Path
    keys: tuple[KeySeen, ...]
    authentication: CertificateSeen | None
    """Which one a server that starts now shows."""
    signing: Mapping[ClientId, CertificateSeen]
    """By member, which one signs."""

    @property
    def certificates(self) -> tuple[CertificateSeen, ...]:
        """All of them."""
        return tuple(c for key in self.keys for c in key.certificates)

    @property
    def in_use(self) -> tuple[CertificateSeen, ...]:
        """Those that a server that starts now uses."""
        own = (self.authentication,) if self.authentication else ()
        return (*own, *self.signing.values())


@dataclass(frozen=True, slots=True)
class InternalSeen:
    """The certificate of the information systems' HTTPS port."""

    file: Path
    key_file: Path
    certificate: x509.Certificate


SHOWN_DIGITS = 12
"""Of a digest, as `keys list` shows it."""


def short_id(certificate: x509.Certificate) -> str:
    """Return the beginning of a certificate's id, as `keys list` shows it."""
    return certificate_sha256(certificate).hex()[:SHOWN_DIGITS]
