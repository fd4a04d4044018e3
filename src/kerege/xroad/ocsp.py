"""OCSP: asking for the status of a certificate, and judging the answer.

Rules (RFC 6960; `OcspVerifier.java`, `CertHelper.java`), in the order of the checks:

1. The first single response is about this certificate: its CertID, made with SHA-1,
   names the issuer (name and key) and the serial number.
2. The responder is known: its name or the hash of its key belongs to a configured
   responder certificate, to a CA of the instance, or to a certificate inside the
   response; and the signature was made with that key.
3. The responder is authorised: it is configured for this CA, or is the issuer itself,
   or was issued by the issuer with extended key usage OCSPSigning. Beyond the
   reference: unless it is the issuer, its certificate was valid at ``thisUpdate``.
4. ``thisUpdate`` is not older than the instance allows. A time to come is not refused.
5. ``nextUpdate``, if there is one, is not past, unless the instance says not to look.
6. The status is good.

A response that fails 1 to 5 is ``incorrect_validation_info``, 6 is ``cert_validation``.
The verifier never asked, so there is no nonce to compare. Two certificates may have
the responder's name: each is tried, so a renewed key does not break verification.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from kerege.xroad.faults import XRoadError
from kerege.xroad.x509 import (
    CACHED_CERTIFICATES,
    UNREADABLE,
    AlgorithmPolicy,
    NameKey,
    SignatureScheme,
    certificate_der,
    has_extended_usage,
    load_certificate,
    name_key,
    name_keys,
    quiet,
    subject_text,
    verify_issued,
    verify_signature_value,
)

MAX_OCSP_RESPONSE_BYTES = 64 * 1024
"""Longest response read; real ones have 2 to 6 KB."""
MAX_RESPONDER_CERTIFICATES = 8
"""Most certificates read from one response: a responder and its chain."""

_INCORRECT = "incorrect_validation_info"

_SCHEMES: dict[x509.ObjectIdentifier, type[padding.PKCS1v15] | type[ec.ECDSA]] = {
    SignatureAlgorithmOID.RSA_WITH_SHA1: padding.PKCS1v15,
    SignatureAlgorithmOID.RSA_WITH_SHA224: padding.PKCS1v15,
    SignatureAlgorithmOID.RSA_WITH_SHA256: padding.PKCS1v15,
    SignatureAlgorithmOID.RSA_WITH_SHA384: padding.PKCS1v15,
    SignatureAlgorithmOID.RSA_WITH_SHA512: padding.PKCS1v15,
    SignatureAlgorithmOID.ECDSA_WITH_SHA1: ec.ECDSA,
    SignatureAlgorithmOID.ECDSA_WITH_SHA224: ec.ECDSA,
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: ec.ECDSA,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: ec.ECDSA,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: ec.ECDSA,
}


class OcspTrust(Protocol):
    """What the check asks of the instance; `kerege.xroad.certificates.Trust` has it."""

    @property
    def ca_certificates(self) -> Sequence[x509.Certificate]:
        """All approved CA certificates."""

    @property
    def responder_certificates(self) -> Sequence[x509.Certificate]:
        """All configured OCSP responder certificates."""

    def responders_of(self, ca: x509.Certificate) -> Sequence[x509.Certificate]:
        """Return the responder certificates configured for this CA certificate."""

    @property
    def ocsp_freshness_seconds(self) -> int:
        """How old ``thisUpdate`` may be."""

    @property
    def verify_ocsp_next_update(self) -> bool:
        """Whether ``nextUpdate`` is looked at."""

    @property
    def algorithms(self) -> AlgorithmPolicy:
        """Which keys and digests are accepted."""


@dataclass(frozen=True, slots=True)
class CertId:
    """The name that OCSP has for a certificate."""

    issuer_name_hash: bytes
    """SHA-1 of the issuer's name in DER form."""
    issuer_key_hash: bytes
    """SHA-1 of the issuer's public key."""
    serial_number: int


@dataclass(frozen=True, slots=True)
class OcspResponse:
    """A response that was read and not yet verified."""

    cert_id: CertId | None
    """None if it was not made with SHA-1."""
    status: str
    """``GOOD``, ``REVOKED`` or ``UNKNOWN``."""
    revoked_at: datetime | None
    this_update: datetime
    next_update: datetime | None
    responder: NameKey | bytes
    """The responder's name, or the SHA-1 of its public key."""
    certificates: tuple[x509.Certificate, ...]
    scheme: SignatureScheme | None
    digest: hashes.HashAlgorithm | None
    signature: bytes
    signed: bytes


