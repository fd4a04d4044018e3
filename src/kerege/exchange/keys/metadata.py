"""What a token knows about its keys: values, and their JSON."""

import base64
import json
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.exchange.keys.algorithms import KeyAlgorithm
from kerege.exchange.keys.log_keys import LogKeyRecord
from kerege.exchange.keys.wrapping import KdfCost, SealedPassphrase
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import load_certificate

FORMAT = 2
READABLE = (1, FORMAT)
"""Format 1 had no keys of the message log. A program that knows no format 2 must not
write a token anew: those keys would be lost."""
MAX_METADATA_BYTES = 4 * 1024 * 1024
"""Thousands of certificates fit; more is not a token."""


class KeyUsage(Enum):
    """What a key is for; X-Road never mixes them."""

    AUTHENTICATION = "authentication"
    SIGNING = "signing"


class CertificateStatus(Enum):
    """Where the registration of a certificate stands (the reference's words)."""

    SAVED = "saved"
    REGISTRATION_IN_PROGRESS = "registration in progress"
    REGISTERED = "registered"
    DELETION_IN_PROGRESS = "deletion in progress"
    GLOBAL_ERROR = "global error"


@dataclass(frozen=True, slots=True)
class CertificateRecord:
    """A certificate that was imported for a key."""

    certificate: x509.Certificate
    member: ClientId | None
    """Whose signing certificate it is; None for authentication."""
    status: CertificateStatus
    active: bool
    """Switched off by the operator: kept, not used."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key of a token, without its private part."""

    key_id: str
    label: str
    usage: KeyUsage
    algorithm: KeyAlgorithm
    public_key: bytes
    """DER of SubjectPublicKeyInfo."""
    certificates: tuple[CertificateRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenMetadata:
    """Everything about a token that is not a private key."""

    token_id: str
    label: str
    passphrase: SealedPassphrase
    keys: tuple[KeyRecord, ...] = ()
    log_keys: tuple[LogKeyRecord, ...] = ()
    """Of the message log, the newest last."""

    def key(self, key_id: str) -> KeyRecord:
        """Return the key with this id. Raises ``key_not_found``."""
        for key in self.keys:
            if key.key_id == key_id:
                return key
        raise XRoadError(
            "key_not_found", f"No key {key_id[:64]!r} in token {self.label}"
        )

    def with_key(self, changed: KeyRecord) -> "TokenMetadata":
        """Return the metadata with this key added, or put in the place of its id."""
        kept = [key for key in self.keys if key.key_id != changed.key_id]
        return replace(self, keys=(*kept, changed))

    def to_json(self) -> bytes:
        """Return the metadata as it is kept in ``token.json``."""
        sealed = self.passphrase
        document = {
            "format": FORMAT,
            "id": self.token_id,
            "label": self.label,
            "passphrase": {
                "scrypt": [sealed.cost.n, sealed.cost.r, sealed.cost.p],
                "salt": _base64(sealed.salt),
                "sealed": _base64(sealed.sealed),
            },
            "keys": [_key_to_json(key) for key in self.keys],
            "log_keys": [key.to_json() for key in self.log_keys],
        }
        return json.dumps(document, ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "TokenMetadata":
        """Read `to_json`'s form. Raises ``malformed_key_conf``."""
        try:
            document = json.loads(data)
            _require_format(document["format"])
            secret = document["passphrase"]
            n, r, p = (int(cost) for cost in secret["scrypt"])
            cost = KdfCost(n, r, p)
            cost.require_sane()
            sealed = SealedPassphrase(
                cost, _bytes(secret["salt"]), _bytes(secret["sealed"])
            )
            keys = tuple(_key_from_json(key) for key in document["keys"])
            rows = document.get("log_keys", ())
            log_keys = tuple(LogKeyRecord.from_json(row) for row in rows)
            return cls(
                _text(document["id"]), _text(document["label"]), sealed, keys, log_keys
            )
        except (
            ValueError,
            TypeError,
            KeyError,
            OverflowError,
            RecursionError,
            AttributeError,
            XRoadError,
        ) as error:
            raise XRoadError(
                "malformed_key_conf", f"The token's metadata cannot be read: {error!r}"
            ) from error


def _require_format(value: object) -> None:
    if value not in READABLE:
        msg = f"format {value!r:.20} is unknown"
        raise ValueError(msg)


def _key_to_json(key: KeyRecord) -> dict[str, object]:
    return {
        "id": key.key_id,
        "label": key.label,
        "usage": key.usage.value,
        "algorithm": key.algorithm.value,
        "public_key": _base64(key.public_key),
        "certificates": [
            {
                "certificate": _base64(record.certificate.public_bytes(Encoding.DER)),
                "member": list(record.member.codes) if record.member else None,
                "status": record.status.value,
                "active": record.active,
            }
            for record in key.certificates
        ],
    }


def _key_from_json(row: Any) -> KeyRecord:  # noqa: ANN401 - it is JSON
    return KeyRecord(
        _text(row["id"]),
        _text(row["label"]),
        KeyUsage(row["usage"]),
        KeyAlgorithm(row["algorithm"]),
        _bytes(row["public_key"]),
        tuple(_certificate_from_json(one) for one in row["certificates"]),
    )


def _certificate_from_json(row: Any) -> CertificateRecord:  # noqa: ANN401 - it is JSON
    member = row["member"]
    return CertificateRecord(
        load_certificate(_bytes(row["certificate"])),
        ClientId(*map(_text, member)) if member is not None else None,
        CertificateStatus(row["status"]),
        row["active"] is True,
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = f"not a text: {type(value).__name__}"
        raise TypeError(msg)
    return value
