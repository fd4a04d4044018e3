"""Signing with the sandbox's keys, in asn1crypto's words. NOT FOR PRODUCTION."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from kerege.trust.key_kinds import PrivateKey


def signed_digest_algorithm(key: PrivateKey) -> str:
    """Return asn1crypto's name of the algorithm that `sign` uses."""
    return "sha256_rsa" if isinstance(key, rsa.RSAPrivateKey) else "sha256_ecdsa"


def sign(key: PrivateKey, data: bytes) -> bytes:
    """Sign ``data`` with SHA-256; an ECDSA value is in ASN.1 DER form."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(data, ec.ECDSA(hashes.SHA256()))
