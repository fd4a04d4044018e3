"""X.509 certificates as values: reading, comparing, and checking one signature.

Rules (RFC 5280; X-Road adds nothing of its own here):

* Any bytes give a certificate or ``incorrect_certificate``, never another exception.
* Two names are equal when their attributes are, ignoring case, string type and
  superfluous white space (RFC 5280 section 7.1).
* Keys and digests that are too weak are refused unless the caller's `AlgorithmPolicy`
  says otherwise: only verifiers of old documents have a reason to.
"""

import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, TypeVar

from cryptography import x509
from cryptography.exceptions import (
    InternalError,
    InvalidSignature,
    UnsupportedAlgorithm,
)
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from kerege.xroad.algorithms import MIN_EC_BITS, MIN_RSA_BITS
from kerege.xroad.faults import XRoadError
from kerege.xroad.identity import ByIdentity

MAX_CERTIFICATE_BYTES = 16 * 1024
"""Longest certificate read; real ones have 1 to 4 KB."""
NAMES_OF_ATTRIBUTES = {x509.NameOID.SERIAL_NUMBER: "serialNumber"}
"""In subjects by the profiles of X-Road, and nameless in RFC 4514."""
CACHED_CERTIFICATES = 512
"""Parsed certificates kept: the servers of a large instance, 8 MB at the very most."""
MAX_RSA_BITS = 8192
"""A longer modulus adds no security that counts, only work for whoever checks it."""
MAX_RSA_EXPONENT_BITS = 64
"""As OpenSSL has it for keys above 3072 bits; below, one as long as the modulus makes a
check cost seventy times as much."""

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
"""The kinds of key that X-Road knows."""
SignatureScheme: TypeAlias = padding.PKCS1v15 | padding.PSS | ec.ECDSA
"""How a signature was made, as pyca/cryptography reads it from an AlgorithmIdentifier."""
NameKey: TypeAlias = tuple[tuple[tuple[str, str], ...], ...]
"""A distinguished name in comparable form."""

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)

UNREADABLE = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
    UnsupportedAlgorithm,
    InternalError,
)
"""What pyca/cryptography raises for bytes it does not like."""


@dataclass(frozen=True, slots=True)
class AlgorithmPolicy:
    """Which keys and digests a verifier accepts."""

    min_rsa_bits: int = MIN_RSA_BITS
    min_ec_bits: int = MIN_EC_BITS
    allow_sha1: bool = False
    """Accept signatures over SHA-1, for which collisions can be made since 2017."""


STRONG = AlgorithmPolicy()
"""For everything that is signed today."""
LEGACY = AlgorithmPolicy(min_rsa_bits=1024, allow_sha1=True)
"""What the reference accepts; for documents from before 2017."""


@lru_cache(maxsize=CACHED_CERTIFICATES)
def load_certificate(der: bytes) -> x509.Certificate:
    """Read a certificate in DER form. Raises ``incorrect_certificate``.

    Names, validity and extensions of the result are sure to be readable; the public
    key is read by `public_key`.
    """
    if len(der) > MAX_CERTIFICATE_BYTES:
        too_long = f"it is longer than {MAX_CERTIFICATE_BYTES} bytes"
        raise _incorrect(too_long)
    try:
        with quiet():
            certificate = x509.load_der_x509_certificate(der)
            name_keys(certificate)
            _ = certificate.extensions, certificate.serial_number
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except UNREADABLE as error:
        raise _incorrect(str(error)) from error
    return certificate


@contextmanager
def quiet() -> Iterator[None]:
    """Read names without warnings: X-Road has instances in the country attribute."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def certificate_der(certificate: x509.Certificate) -> bytes:
    """Return the certificate in DER form."""
    return certificate.public_bytes(serialization.Encoding.DER)


def _fingerprint(certificate: x509.Certificate) -> bytes:
    return certificate.fingerprint(hashes.SHA256())


_fingerprints = ByIdentity(_fingerprint, CACHED_CERTIFICATES)


def certificate_sha256(certificate: x509.Certificate) -> bytes:
    """Return the SHA-256 of the certificate's DER form, 32 bytes."""
    return _fingerprints(certificate)


def public_key(certificate: x509.Certificate) -> PublicKey:
    """Return the certificate's key. Raises ``unsupported_algorithm``."""
    try:
        key = certificate.public_key()
    except UNREADABLE as error:
        raise _unsupported(certificate, f"cannot be used: {error}") from error
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise _unsupported(certificate, f"is a {type(key).__name__}, not RSA or EC")
    return key


