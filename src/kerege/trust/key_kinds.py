"""Keys of the sandbox's own trust services. NOT FOR PRODUCTION."""

from enum import Enum

from cryptography.hazmat.primitives.asymmetric import ec, rsa

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class KeyKind(Enum):
    """A kind of key that X-Road certificates may have."""

    RSA_2048 = "RSA-2048"
    RSA_3072 = "RSA-3072"
    EC_P256 = "EC-P256"
    EC_P384 = "EC-P384"


def generate_key(kind: KeyKind = KeyKind.RSA_2048) -> PrivateKey:
    """Return a new key of this kind, from the operating system's randomness."""
    match kind:
        case KeyKind.RSA_2048:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case KeyKind.RSA_3072:
            return rsa.generate_private_key(public_exponent=65537, key_size=3072)
        case KeyKind.EC_P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyKind.EC_P384:
            return ec.generate_private_key(ec.SECP384R1())


def require_supported(key: object) -> PublicKey:
    """Return ``key`` if it is an RSA or EC public key; else raise `TypeError`."""
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    msg = f"Certificates are for RSA and EC keys, not {type(key).__name__}"
    raise TypeError(msg)
