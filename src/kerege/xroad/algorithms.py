"""Digest and signature algorithms: their X-Road names, their URIs, their functions.

Source: `doc/Protocols/pr-messtransp`, W3C XML Signature and Encryption, RFC 6931.
X-Road names a digest ``SHA-512`` in HTTP headers and by URI inside documents.
"""

import hashlib
from dataclasses import dataclass
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from kerege.xroad.faults import XRoadError

MIN_RSA_BITS = 2048
"""Keys below are refused everywhere (NIST SP 800-131A, X-Road's own minimum)."""

MIN_EC_BITS = 224
"""Shorter curves have less than 112 bits of security (NIST SP 800-57)."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest algorithm."""

    name: str
    """X-Road's name, e.g. ``SHA-512``."""
    uri: str
    """URI in XML documents."""
    hashlib_name: str

    def of(self, data: bytes) -> bytes:
        """Return the digest of ``data``."""
        return _CONSTRUCTORS[self.hashlib_name](data).digest()

    def new(self) -> "hashlib._Hash":
        """Return a fresh incremental hash object."""
        return _CONSTRUCTORS[self.hashlib_name]()

    @property
    def primitive(self) -> hashes.HashAlgorithm:
        """The algorithm as pyca/cryptography wants it."""
        return _PRIMITIVES[self.hashlib_name]()


_CONSTRUCTORS = {
    "sha1": hashlib.sha1,
    "sha224": hashlib.sha224,
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}
"""Faster than `hashlib.new`, which looks the name up for every digest."""

_PRIMITIVES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}

SHA1 = Digest("SHA-1", "http://www.w3.org/2000/09/xmldsig#sha1", "sha1")
"""Only where X-Road still has it: OCSP CertIDs and authCertHash of V2. No document and
no header can ask for it: who finds a collision would have one signature for two texts."""
SHA224 = Digest("SHA-224", "http://www.w3.org/2001/04/xmldsig-more#sha224", "sha224")
SHA256 = Digest("SHA-256", "http://www.w3.org/2001/04/xmlenc#sha256", "sha256")
SHA384 = Digest("SHA-384", "http://www.w3.org/2001/04/xmldsig-more#sha384", "sha384")
SHA512 = Digest("SHA-512", "http://www.w3.org/2001/04/xmlenc#sha512", "sha512")

_DIGESTS = (SHA224, SHA256, SHA384, SHA512)
_DIGEST_BY_NAME = {d.name: d for d in _DIGESTS}
_DIGEST_BY_URI = {d.uri: d for d in _DIGESTS}


def digest_by_name(name: str) -> Digest:
    """Return the digest named in a header. Raises ``unsupported_algorithm``."""
    try:
        return _DIGEST_BY_NAME[name]
    except KeyError:
        raise _unsupported("digest algorithm", name) from None


def digest_by_uri(uri: str) -> Digest:
    """Return the digest of a document's URI. Raises ``unsupported_algorithm``."""
    try:
        return _DIGEST_BY_URI[uri]
    except KeyError:
        raise _unsupported("digest algorithm", uri) from None


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """A signature algorithm: ``kind`` is ``RSA``, ``RSA-PSS`` or ``ECDSA``."""

    name: str
    """JCA name as X-Road writes it, e.g. ``SHA512withRSA``."""
    uri: str
    kind: str
    digest: Digest


_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_PSS = "http://www.w3.org/2007/05/xmldsig-more#"
_SIGNATURES = (
    SignatureAlgorithm("SHA256withRSA", _MORE + "rsa-sha256", "RSA", SHA256),
    SignatureAlgorithm("SHA384withRSA", _MORE + "rsa-sha384", "RSA", SHA384),
    SignatureAlgorithm("SHA512withRSA", _MORE + "rsa-sha512", "RSA", SHA512),
    SignatureAlgorithm(
        "SHA256withRSAandMGF1", _PSS + "sha256-rsa-MGF1", "RSA-PSS", SHA256
    ),
    SignatureAlgorithm(
        "SHA384withRSAandMGF1", _PSS + "sha384-rsa-MGF1", "RSA-PSS", SHA384
    ),
    SignatureAlgorithm(
        "SHA512withRSAandMGF1", _PSS + "sha512-rsa-MGF1", "RSA-PSS", SHA512
    ),
    SignatureAlgorithm("SHA224withECDSA", _MORE + "ecdsa-sha224", "ECDSA", SHA224),
    SignatureAlgorithm("SHA256withECDSA", _MORE + "ecdsa-sha256", "ECDSA", SHA256),
    SignatureAlgorithm("SHA384withECDSA", _MORE + "ecdsa-sha384", "ECDSA", SHA384),
    SignatureAlgorithm("SHA512withECDSA", _MORE + "ecdsa-sha512", "ECDSA", SHA512),
)
_SIGNATURE_BY_NAME = {s.name: s for s in _SIGNATURES}
_SIGNATURE_BY_URI = {s.uri: s for s in _SIGNATURES}


def signature_by_name(name: str) -> SignatureAlgorithm:
    """Return the algorithm with this JCA name. Raises ``unsupported_algorithm``."""
    try:
        return _SIGNATURE_BY_NAME[name]
    except KeyError:
        raise _unsupported("signature algorithm", name) from None


