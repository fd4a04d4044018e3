"""Kinds of keys that a token makes."""

import hashlib
from enum import Enum

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kerege.xroad.faults import XRoadError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class KeyAlgorithm(Enum):
    """A kind of key. X-Road's default is RSA with 2048 bits; EC since 7.6."""

    RSA_2048 = "RSA-2048"
    RSA_3072 = "RSA-3072"
    RSA_4096 = "RSA-4096"
    EC_P256 = "EC-P256"
    EC_P384 = "EC-P384"
    EC_P521 = "EC-P521"


_RSA_BITS = {
    KeyAlgorithm.RSA_2048: 2048,
    KeyAlgorithm.RSA_3072: 3072,
    KeyAlgorithm.RSA_4096: 4096,
}
_CURVES: dict[KeyAlgorithm, type[ec.EllipticCurve]] = {
    KeyAlgorithm.EC_P256: ec.SECP256R1,
    KeyAlgorithm.EC_P384: ec.SECP384R1,
    KeyAlgorithm.EC_P521: ec.SECP521R1,
}


def generate(algorithm: KeyAlgorithm) -> PrivateKey:
    """Return a new key, from the operating system's randomness."""
    if algorithm in _RSA_BITS:
        return rsa.generate_private_key(65537, _RSA_BITS[algorithm])
    return ec.generate_private_key(_CURVES[algorithm]())


def algorithm_of(key: PrivateKey) -> KeyAlgorithm:
    """Return the kind of a key. Raises ``unsupported_algorithm`` for other kinds."""
    for kind, bits in _RSA_BITS.items():
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size == bits:
            return kind
    for kind, curve in _CURVES.items():
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, curve):
            return kind
    known = ", ".join(kind.value for kind in KeyAlgorithm)
    raise XRoadError(
        "unsupported_algorithm", f"The key is not of a kind that a token keeps: {known}"
    )


def public_key_info(key: PublicKey) -> bytes:
    """Return the DER of the key's SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id_of(info: bytes) -> str:
    """Return the id of a key: it names the public key, so it can be checked."""
    return hashlib.sha256(info).hexdigest()[:40]
