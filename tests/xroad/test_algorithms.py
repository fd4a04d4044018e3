"""ECDSA values of XML signatures: in the curve's length, shorter, and malformed."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from kerege.xroad.algorithms import (
    SHA512,
    ecdsa_der_to_raw,
    ecdsa_raw_to_der,
    signature_by_name,
    verify_raw,
)
from kerege.xroad.faults import XRoadError

ALGORITHM = signature_by_name("SHA512withECDSA")
DATA = b"what was signed"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256 (FIPS 186-4, D.1.2.3)."""
NONCE = 379
"""A multiple of the group's generator whose x begins with a zero byte."""
SHORT = 31
"""Bytes of r and s that both begin with one zero byte on P-256."""


def short_signature() -> tuple[ec.EllipticCurvePublicKey, int, int]:
    """Return a key, r and s: the key is the one that makes this r and s of the data."""
    s = 2 ** (8 * SHORT) - 1
    r = ec.derive_private_key(NONCE, ec.SECP256R1()).public_key().public_numbers().x
    digest = int.from_bytes(SHA512.of(DATA)[:32], "big")
    private = (s * NONCE - digest) * pow(r, -1, ORDER) % ORDER
    return ec.derive_private_key(private, ec.SECP256R1()).public_key(), r, s


def test_a_value_in_the_length_of_the_curve_is_read_back() -> None:
    key = ec.generate_private_key(ec.SECP521R1())
    der = key.sign(DATA, ec.ECDSA(SHA512.primitive))
    raw = ecdsa_der_to_raw(der, key.public_key())
    assert len(raw) == 132
    assert ecdsa_raw_to_der(raw, key.public_key()) == der


@pytest.mark.parametrize("size", [SHORT, SHORT + 1])
def test_a_value_is_read_whether_or_not_its_zero_bytes_are_written(size: int) -> None:
    key, r, s = short_signature()
    raw = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    verify_raw(ALGORITHM, key, ecdsa_raw_to_der(raw, key), DATA)
    with pytest.raises(XRoadError) as refusal:
        verify_raw(ALGORITHM, key, ecdsa_raw_to_der(raw, key), b"something else")
    assert refusal.value.code == "invalid_signature_value"


@pytest.mark.parametrize("size", [0, 1, 63, 65, 66, 72])
def test_a_value_that_is_no_pair_of_the_curve_is_refused(size: int) -> None:
    key, _, _ = short_signature()
    with pytest.raises(XRoadError) as refusal:
        ecdsa_raw_to_der(b"\x01" * size, key)
    assert refusal.value.code == "invalid_signature_value"