def require_strong_key(
    certificate: x509.Certificate, policy: AlgorithmPolicy
) -> PublicKey:
    """Return the certificate's key if the policy accepts it.

    Raises ``unsupported_algorithm``.
    """
    key = public_key(certificate)
    is_rsa = isinstance(key, rsa.RSAPublicKey)
    minimum = policy.min_rsa_bits if is_rsa else policy.min_ec_bits
    if not minimum <= key.key_size <= MAX_RSA_BITS:
        raise _unsupported(
            certificate,
            f"has {key.key_size} bits; {minimum} to {MAX_RSA_BITS} are accepted",
        )
    if isinstance(key, rsa.RSAPublicKey):
        bits = key.public_numbers().e.bit_length()
        if bits > MAX_RSA_EXPONENT_BITS:
            raise _unsupported(certificate, f"has a public exponent of {bits} bits")
    return key


def verify_signature_value(
    signer: x509.Certificate,
    scheme: SignatureScheme | None,
    digest: hashes.HashAlgorithm | None,
    signature: bytes,
    data: bytes,
    *,
    policy: AlgorithmPolicy,
) -> None:
    """Check a signature that ``signer``'s key is said to have made over ``data``.

    Raises:
        XRoadError: ``invalid_signature_value`` if the value does not fit,
            ``unsupported_algorithm`` if key, scheme or digest are not accepted.
    """
    key = require_strong_key(signer, policy)
    algorithm = _require_strong_digest(digest, policy)
    try:
        if isinstance(key, rsa.RSAPublicKey) and isinstance(
            scheme, padding.PKCS1v15 | padding.PSS
        ):
            key.verify(signature, data, scheme, algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(
            scheme, ec.ECDSA
        ):
            key.verify(signature, data, scheme)
        else:
            raise _unsupported(signer, "cannot have made a signature of this kind")
    except InvalidSignature:
        raise XRoadError(
            "invalid_signature_value",
            f"The signature was not made with the key of {subject_text(signer)}",
        ) from None
    except UNREADABLE as error:
        raise _unsupported(signer, f"cannot be used: {error}") from error


def verify_issued(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    *,
    policy: AlgorithmPolicy,
) -> None:
    """Check the signature on ``certificate`` against the key of ``issuer``.

    Raises ``invalid_signature_value`` or ``unsupported_algorithm``. Names are not
    compared: see `name_keys`.
    """
    try:
        scheme = certificate.signature_algorithm_parameters
        digest = certificate.signature_hash_algorithm
    except UNREADABLE as error:
        raise _unsupported(certificate, f"is signed in an unknown way: {error}") from (
            error
        )
    verify_signature_value(
        issuer,
        scheme,
        digest,
        certificate.signature,
        certificate.tbs_certificate_bytes,
        policy=policy,
    )


@lru_cache(maxsize=CACHED_CERTIFICATES)
def name_keys(certificate: x509.Certificate) -> tuple[NameKey, NameKey]:
    """Return subject and issuer in comparable form."""
    with quiet():
        return name_key(certificate.subject), name_key(certificate.issuer)


def name_key(name: x509.Name) -> NameKey:
    """Return a name in comparable form."""
    return tuple(
        tuple(
            sorted(
                (attribute.oid.dotted_string, comparable(attribute.value))
                for attribute in rdn
            )
        )
        for rdn in name.rdns
    )


def has_extended_usage(
    certificate: x509.Certificate, usage: x509.ObjectIdentifier
) -> bool:
    """Whether the extendedKeyUsage extension is there and names ``usage``."""
    extension = extension_of(certificate, x509.ExtendedKeyUsage)
    return extension is not None and usage in extension


def extension_of(
    certificate: x509.Certificate, kind: type[ExtensionT]
) -> ExtensionT | None:
    """Return the extension of this kind, or None. Raises ``incorrect_certificate``."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except UNREADABLE as error:
        raise _incorrect(str(error)) from error


def subject_text(certificate: x509.Certificate) -> str:
    """Return the subject for people (RFC 4514)."""
    with quiet():
        return certificate.subject.rfc4514_string(NAMES_OF_ATTRIBUTES)


def issuer_text(certificate: x509.Certificate) -> str:
    """Return the issuer for people (RFC 4514)."""
    with quiet():
        return certificate.issuer.rfc4514_string(NAMES_OF_ATTRIBUTES)


def comparable(value: str | bytes) -> str:
    """Return an attribute's value in the form that name keys have."""
    if isinstance(value, bytes):
        return f"#{value.hex()}"
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def _require_strong_digest(
    digest: hashes.HashAlgorithm | None, policy: AlgorithmPolicy
) -> hashes.HashAlgorithm:
    if isinstance(digest, hashes.SHA1) and policy.allow_sha1:
        return digest
    if isinstance(
        digest, hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512
    ):
        return digest
    name = digest.name if digest is not None else "none"
    raise XRoadError(
        "unsupported_algorithm",
        f"Signatures with the digest algorithm {name} are not accepted",
    )


def _incorrect(reason: str) -> XRoadError:
    return XRoadError("incorrect_certificate", f"Cannot read a certificate: {reason}")


def _unsupported(certificate: x509.Certificate, what: str) -> XRoadError:
    return XRoadError(
        "unsupported_algorithm", f"The key of {subject_text(certificate)} {what}"
    )
