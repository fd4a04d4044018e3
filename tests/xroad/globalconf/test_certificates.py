"""Certificates as configurations carry them."""

import base64

from hypothesis import given, strategies as st

from kerege.xroad.globalconf._certificates import read_distributed_certificate
from kerege.xroad.x509 import certificate_der
from tests.xroad.globalconf.central import CA
from tests.xroad.globalconf.strategies import code_of, damaged

DER = certificate_der(CA.certificate)
PEM = b"\n".join(
    (
        b"-----BEGIN CERTIFICATE-----",
        base64.encodebytes(DER).strip(),
        b"-----END CERTIFICATE-----",
        b"",
    )
)


def test_der_is_read_and_pem_as_well() -> None:
    assert read_distributed_certificate(DER) == CA.certificate
    assert read_distributed_certificate(PEM) == CA.certificate
    assert read_distributed_certificate(PEM.replace(b"\n", b"\r\n")) == CA.certificate


def test_pem_that_is_no_base64_is_refused() -> None:
    spoiled = PEM.replace(b"M", b"*", 1)
    code = code_of(lambda: read_distributed_certificate(spoiled))
    assert code == "incorrect_certificate"


@given(damaged(DER) | damaged(PEM) | st.just(b""))
def test_any_bytes_are_a_certificate_or_a_fault(data: bytes) -> None:
    code = code_of(lambda: read_distributed_certificate(data))
    assert code in {"", "incorrect_certificate"}
