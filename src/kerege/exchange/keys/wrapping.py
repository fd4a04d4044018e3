"""How a PIN opens a token.

Key files are PKCS#8, encrypted with AES-256 under a random passphrase of 256 bits that
all keys of a token share. That passphrase is in the token's metadata, sealed with
AES-256-GCM under a key that scrypt (RFC 7914) makes of the PIN. So guessing a PIN costs
scrypt, a new PIN is one atomic write, and a wrong PIN is told by the seal.
"""

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from kerege.exchange.keys.pin import RIGHT_PIN, Pin
from kerege.xroad.faults import XRoadError

_SALT_BYTES = 32
_NONCE_BYTES = 12
_KEY_BYTES = 32
_BINDING = b"kerege software token passphrase v1"
MAX_KDF_MEMORY = 1 << 30
"""Bytes that reading foreign metadata may make us spend on scrypt (128 * n * r)."""
MAX_PARALLEL = 16


@dataclass(frozen=True, slots=True)
class KdfCost:
    """Cost of scrypt. The default takes 32 MiB and about a third of a second (OWASP)."""

    n: int = 1 << 15
    r: int = 8
    p: int = 3

    def require_sane(self) -> None:
        """Raise ``malformed_key_conf`` if scrypt cannot or should not use these."""
        is_power = self.n > 1 and self.n & (self.n - 1) == 0
        is_bounded = 128 * self.n * self.r <= MAX_KDF_MEMORY and self.r >= 1
        if not (is_power and is_bounded and 1 <= self.p <= MAX_PARALLEL):
            raise XRoadError(
                "malformed_key_conf", "The token's scrypt parameters are out of bounds"
            )


@dataclass(frozen=True, slots=True)
class SealedPassphrase:
    """The passphrase of a token's key files, sealed with the PIN."""

    cost: KdfCost
    salt: bytes
    sealed: bytes
    """Nonce, ciphertext, tag."""

    @classmethod
    def seal(cls, passphrase: bytes, pin: Pin, cost: KdfCost) -> "SealedPassphrase":
        """Seal ``passphrase`` under ``pin`` with fresh salt and nonce."""
        cost.require_sane()
        salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
        cipher = AESGCM(_stretched(pin, salt, cost))
        sealed = nonce + cipher.encrypt(nonce, passphrase, _BINDING)
        return cls(cost, salt, sealed)

    def open(self, pin: Pin) -> bytes:
        """Return the passphrase. Raises ``pin_incorrect`` if it is another PIN."""
        nonce, sealed = self.sealed[:_NONCE_BYTES], self.sealed[_NONCE_BYTES:]
        try:
            cipher = AESGCM(_stretched(pin, self.salt, self.cost))
            return cipher.decrypt(nonce, sealed, _BINDING)
        except InvalidTag:
            raise XRoadError(
                "pin_incorrect", "The PIN of the token is wrong", advice=RIGHT_PIN
            ) from None
        except ValueError as error:
            raise XRoadError(
                "malformed_key_conf",
                f"The token's sealed passphrase is damaged: {error}",
            ) from error


def new_passphrase() -> bytes:
    """Return a random passphrase: 64 hexadecimal digits, 256 bits."""
    return os.urandom(_KEY_BYTES).hex().encode()


def _stretched(pin: Pin, salt: bytes, cost: KdfCost) -> bytes:
    kdf = Scrypt(salt=salt, length=_KEY_BYTES, n=cost.n, r=cost.r, p=cost.p)
    return kdf.derive(pin.value.encode("utf-8", "surrogatepass"))
