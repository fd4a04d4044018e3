"""Making a signed directory, byte for byte as the reference's central server does.

Source: ``DirectoryContentBuilder.java``, ``DirectoryContentSigner.java``,
``MultipartMessage.java``.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kerege.xroad.algorithms import SHA512, Digest
from kerege.xroad.signature import Signer
from kerege.xroad.x509 import certificate_der

BOUNDARY_CHARACTERS = 20
"""How long the reference's boundaries are, letters and digits."""


@dataclass(frozen=True, slots=True)
class DirectoryPart:
    """A file to be listed."""

    content_identifier: str
    location: str
    """Path on the server, from its root."""
    data: bytes


def version_path(version: int, generated_at: datetime, nanoseconds: int = 0) -> str:
    """Return the folder of one generated configuration.

    Args:
        version: The configuration's version.
        generated_at: When; its microseconds are used, then ``nanoseconds``.
        nanoseconds: 0 to 999, where the clock knows them.

    >>> version_path(6, datetime(2025, 11, 10, 17, 0, 0, 548026, UTC))
    '/V6/20251110170000548026000'
    """
    moment = generated_at.astimezone(UTC)
    return f"/V{version}/{moment:%Y%m%d%H%M%S%f}{nanoseconds:03d}"


@dataclass(frozen=True, slots=True)
class DirectoryContent:
    """What is to be signed."""

    instance: str
    version: int
    expires: datetime
    """Until when clients may use the configuration; whole seconds are written."""
    parts: tuple[DirectoryPart, ...]
    digest: Digest = SHA512
    """For the files and for the certificate."""


def build_signed_directory(
    content: DirectoryContent, *, signer: Signer, boundaries: tuple[str, str]
) -> bytes:
    """Return the signed directory of a configuration.

    Args:
        content: What is in it.
        signer: Has the configuration signing key. May block.
        boundaries: Two random strings of `BOUNDARY_CHARACTERS`, outer and inner.
    """
    outer, inner = boundaries
    expires = content.expires.astimezone(UTC)
    head = (
        f"Expire-date: {expires:%Y-%m-%dT%H:%M:%SZ}\r\nVersion: {content.version}\r\n"
    )
    signed = _multipart(inner, [head, *(_entry(p, content) for p in content.parts)])
    directory = f"{_content_type('multipart/mixed', inner)}\r\n\r\n{signed}"
    signature = _signature(signed.encode(), signer, content.digest)
    body = _multipart(outer, [directory, signature])
    return f"{_content_type('multipart/related', outer)}\r\n\r\n{body}".encode()


def _entry(part: DirectoryPart, content: DirectoryContent) -> str:
    identifier = f"{part.content_identifier}; instance='{content.instance}'"
    lines = (
        "Content-type: application/octet-stream",
        "Content-transfer-encoding: base64",
        f"Content-identifier: {identifier}",
        f"Content-location: {part.location}",
        f"Hash-algorithm-id: {content.digest.uri}",
        "",
        _base64(content.digest.of(part.data)),
    )
    return "\r\n".join(lines)


def _signature(signed: bytes, signer: Signer, digest: Digest) -> str:
    certificate_hash = _base64(digest.of(certificate_der(signer.certificate)))
    value = f'{certificate_hash}; hash-algorithm-id="{digest.uri}"'
    lines = (
        "Content-Type: application/octet-stream",
        "Content-Transfer-Encoding: base64",
        f"Signature-Algorithm-Id: {signer.algorithm.uri}",
        f"Verification-certificate-hash: {value}",
        "",
        _base64(signer.sign(signed)),
    )
    return "\r\n".join(lines)


def _multipart(boundary: str, parts: Sequence[str]) -> str:
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f"{body}--{boundary}--\r\n"


def _content_type(media_type: str, boundary: str) -> str:
    return f"Content-Type: {media_type}; charset=UTF-8; boundary={boundary}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
