"""Between cryptography's values and asn1crypto's. NOT FOR PRODUCTION."""

from asn1crypto import algos, x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.trust.key_kinds import PrivateKey

UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    AttributeError,  # for a tag that it knows but cannot read, such as Real
)
"""What asn1crypto raises on bytes that are not what was promised."""


def to_asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    """Return the certificate as asn1crypto has it."""
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def signature_algorithm(key: PrivateKey) -> algos.SignedDigestAlgorithm:
    """Return the identifier of the algorithm that `sign` uses."""
    name = "sha256_rsa" if isinstance(key, rsa.RSAPrivateKey) else "sha256_ecdsa"
    return algos.SignedDigestAlgorithm({"algorithm": name})


def sign(key: PrivateKey, data: bytes) -> bytes:
    """Sign ``data`` with SHA-256; an ECDSA value is in ASN.1 DER form."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(data, ec.ECDSA(hashes.SHA256()))
