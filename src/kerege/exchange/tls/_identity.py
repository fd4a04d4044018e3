"""A certificate with its chain and private key, and the way into an SSLContext.

`ssl` reads keys from files only. The key must not lie on a disk, so it goes through an
anonymous file in memory; where there is none, through an encrypted file whose random
password nobody keeps.
"""

import os
import secrets
import ssl
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

TLSPrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server shows in a handshake."""

    certificates: tuple[x509.Certificate, ...]
    """Its own certificate first, then intermediate CAs; never the root."""
    private_key: TLSPrivateKey = field(repr=False)
    """RSA or EC, in memory only."""

    def install(self, context: ssl.SSLContext) -> None:
        """Load certificates and key into ``context``."""
        chain = b"".join(c.public_bytes(Encoding.PEM) for c in self.certificates)
        with _key_file(self.private_key, chain) as (path, password):
            context.load_cert_chain(path, password=password)


def load_identity(
    cert_chain: Sequence[x509.Certificate], private_key: TLSPrivateKey
) -> Identity:
    """Return the identity made of a certificate, its issuers and its private key.

    Self-signed issuers are left out: a peer that gets a root asks for the root's OCSP
    response and fails (seen on 7.8). A lone self-signed certificate stays.

    Raises:
        ValueError: no certificate, or the key belongs to another certificate.
    """
    if not cert_chain:
        raise ValueError("An identity needs a certificate.")
    leaf, *issuers = cert_chain
    if _spki(leaf.public_key()) != _spki(private_key.public_key()):
        subject = leaf.subject.rfc4514_string()
        message = f"The private key does not belong to certificate {subject}."
        raise ValueError(message)
    without_root = [c for c in issuers if c.subject != c.issuer]
    return Identity((leaf, *without_root), private_key)


def _spki(public_key: object) -> bytes:
    if not isinstance(public_key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise ValueError("TLS certificates have RSA or EC keys.")  # noqa: TRY004  one error type for callers
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@contextmanager
def _key_file(key: TLSPrivateKey, chain: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Yield path and password of a PEM file with ``key`` and ``chain``."""
    if sys.platform == "linux" and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("identity", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_pem(key, NoEncryption()) + chain)
            file.flush()
            yield f"/proc/self/fd/{descriptor}", None
    else:
        password = secrets.token_hex(32).encode()
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(_pem(key, BestAvailableEncryption(password)) + chain)
            file.flush()
            yield file.name, password


def _pem(key: TLSPrivateKey, encryption: KeySerializationEncryption) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
