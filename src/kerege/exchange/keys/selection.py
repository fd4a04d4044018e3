"""Which of a token's certificates to use: active, valid now, registered, newest."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from cryptography import x509

from kerege.exchange.keys.algorithms import PrivateKey
from kerege.exchange.keys.metadata import (
    CertificateRecord,
    CertificateStatus,
    KeyRecord,
    KeyUsage,
    TokenMetadata,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import name_keys

Pair = tuple[KeyRecord, CertificateRecord]

MAX_CHAIN = 8
"""Certificates shown to a peer; real chains have one or two."""


class AuthenticationKey(NamedTuple):
    """A server's authentication key, for the two rooms that wire it into TLS."""

    private_key: PrivateKey
    chain: tuple[x509.Certificate, ...]
    """The server's own certificate, then its intermediates, without the root."""

    def __repr__(self) -> str:
        return f"AuthenticationKey(chain={self.chain!r})"


def signing_certificate(
    metadata: TokenMetadata, member: ClientId, at: datetime
) -> Pair:
    """Return the member's signing certificate to use, with its key.

    Raises:
        XRoadError: ``unknown_member`` if the token has none of the member,
            ``key_not_available`` if none is active and valid.
    """
    owner = member.member
    found = [
        pair for pair in _pairs(metadata, KeyUsage.SIGNING) if pair[1].member == owner
    ]
    if not found:
        raise XRoadError(
            "unknown_member",
            f"Token {metadata.label} has no signing certificate of {owner}",
            advice="See: kerege security-server keys list. A certificate for this "
            "member must be imported: keys generate signing, keys request, keys import.",
        )
    return _best(found, at, f"Token {metadata.label}: signing certificate of {owner}")


def authentication_certificate(metadata: TokenMetadata, at: datetime) -> Pair:
    """Return the server's authentication certificate to use, with its key.

    Raises ``key_not_available`` if none is active and valid.
    """
    found = _pairs(metadata, KeyUsage.AUTHENTICATION)
    return _best(found, at, f"Token {metadata.label}: authentication certificate")


def chain_of(
    certificate: x509.Certificate, authorities: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """Return the certificate and the intermediates above it, without the root.

    Names decide; whoever gets the chain checks the signatures.
    """
    chain = [certificate]
    while len(chain) < MAX_CHAIN:
        issuer = name_keys(chain[-1])[1]
        above = next((ca for ca in authorities if name_keys(ca)[0] == issuer), None)
        if above is None or name_keys(above)[1] == issuer or above in chain:
            break
        chain.append(above)
    return tuple(chain)


def _pairs(metadata: TokenMetadata, usage: KeyUsage) -> list[Pair]:
    return [
        (key, record)
        for key in metadata.keys
        if key.usage is usage
        for record in key.certificates
    ]


def _best(found: Sequence[Pair], at: datetime, what: str) -> Pair:
    usable = [pair for pair in found if _is_usable(pair[1], at)]
    if not usable:
        raise XRoadError(
            "key_not_available",
            f"{what}: none is active and valid now",
            advice="See: kerege security-server keys list. Import a new certificate "
            "(keys import), or use one again (keys activate).",
        )
    return max(usable, key=_rank)


def _is_usable(record: CertificateRecord, at: datetime) -> bool:
    certificate = record.certificate
    return (
        record.active
        and certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
    )


def _rank(pair: Pair) -> tuple[bool, datetime]:
    record = pair[1]
    is_registered = record.status is CertificateStatus.REGISTERED
    return is_registered, record.certificate.not_valid_before_utc
