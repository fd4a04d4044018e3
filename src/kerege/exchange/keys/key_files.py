"""A private key as it lies in a file: PKCS#8, encrypted with AES-256 (RFC 5958)."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from kerege.exchange.keys.algorithms import PrivateKey, public_key_info
from kerege.exchange.keys.folder import RESTORE_KEY
from kerege.exchange.keys.metadata import KeyRecord
from kerege.xroad.faults import XRoadError


def encrypt_key(key: PrivateKey, passphrase: bytes) -> bytes:
    """Return the PEM of a key, encrypted."""
    encryption = BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def decrypt_key(pem: bytes, passphrase: bytes, record: KeyRecord) -> PrivateKey:
    """Return the key of a file.

    Raises ``key_not_available`` if the file is damaged, or holds another key than the
    record says.
    """
    try:
        key = load_pem_private_key(pem, passphrase)
    except (ValueError, TypeError) as error:
        raise XRoadError(
            "key_not_available",
            f"The file of key {record.key_id} is damaged",
            advice=RESTORE_KEY,
        ) from error
    if (
        not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        or public_key_info(key.public_key()) != record.public_key
    ):
        raise XRoadError(
            "key_not_available",
            f"The file of key {record.key_id} holds another key",
            advice=RESTORE_KEY,
        )
    return key
