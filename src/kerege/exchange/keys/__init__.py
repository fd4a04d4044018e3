"""Software keys: tokens in folders, opened by a PIN. Only cli and sandbox import this.

A private key never leaves this package: callers get a `SoftwareSigner`, or have an
SSL context loaded for them.
"""

from kerege.exchange.keys.algorithms import KeyAlgorithm
from kerege.exchange.keys.metadata import (
    CertificateRecord,
    CertificateStatus,
    KeyRecord,
    KeyUsage,
    TokenMetadata,
)
from kerege.exchange.keys.pin import (
    Pin,
    PinPolicy,
    pin_from_credential,
    pin_from_descriptor,
    pin_from_prompt,
    read_pin,
)
from kerege.exchange.keys.selection import AuthenticationKey
from kerege.exchange.keys.signer import SoftwareSigner
from kerege.exchange.keys.token import SoftwareToken
from kerege.exchange.keys.wrapping import KdfCost

__all__ = [
    "AuthenticationKey",
    "CertificateRecord",
    "CertificateStatus",
    "KdfCost",
    "KeyAlgorithm",
    "KeyRecord",
    "KeyUsage",
    "Pin",
    "PinPolicy",
    "SoftwareSigner",
    "SoftwareToken",
    "TokenMetadata",
    "pin_from_credential",
    "pin_from_descriptor",
    "pin_from_prompt",
    "read_pin",
]