@dataclass(frozen=True, slots=True)
class OcspStatus:
    """A response that was verified, with status good."""

    this_update: datetime
    next_update: datetime | None
    responder: x509.Certificate
    """Who signed it."""
    valid_until: datetime
    """Last instant at which the same response would still be accepted."""


def ocsp_request(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """Build the request for a certificate's status: SHA-1 CertID, no nonce."""
    return _request(certificate, issuer).public_bytes(serialization.Encoding.DER)


@lru_cache(maxsize=CACHED_CERTIFICATES)
def cert_id(certificate: x509.Certificate, issuer: x509.Certificate) -> CertId:
    """Return the name that OCSP has for ``certificate``, issued by ``issuer``."""
    request = _request(certificate, issuer)
    return CertId(
        request.issuer_name_hash, request.issuer_key_hash, request.serial_number
    )


def read_ocsp_response(response: bytes) -> OcspResponse:
    """Read a response without verifying it. Raises ``incorrect_validation_info``."""
    if len(response) > MAX_OCSP_RESPONSE_BYTES:
        raise XRoadError(
            _INCORRECT,
            f"The OCSP response is longer than {MAX_OCSP_RESPONSE_BYTES} bytes",
        )
    try:
        with quiet():
            return _read(ocsp.load_der_ocsp_response(response))
    except UNREADABLE as error:
        raise XRoadError(
            _INCORRECT, f"The OCSP response cannot be read: {error}"
        ) from error


def find_ocsp_response(
    responses: Iterable[OcspResponse],
    certificate: x509.Certificate,
    issuer: x509.Certificate,
) -> OcspResponse | None:
    """Return the first response about ``certificate``, or None."""
    wanted = cert_id(certificate, issuer)
    return next((r for r in responses if r.cert_id == wanted), None)


def verify_ocsp_response(
    response: bytes | OcspResponse,
    *,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    trust: OcspTrust,
    at: datetime,
) -> OcspStatus:
    """Check that ``response`` says that ``certificate`` is good at the time ``at``.

    Raises:
        XRoadError: ``incorrect_validation_info`` if the response cannot be believed,
            ``cert_validation`` if the certificate is revoked or unknown.
    """
    if isinstance(response, bytes):
        response = read_ocsp_response(response)
    if response.cert_id != cert_id(certificate, issuer):
        raise XRoadError(
            _INCORRECT,
            f"The OCSP response is not about {subject_text(certificate)}, "
            f"serial number {certificate.serial_number}",
        )
    responder = _verified_responder(response, issuer, trust)
    valid_until = _require_fresh(response, trust, at)
    if response.status != "GOOD":
        raise _not_good(response, certificate)
    return OcspStatus(
        response.this_update, response.next_update, responder, valid_until
    )


def _request(
    certificate: x509.Certificate, issuer: x509.Certificate
) -> ocsp.OCSPRequest:
    builder = ocsp.OCSPRequestBuilder()
    digest = hashes.SHA1()  # noqa: S303 - the CertID of X-Road, not a signature
    return builder.add_certificate(certificate, issuer, digest).build()


def _read(response: ocsp.OCSPResponse) -> OcspResponse:
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise XRoadError(
            _INCORRECT, f"The OCSP responder answered {response.response_status.name}"
        )
    single = next(iter(response.responses), None)
    if single is None:
        raise XRoadError(
            _INCORRECT, "The OCSP response says nothing about any certificate"
        )
    scheme = _SCHEMES.get(response.signature_algorithm_oid)
    digest = response.signature_hash_algorithm if scheme else None
    return OcspResponse(
        _cert_id_of(single),
        single.certificate_status.name,
        single.revocation_time_utc,
        single.this_update_utc,
        single.next_update_utc,
        _responder_id(response),
        _certificates_in(response),
        _scheme(scheme, digest),
        digest,
        response.signature,
        response.tbs_response_bytes,
    )


def _cert_id_of(single: ocsp.OCSPSingleResponse) -> CertId | None:
    if not isinstance(single.hash_algorithm, hashes.SHA1):
        return None
    return CertId(single.issuer_name_hash, single.issuer_key_hash, single.serial_number)


def _responder_id(response: ocsp.OCSPResponse) -> NameKey | bytes:
    if response.responder_name is not None:
        return name_key(response.responder_name)
    return response.responder_key_hash or b""


def _certificates_in(response: ocsp.OCSPResponse) -> tuple[x509.Certificate, ...]:
    certificates = response.certificates
    if len(certificates) > MAX_RESPONDER_CERTIFICATES:
        raise XRoadError(
            _INCORRECT,
            f"The OCSP response has more than {MAX_RESPONDER_CERTIFICATES} certificates",
        )
    try:
        return tuple(load_certificate(certificate_der(c)) for c in certificates)
    except XRoadError as error:
        raise XRoadError(_INCORRECT, f"In an OCSP response: {error.message}") from error


def _scheme(
    scheme: type[padding.PKCS1v15] | type[ec.ECDSA] | None,
    digest: hashes.HashAlgorithm | None,
) -> SignatureScheme | None:
    if scheme is padding.PKCS1v15:
        return padding.PKCS1v15()
    return ec.ECDSA(digest) if digest else None


def _verified_responder(
    response: OcspResponse, issuer: x509.Certificate, trust: OcspTrust
) -> x509.Certificate:
    """Return the certificate of the responder that signed, if it was allowed to."""
    refusal = XRoadError(_INCORRECT, "The responder of an OCSP response is not known")
    for candidate in _candidates(response, trust):
        try:
            verify_signature_value(
                candidate,
                response.scheme,
                response.digest,
                response.signature,
                response.signed,
                policy=trust.algorithms,
            )
        except XRoadError as error:
            refusal = XRoadError(
                _INCORRECT,
                f"The OCSP response's signature is not valid: {error.message}",
            )
            continue
        if not _is_authorised(candidate, issuer, trust):
            refusal = XRoadError(
                _INCORRECT,
                f"The OCSP responder {subject_text(candidate)} is not authorised to "
                f"answer for {subject_text(issuer)}",
            )
        elif candidate != issuer and not _was_valid(candidate, response.this_update):
            refusal = XRoadError(
                _INCORRECT,
                f"The responder's certificate {subject_text(candidate)} was not "
                f"valid at {response.this_update}",
            )
        else:
            return candidate
    raise refusal


def _candidates(response: OcspResponse, trust: OcspTrust) -> Iterator[x509.Certificate]:
    known = (
        *trust.responder_certificates,
        *trust.ca_certificates,
        *response.certificates,
    )
    wanted = response.responder
    for certificate in dict.fromkeys(known):
        if isinstance(wanted, bytes):
            if _key_hash(certificate) == wanted:
                yield certificate
        elif sorted(name_keys(certificate)[0]) == sorted(wanted):
            # Java responders write their name in the order of RFC 2253, reversed;
            # the reference's comparison does not look at the order.
            yield certificate


@lru_cache(maxsize=CACHED_CERTIFICATES)
def _key_hash(certificate: x509.Certificate) -> bytes | None:
    try:
        key = certificate.public_key()
    except UNREADABLE:
        return None
    return x509.SubjectKeyIdentifier.from_public_key(key).digest


def _is_authorised(
    responder: x509.Certificate, issuer: x509.Certificate, trust: OcspTrust
) -> bool:
    if responder == issuer or responder in trust.responders_of(issuer):
        return True
    if name_keys(responder)[1] != name_keys(issuer)[0]:
        return False
    if not has_extended_usage(responder, ExtendedKeyUsageOID.OCSP_SIGNING):
        return False
    try:
        verify_issued(responder, issuer, policy=trust.algorithms)
    except XRoadError:
        return False
    return True


def _was_valid(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _require_fresh(response: OcspResponse, trust: OcspTrust, at: datetime) -> datetime:
    valid_until = _later(response.this_update, trust.ocsp_freshness_seconds)
    if valid_until < at:
        raise XRoadError(
            _INCORRECT,
            f"The OCSP response is too old: thisUpdate is {response.this_update}, "
            f"{trust.ocsp_freshness_seconds} seconds are allowed",
        )
    next_update = response.next_update
    if next_update is None or not trust.verify_ocsp_next_update:
        return valid_until
    if next_update < at:
        raise XRoadError(
            _INCORRECT, f"The OCSP response is too old: nextUpdate was {next_update}"
        )
    return min(valid_until, next_update)


def _later(moment: datetime, seconds: int) -> datetime:
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _not_good(response: OcspResponse, certificate: x509.Certificate) -> XRoadError:
    since = f" since {response.revoked_at}" if response.revoked_at else ""
    return XRoadError(
        "cert_validation",
        f"The OCSP responder says that certificate {subject_text(certificate)} is "
        f"{response.status}{since}",
    )
