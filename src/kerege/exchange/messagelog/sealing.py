"""Sealing what is logged: nobody reads messages out of the database without the key.

Rules:

* A record is sealed in one operation of AES-256-GCM: its message, then its bodies
  that are no files. Each column keeps the length it had; the key's name, the nonce
  and the tag stand in the record's *seal*. A record without seal is in clear.
* What tells records apart (time, direction, side, ids, owner) is authenticated with
  it, and how long each part is: a row cannot be put in another one's place, nor under
  another owner, and no byte of a message can be made one of a body.
* A seal says its version. Those of the first one (`FIRST_VERSION`), which bind neither
  owner, side nor lengths, are still opened.
* A large body's file is sealed by itself and authenticated with its name. It begins
  with the head of a seal and ends with the tag.
* No two seals share key and nonce: each process makes its own key of the log's key
  (HKDF, RFC 5869) and a random salt, and counts. Random nonces would wear a key out
  after 2^32 messages (NIST SP 800-38D, 8.3).
* Keys are replaced, never changed: a seal names its key, and old keys still open.

The reference encrypts the same columns, with AES-CTR (`MessageRecordEncryption.java`).
Signatures and hash chains hold no message and stay as they are.
"""

import itertools
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kerege.xroad.faults import XRoadError

KEY_BYTES = 32
KEY_ID_BYTES = 8
SALT_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16
HEAD_BYTES = 1 + KEY_ID_BYTES + SALT_BYTES + NONCE_BYTES
SEAL_BYTES = HEAD_BYTES + TAG_BYTES
JOINED_BYTES = 32 * 1024
"""Up to this a record is sealed in one call, which costs a third; above, the copies that
it takes would cost ten times as much."""
BLOCK_SIZE = 256 * 1024
"""Bytes of a file that are read at once."""
MAX_DERIVED = 256
"""Derived keys that are remembered: one for each process that wrote what is read."""
FIRST_VERSION = b"\x01"
_VERSION = b"\x02"
_PURPOSE = b"kerege message log v1"


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key of the message log."""

    key_id: str
    """16 hexadecimal digits."""
    secret: bytes
    """32 random bytes."""

    def __repr__(self) -> str:
        return f"LogKey({self.key_id!r})"

    @classmethod
    def new(cls) -> "LogKey":
        """Draw a key."""
        return cls(secrets.token_hex(KEY_ID_BYTES), secrets.token_bytes(KEY_BYTES))


class LogCipher:
    """Seals with the newest key, opens with any. One for each process.

    Args:
        keys: The newest last; at least one.
    """

    def __init__(self, keys: Sequence[LogKey]) -> None:
        self._keys: Mapping[str, bytes] = {key.key_id: key.secret for key in keys}
        self._derived: dict[bytes, bytes] = {}
        newest = keys[-1]
        self.key_id = newest.key_id
        """Of the key that seals."""
        salt = secrets.token_bytes(SALT_BYTES)
        self._head = _VERSION + bytes.fromhex(newest.key_id) + salt
        self._secret = _derive(newest.secret, salt)
        self._sealing = AESGCM(self._secret)
        self._counter = itertools.count()

    def seal(self, about: bytes, parts: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
        """Return the seal, and the parts encrypted, each as long as it was."""
        nonce = next(self._counter).to_bytes(NONCE_BYTES, "big")
        about = _with_lengths(about, parts)
        if sum([len(part) for part in parts]) <= JOINED_BYTES:
            whole = parts[0] if len(parts) == 1 else b"".join(parts)
            sealed = self._sealing.encrypt(nonce, whole, about)
            return self._head + nonce + sealed[-TAG_BYTES:], _cut(sealed, parts)
        encryptor = Cipher(AES(self._secret), GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(about)
        cut = [encryptor.update(part) for part in parts]
        encryptor.finalize()
        return self._head + nonce + encryptor.tag, cut

    def open(self, seal: bytes, about: bytes, parts: Sequence[bytes]) -> list[bytes]:
        """Return the parts in clear; ``about`` is that of the seal's version.

        Raises:
            XRoadError: ``key_not_found`` if it was sealed with a key that is not here,
                ``cryptography_error`` if anything of it was changed.
        """
        if len(seal) != SEAL_BYTES:
            raise _damaged("its seal has another length")
        secret, nonce = self._opening(seal[:HEAD_BYTES])
        if not seal.startswith(FIRST_VERSION):
            about = _with_lengths(about, parts)
        decryptor = Cipher(AES(secret), GCM(nonce, seal[HEAD_BYTES:])).decryptor()
        decryptor.authenticate_additional_data(about)
        opened = [decryptor.update(part) for part in parts]
        try:
            decryptor.finalize()
        except InvalidTag:
            raise _damaged("something of it was changed") from None
        return opened

    def seal_file(self, name: str, blocks: Iterable[bytes], file: BinaryIO) -> None:
        """Write blocks sealed into a file that will have this name. May block."""
        nonce = next(self._counter).to_bytes(NONCE_BYTES, "big")
        encryptor = Cipher(AES(self._secret), GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(name.encode())
        file.write(self._head + nonce)
        file.writelines(encryptor.update(block) for block in blocks)
        file.write(encryptor.finalize() + encryptor.tag)

    def open_file(self, path: Path) -> Iterator[bytes]:
        """Yield a sealed file's content; that it was changed shows at its end.

        Raises ``key_not_found``, ``cryptography_error``, OSError.
        """
        with path.open("rb") as file:
            left = path.stat().st_size - SEAL_BYTES
            if left < 0:
                raise _damaged("its file is cut off")
            secret, nonce = self._opening(file.read(HEAD_BYTES))
            decryptor = Cipher(AES(secret), GCM(nonce)).decryptor()
            decryptor.authenticate_additional_data(path.name.encode())
            while left > 0 and (block := file.read(min(BLOCK_SIZE, left))):
                left -= len(block)
                yield decryptor.update(block)
            try:
                decryptor.finalize_with_tag(file.read(TAG_BYTES))
            except (InvalidTag, ValueError):
                raise _damaged("something of its file was changed") from None

    def _opening(self, head: bytes) -> tuple[bytes, bytes]:
        """Return key and nonce of what has this head."""
        if head[:1] not in (FIRST_VERSION, _VERSION):
            raise _damaged("its seal is of an unknown version")
        origin, nonce = head[:-NONCE_BYTES], head[-NONCE_BYTES:]
        derived = self._derived.get(origin)
        if derived is None:
            key_id = origin[1 : 1 + KEY_ID_BYTES].hex()
            secret = self._keys.get(key_id)
            if secret is None:
                raise _unknown_key(key_id)
            if len(self._derived) >= MAX_DERIVED:
                self._derived.clear()
            derived = _derive(secret, origin[1 + KEY_ID_BYTES :])
            self._derived[origin] = derived
        return derived, nonce


def require_cipher(cipher: LogCipher | None) -> LogCipher:
    """Return the cipher. Raises ``key_not_available`` if there is none."""
    if cipher is None:
        raise XRoadError(
            "key_not_available",
            "Messages in the log are encrypted, and its keys are not open",
            advice="The keys are in the server's token, which its PIN opens.",
        )
    return cipher


def _derive(secret: bytes, salt: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt, _PURPOSE).derive(secret)


def _with_lengths(about: bytes, parts: Sequence[bytes]) -> bytes:
    """Return what is authenticated: with the lengths behind it, each as long itself."""
    lengths = [len(part).to_bytes(8, "big") for part in parts]
    return b"".join([about, *lengths, len(lengths).to_bytes(8, "big")])


def _cut(whole: bytes, parts: Sequence[bytes]) -> list[bytes]:
    """Cut as the parts are long."""
    cut, at = [], 0
    for part in parts:
        cut.append(whole[at : at + len(part)])
        at += len(part)
    return cut


def _unknown_key(key_id: str) -> XRoadError:
    return XRoadError(
        "key_not_found",
        f"The key {key_id} of the message log is not in this server's token",
        advice="It was in the token when the message was logged: restore the token's "
        "folder from a backup. A server that was running when the key was made knows "
        "it after: kerege security-server reload",
    )


def _damaged(why: str) -> XRoadError:
    return XRoadError(
        "cryptography_error",
        f"An encrypted message of the log cannot be opened: {why}",
        advice="Restore the database, or the body's file, from a backup.",
    )
