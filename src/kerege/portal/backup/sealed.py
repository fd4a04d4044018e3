"""A stream encrypted with a passphrase, in chunks, each proven before it is used.

    magic | log2(N) r p | 16 bytes of salt | 8 bytes of nonce | chunks

The key is scrypt's (RFC 7914). A chunk is its length (4 bytes) and AES-256-GCM of up to
a mebibyte; the nonce ends with the chunk's number, and what is authenticated besides is
the header and whether it is the last one. So a flipped byte, a chunk that was taken out
or put elsewhere, and a file that was cut are refused.
"""

import secrets
import struct
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

MAGIC = b"KEREGE-BACKUP-1\n"
CHUNK = 1_048_576
TAG = 16
COST = (15, 8, 3)
"""32 MB of memory and about a third of a second: an office's old PC can pay it."""
MAX_LOG2_N = 20
MAX_FACTOR = 16
"""Of r and p: a forged header must not cost gigabytes or hours."""
_HEADER = struct.Struct(">16s3B16s8s")
_LENGTH = struct.Struct(">I")


class SealError(Exception):
    """A file is no backup, was changed or cut, or the passphrase is another."""


class SealingWriter:
    """Encrypts what is written; `close` writes the last chunk, without it all is lost."""

    def __init__(self, output: IO[bytes], passphrase: str) -> None:
        self._output = output
        salt, self._nonce = secrets.token_bytes(16), secrets.token_bytes(8)
        self._header = _HEADER.pack(MAGIC, *COST, salt, self._nonce)
        self._cipher = AESGCM(_key(passphrase, salt, COST))
        self._waiting = bytearray()
        self._number = 0
        output.write(self._header)

    def write(self, data: bytes) -> int:
        """Take bytes; whole chunks go out."""
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def close(self) -> None:
        """Write the last chunk."""
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, plain: bytes, *, last: bool) -> None:
        nonce = self._nonce + _LENGTH.pack(self._number)
        sealed = self._cipher.encrypt(nonce, plain, self._header + bytes([last]))
        self._output.write(_LENGTH.pack(len(sealed) | (last << 31)) + sealed)
        self._number += 1


class SealedReader:
    """Decrypts what is read; the end is only reached if the last chunk was there.

    Raises:
        SealError: The file is no backup. Reading raises it too.
    """

    def __init__(self, source: IO[bytes], passphrase: str) -> None:
        self._source = source
        self._header = source.read(_HEADER.size)
        if len(self._header) < _HEADER.size or not self._header.startswith(MAGIC):
            raise SealError("The file is no backup of a portal")
        _, log2_n, r, p, salt, self._nonce = _HEADER.unpack(self._header)
        if not (1 <= log2_n <= MAX_LOG2_N and 1 <= r <= MAX_FACTOR):
            raise SealError("The backup asks for more memory than it may")
        if not 1 <= p <= MAX_FACTOR:
            raise SealError("The backup asks for more time than it may")
        self._cipher = AESGCM(_key(passphrase, salt, (log2_n, r, p)))
        self._open = b""
        self._number = 0
        self._ended = False

    def read(self, size: int) -> bytes:
        """Return up to ``size`` proven bytes; none at the end."""
        while not self._open and not self._ended:
            self._open = self._next()
        taken, self._open = self._open[:size], self._open[size:]
        return taken

    def finish(self) -> None:
        """Read to the end, so that a cut file is found. Raises: SealError."""
        while self.read(CHUNK):
            pass
        if self._source.read(1):
            raise SealError("Something stands behind the end of the backup")

    def _next(self) -> bytes:
        head = self._source.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            raise SealError("The backup was cut: its end is missing")
        (length,) = _LENGTH.unpack(head)
        last, length = bool(length >> 31), length & 0x7FFF_FFFF
        if not TAG <= length <= CHUNK + TAG:
            raise SealError("The backup was changed: a length in it cannot be")
        sealed = self._source.read(length)
        if len(sealed) < length:
            raise SealError("The backup was cut: its end is missing")
        nonce = self._nonce + _LENGTH.pack(self._number)
        try:
            plain = self._cipher.decrypt(nonce, sealed, self._header + bytes([last]))
        except InvalidTag as error:
            what = "or the passphrase is another" if self._number == 0 else ""
            message = f"The backup was changed {what}".strip()
            raise SealError(message) from error
        self._number += 1
        self._ended = last
        return plain


def _key(passphrase: str, salt: bytes, cost: tuple[int, int, int]) -> bytes:
    log2_n, r, p = cost
    kdf = Scrypt(salt=salt, length=32, n=2**log2_n, r=r, p=p)
    try:
        return kdf.derive(passphrase.encode())
    except MemoryError as error:
        message = "The backup asks for more memory than there is"
        raise SealError(message) from error
