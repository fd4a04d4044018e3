"""Hiding what a temporary file holds: its key is in memory only, and goes with it.

AES-256 in counter mode with a key of its own for each file: whoever finds the file, or
its blocks on the disk after it was removed, reads nothing. Nothing is authenticated: the
process that writes the file is the one that reads it.
"""

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

_KEY_BYTES = 32
_NONCE_BYTES = 16


class Veil:
    """What one file is hidden with. Written once, from the front; read any times."""

    __slots__ = ("_encryptor", "_key", "_nonce")

    def __init__(self) -> None:
        """Draw a key."""
        self._key, self._nonce = os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES)
        self._encryptor = self._cipher().encryptor()

    def hide(self, block: bytes) -> bytes:
        """Return the next bytes as they go into the file."""
        return self._encryptor.update(block)

    def reader(self) -> Callable[[bytes], bytes]:
        """Return what reveals the file's bytes, from its beginning and in order."""
        return self._cipher().decryptor().update

    def _cipher(self) -> Cipher[CTR]:
        return Cipher(AES(self._key), CTR(self._nonce))
