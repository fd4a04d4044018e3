"""Changes to a token's metadata, as functions from the old value to the new."""

from collections.abc import Callable
from dataclasses import replace

from cryptography import x509

from kerege.exchange.keys.algorithms import key_id_of, public_key_info
from kerege.exchange.keys.metadata import (
    CertificateRecord,
    CertificateStatus,
    KeyRecord,
    KeyUsage,
    TokenMetadata,
)
from kerege.xroad.certificates import (
    is_authentication_certificate,
    is_signing_certificate,
    load_certificate,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import certificate_der, public_key, subject_text


def read_certificate(certificate: bytes | x509.Certificate) -> x509.Certificate:
    """Return a certificate given as value, DER or PEM.

    Raises ``incorrect_certificate``.
    """
    if isinstance(certificate, x509.Certificate):
        return load_certificate(certificate_der(certificate))
    if not certificate.lstrip().startswith(b"-----BEGIN"):
        return load_certificate(certificate)
    try:
        value = x509.load_pem_x509_certificate(certificate)
    except ValueError as error:
        raise XRoadError(
            "incorrect_certificate", f"Cannot read a certificate: {error}"
        ) from error
    return load_certificate(certificate_der(value))


def with_certificate(
    metadata: TokenMetadata,
    certificate: x509.Certificate,
    member: ClientId | None,
    status: CertificateStatus | None,
) -> TokenMetadata:
    """Return the metadata with a certificate added to its key.

    Raises:
        XRoadError: ``key_not_found``, ``cert_exists``, ``wrong_cert_usage``,
            ``cannot_get_member_id_from_certificate``, ``unsupported_algorithm``.
    """
    key = owner_of(metadata, certificate)
    if any(record.certificate == certificate for record in key.certificates):
        raise XRoadError(
            "cert_exists",
            f"Certificate {subject_text(certificate)} is already in this token",
        )
    _require_usage(certificate, key.usage)
    is_signing = key.usage is KeyUsage.SIGNING
    if is_signing and member is None:
        raise XRoadError(
            "cannot_get_member_id_from_certificate",
            f"Whose signing certificate {subject_text(certificate)} is, is not known",
        )
    default = CertificateStatus.REGISTERED if is_signing else CertificateStatus.SAVED
    record = CertificateRecord(
        certificate,
        member.member if member and is_signing else None,
        status or default,
        active=True,
    )
    return metadata.with_key(replace(key, certificates=(*key.certificates, record)))


def owner_of(metadata: TokenMetadata, certificate: x509.Certificate) -> KeyRecord:
    """Return the key that a certificate is for. Raises ``key_not_found``."""
    info = public_key_info(public_key(certificate))
    for key in metadata.keys:
        if key.key_id == key_id_of(info):
            return key
    raise XRoadError(
        "key_not_found",
        f"Certificate {subject_text(certificate)} is for no key of token "
        f"{metadata.label}",
        advice="It was issued for a request of another token, or the key is deleted.",
    )


def with_changed_certificate(
    metadata: TokenMetadata,
    certificate: x509.Certificate,
    change: Callable[[CertificateRecord], CertificateRecord | None],
) -> TokenMetadata:
    """Return the metadata with one certificate's record changed; None removes it.

    Raises ``cert_not_found``.
    """
    for key in metadata.keys:
        for place, record in enumerate(key.certificates):
            if record.certificate == certificate:
                changed = change(record)
                records = list(key.certificates)
                records[place : place + 1] = [changed] if changed else []
                return metadata.with_key(replace(key, certificates=tuple(records)))
    raise XRoadError(
        "cert_not_found",
        f"Certificate {subject_text(certificate)} is not in token {metadata.label}",
    )


def without_key(metadata: TokenMetadata, key_id: str) -> TokenMetadata:
    """Return the metadata without a key. Raises ``key_not_found``."""
    gone = metadata.key(key_id)
    kept = tuple(key for key in metadata.keys if key is not gone)
    return replace(metadata, keys=kept)


def _require_usage(certificate: x509.Certificate, usage: KeyUsage) -> None:
    fits = (
        is_signing_certificate(certificate)
        if usage is KeyUsage.SIGNING
        else is_authentication_certificate(certificate)
    )
    if not fits:
        raise XRoadError(
            "wrong_cert_usage",
            f"Certificate {subject_text(certificate)} is not for {usage.value}, "
            "as its key is",
        )