def signature_by_uri(uri: str) -> SignatureAlgorithm:
    """Return the algorithm with this URI. Raises ``unsupported_algorithm``."""
    try:
        return _SIGNATURE_BY_URI[uri]
    except KeyError:
        raise _unsupported("signature algorithm", uri) from None


def signature_algorithm_for(
    public_key: PublicKeyTypes, digest: Digest = SHA512
) -> SignatureAlgorithm:
    """Return the algorithm with which a key of this kind signs, given the digest."""
    kind = "ECDSA" if isinstance(public_key, ec.EllipticCurvePublicKey) else "RSA"
    return signature_by_name(f"{digest.name.replace('-', '')}with{kind}")


def verify_raw(
    algorithm: SignatureAlgorithm,
    public_key: PublicKeyTypes,
    signature: bytes,
    data: bytes,
) -> None:
    """Check a signature value; an ECDSA value is in ASN.1 DER form.

    Raises:
        XRoadError: ``invalid_signature_value`` if the value does not fit the data,
            ``unsupported_algorithm`` if the key does not fit the algorithm or is weak.
    """
    digest = algorithm.digest.primitive
    try:
        if isinstance(public_key, rsa.RSAPublicKey) and algorithm.kind != "ECDSA":
            _require_strong(public_key)
            pad = (
                padding.PKCS1v15()
                if algorithm.kind == "RSA"
                else padding.PSS(padding.MGF1(digest), digest.digest_size)
            )
            public_key.verify(signature, data, pad, digest)
        elif (
            isinstance(public_key, ec.EllipticCurvePublicKey)
            and algorithm.kind == "ECDSA"
        ):
            _require_strong(public_key)
            public_key.verify(signature, data, ec.ECDSA(digest))
        else:
            raise XRoadError(
                "unsupported_algorithm",
                f"A key of type {type(public_key).__name__} cannot make a signature "
                f"of type {algorithm.name}",
            )
    except InvalidSignature:
        if (
            isinstance(public_key, rsa.RSAPublicKey)
            and algorithm.kind == "RSA"
            and _is_without_null(algorithm.digest, public_key, signature, data)
        ):
            return
        raise XRoadError(
            "invalid_signature_value",
            f"The signature value ({algorithm.name}) does not fit the signed data",
        ) from None


_WITHOUT_NULL = {
    "sha256": bytes.fromhex("302f300b06096086480165030402010420"),
    "sha384": bytes.fromhex("303f300b06096086480165030402020430"),
    "sha512": bytes.fromhex("304f300b06096086480165030402030440"),
}
"""DigestInfo whose algorithm has no parameters, up to the digest itself."""


def _is_without_null(
    digest: Digest, public_key: rsa.RSAPublicKey, signature: bytes, data: bytes
) -> bool:
    """Whether a PKCS#1 v1.5 value is good but for the NULL of its DigestInfo.

    RFC 8017 section 9.2 wants the NULL; signers of running X-Road servers leave it out
    and the reference's verifier takes both. The whole DigestInfo is compared, so there
    is no room for a forgery (Bleichenbacher 2006).
    """
    try:
        found = public_key.recover_data_from_signature(
            signature, padding.PKCS1v15(), None
        )
    except InvalidSignature:
        return False
    expected = _WITHOUT_NULL[digest.hashlib_name] + digest.of(data)
    return compare_digest(found, expected)


def ecdsa_der_to_raw(signature: bytes, public_key: ec.EllipticCurvePublicKey) -> bytes:
    """Turn an ASN.1 ECDSA value into the r||s form of XML signatures (RFC 4050)."""
    size = (public_key.curve.key_size + 7) // 8
    r, s = decode_dss_signature(signature)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def ecdsa_raw_to_der(signature: bytes, public_key: ec.EllipticCurvePublicKey) -> bytes:
    """Turn the r||s form of an XML signature into ASN.1.

    RFC 4050 gives r and s the length of the curve. The reference writes both shorter
    when both begin with a zero byte, one value in 65,536, and reads them so.

    Raises ``invalid_signature_value`` if the value cannot be split in two, or is longer
    than the curve's.
    """
    longest = 2 * ((public_key.curve.key_size + 7) // 8)
    if not signature or len(signature) % 2 or len(signature) > longest:
        raise XRoadError(
            "invalid_signature_value",
            f"An ECDSA value of {len(signature)} bytes is not of the form r||s "
            f"on {public_key.curve.name}",
        )
    half = len(signature) // 2
    return encode_dss_signature(
        int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    )


def _require_strong(
    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
) -> None:
    is_rsa = isinstance(public_key, rsa.RSAPublicKey)
    kind, least = ("RSA", MIN_RSA_BITS) if is_rsa else ("EC", MIN_EC_BITS)
    if public_key.key_size < least:
        raise XRoadError(
            "unsupported_algorithm",
            f"An {kind} key of {public_key.key_size} bits is too weak; "
            f"{least} is the minimum",
        )


def _unsupported(what: str, name: str) -> XRoadError:
    return XRoadError("unsupported_algorithm", f"Unknown {what} {name!r}")
