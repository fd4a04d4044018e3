"""The keys that the message log is encrypted with, kept in the token.

They are symmetric: 256 random bits each, sealed with AES-256-GCM under a key that HKDF
(RFC 5869) makes of the token's passphrase. So the PIN opens them, a new PIN changes
nothing about them, and a backup of the token's folder holds them. A key is never
changed: the newest one encrypts, and each one opens what it encrypted.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kerege.exchange.messagelog import LogCipher, LogKey
from kerege.xroad.faults import XRoadError

MAX_LOG_KEYS = 10_000
"""One a day for 27 years; a token's metadata is bounded."""
_NONCE_BYTES = 12
_PURPOSE = b"kerege message log keys v1"


@dataclass(frozen=True, slots=True)
class LogKeyRecord:
    """A key of the message log, sealed."""

    key_id: str
    created: datetime
    """UTC."""
    sealed: bytes
    """Nonce, ciphertext, tag."""

    @classmethod
    def seal(cls, key: LogKey, passphrase: bytes, created: datetime) -> "LogKeyRecord":
        """Seal a key under the token's passphrase."""
        nonce = os.urandom(_NONCE_BYTES)
        cipher = _cipher(passphrase)
        sealed = nonce + cipher.encrypt(nonce, key.secret, key.key_id.encode())
        return cls(key.key_id, created, sealed)

    def open(self, passphrase: bytes) -> LogKey:
        """Return the key. Raises ``malformed_key_conf`` if the record is damaged."""
        nonce, sealed = self.sealed[:_NONCE_BYTES], self.sealed[_NONCE_BYTES:]
        try:
            secret = _cipher(passphrase).decrypt(nonce, sealed, self.key_id.encode())
        except (InvalidTag, ValueError):
            raise XRoadError(
                "malformed_key_conf",
                f"The message log's key {self.key_id} in the token is damaged",
                advice="Restore the token's folder from a backup.",
            ) from None
        return LogKey(self.key_id, secret)

    def to_json(self) -> dict[str, object]:
        """Return what is kept in ``token.json``."""
        return {
            "id": self.key_id,
            "created": self.created.isoformat(),
            "sealed": self.sealed.hex(),
        }

    @classmethod
    def from_json(cls, row: Any) -> "LogKeyRecord":  # noqa: ANN401 - it is JSON
        """Read `to_json`'s form. Raises ValueError, TypeError, KeyError."""
        key_id, created = row["id"], datetime.fromisoformat(row["created"])
        bytes.fromhex(key_id)
        return cls(key_id, created, bytes.fromhex(row["sealed"]))


def with_log_key(
    known: tuple[LogKeyRecord, ...],
    passphrase: bytes,
    now: datetime,
    *,
    only_first: bool = False,
) -> tuple[LogKeyRecord, ...]:
    """Return the keys with one more, which is the newest; or those that there are.

    Raises ``action_not_possible`` if there are too many.
    """
    if known and only_first:
        return known
    if len(known) >= MAX_LOG_KEYS:
        raise XRoadError(
            "action_not_possible", f"The token has {MAX_LOG_KEYS} keys for the log"
        )
    return (*known, LogKeyRecord.seal(LogKey.new(), passphrase, now))


def without_log_key(
    known: tuple[LogKeyRecord, ...], key_id: str
) -> tuple[LogKeyRecord, ...]:
    """Return the keys without an old one.

    Raises ``key_not_found``; ``action_not_possible`` for the newest, which encrypts.
    """
    kept = tuple(key for key in known if key.key_id != key_id)
    if len(kept) == len(known):
        raise XRoadError(
            "key_not_found",
            f"The token has no key {key_id[:255]!r} for the message log",
            advice="See: kerege security-server message-log keys",
        )
    if known[-1].key_id == key_id:
        raise XRoadError(
            "action_not_possible",
            f"The key {key_id} encrypts what is logged now",
            advice="Make another one before: kerege security-server message-log "
            "new-key",
        )
    return kept


def cipher_of(known: tuple[LogKeyRecord, ...], passphrase: bytes) -> LogCipher | None:
    """Return what seals and opens the log; None if there is no key for that."""
    keys = [record.open(passphrase) for record in known]
    return LogCipher(keys) if keys else None


def _cipher(passphrase: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, _PURPOSE).derive(passphrase))
