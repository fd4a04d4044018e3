"""Judging a time-stamp token, in the order of `TimestampVerifier.java`.

1. The imprint is the digest of the stamped data, else ``malformed_signature``.
2. The signer is an approved TSA certificate of the instance, else
   ``mlog.tsp_certificate_not_found`` (none approved at all:
   ``mlog.no_timestamping_provider_found``).
3. Else ``mlog.timestamp_signer_verification_failed``: the signed attributes name the
   content type and the digest of the TSTInfo, and the signature over them was made
   with the key of that certificate.
4. Under the same code, as RFC 3161 section 2.3 and 2.4.2 ask and the reference does
   not: the attributes hold the hash of that certificate, it is for time-stamping (its
   extendedKeyUsage says timeStamping), and the time lies within its validity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from kerege.xroad.faults import XRoadError
from kerege.xroad.timestamp._token import IssuerAndSerial, Token, read_token
from kerege.xroad.x509 import (
    STRONG,
    AlgorithmPolicy,
    certificate_der,
    extension_of,
    has_extended_usage,
    name_keys,
    subject_text,
    verify_signature_value,
)

TST_INFO = "1.2.840.113549.1.9.16.1.4"
"""Object identifier of the content type."""
_FAILED = "mlog.timestamp_signer_verification_failed"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A time that an approved time-stamping authority vouches for."""

    time: datetime
    """UTC."""
    certificate: x509.Certificate
    """The authority's certificate."""


def verify_timestamp(
    token: bytes,
    stamped: bytes,
    tsa_certificates: Sequence[x509.Certificate],
    *,
    policy: AlgorithmPolicy = STRONG,
) -> Timestamp:
    """Check that an approved authority stamped these data.

    Args:
        token: The token, DER or BER.
        stamped: The data: a signature value, or a time-stamp hash chain result.
        tsa_certificates: The approved authorities' certificates.
        policy: `LEGACY` for tokens from before 2017.

    Raises:
        XRoadError: the codes above; ``malformed_signature`` too if the token cannot be
            read, ``unsupported_algorithm`` if the imprint is over a broken digest.
    """
    read = read_token(token, code="malformed_signature")
    require_imprint_digest(read, policy)
    if read.imprint_digest.of(stamped) != read.imprint:
        raise XRoadError(
            "malformed_signature",
            "Timestamp hashes do not match: other data were stamped",
        )
    return verify_signer(read, tsa_certificates, policy=policy)


def verify_signer(
    token: Token,
    tsa_certificates: Sequence[x509.Certificate],
    *,
    policy: AlgorithmPolicy,
) -> Timestamp:
    """Check that an approved authority signed the token, whatever it stamps."""
    refusals: list[XRoadError] = []
    for certificate in _certificates_of(token, tsa_certificates):
        try:
            _verify_signer(token, certificate, policy)
        except XRoadError as refusal:
            refusals.append(refusal)
        else:
            return Timestamp(token.time, certificate)
    first = refusals[0]
    raise XRoadError(
        _FAILED, f"Failed to verify timestamp signer information: {first.message}"
    ) from first


def _verify_signer(
    token: Token, certificate: x509.Certificate, policy: AlgorithmPolicy
) -> None:
    _verify_attributes(token, certificate)
    verify_signature_value(
        certificate,
        token.scheme,
        token.signature_digest.primitive,
        token.signature,
        token.signed_attributes,
        policy=policy,
    )
    _require_authority(token, certificate)


def require_imprint_digest(token: Token, policy: AlgorithmPolicy) -> None:
    """Check that other data with the same imprint cannot be made."""
    if token.imprint_digest.hashlib_name == "sha1" and not policy.allow_sha1:
        raise XRoadError(
            "unsupported_algorithm", "The imprint of a time-stamp token is over SHA-1"
        )


def _certificates_of(
    token: Token, tsa_certificates: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Return the approved certificates that the token may mean, at least one.

    Two authorities may have certificates with the same name and number: one renewed
    its certificate under the old number, or two CAs have the same name.
    """
    if not tsa_certificates:
        raise XRoadError(
            "mlog.no_timestamping_provider_found",
            "No time-stamping authorities are approved",
        )
    found = [one for one in tsa_certificates if _is_signer(token.signer, one)]
    if found:
        return found
    raise XRoadError(
        "mlog.tsp_certificate_not_found",
        "Could not find TSP certificate for timestamp: no approved time-stamping "
        "authority has signed it",
        advice="The authority may have a new certificate that the central server does "
        "not list yet.",
    )


def _is_signer(signer: IssuerAndSerial | bytes, certificate: x509.Certificate) -> bool:
    if isinstance(signer, bytes):
        identifier = extension_of(certificate, x509.SubjectKeyIdentifier)
        return identifier is not None and identifier.digest == signer
    return signer.serial_number == certificate.serial_number and sorted(
        signer.issuer
    ) == sorted(name_keys(certificate)[1])


def _verify_attributes(token: Token, certificate: x509.Certificate) -> None:
    if token.content_type != TST_INFO:
        raise XRoadError(_FAILED, "the signed content type is not TSTInfo")
    if token.digest.of(token.content) != token.message_digest:
        raise XRoadError(_FAILED, "the signed message digest is that of other content")
    if not token.certificate_hashes:
        raise XRoadError(_FAILED, "the signed attributes do not name the certificate")
    der = certificate_der(certificate)
    for digest, value in token.certificate_hashes:
        if digest.of(der) != value:
            raise XRoadError(_FAILED, "the signed attributes name another certificate")


def _require_authority(token: Token, certificate: x509.Certificate) -> None:
    if not has_extended_usage(certificate, ExtendedKeyUsageOID.TIME_STAMPING):
        raise XRoadError(
            _FAILED, f"{subject_text(certificate)} is not a certificate for time-stamps"
        )
    not_before = certificate.not_valid_before_utc
    not_after = certificate.not_valid_after_utc
    if not not_before <= token.time <= not_after:
        raise XRoadError(
            _FAILED,
            f"the certificate {subject_text(certificate)} is valid from {not_before} "
            f"to {not_after}, the time-stamp is from {token.time}",
        )
