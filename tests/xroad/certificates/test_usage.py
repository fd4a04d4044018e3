"""What a certificate may be used for."""

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from kerege.xroad.certificates import (
    is_authentication_certificate,
    is_signing_certificate,
    require_authentication_certificate,
    require_signing_certificate,
)
from kerege.xroad.faults import XRoadError
from tests.xroad.certificates.pki import Template, issue

CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH


@pytest.mark.parametrize(
    ("usages", "extended", "authenticates", "signs"),
    [
        (("digital_signature",), (), True, False),
        (("key_encipherment",), (), True, False),
        (("data_encipherment",), (), True, False),
        (("content_commitment",), (), False, True),
        (("content_commitment", "digital_signature"), (), True, True),
        (("key_agreement",), (), False, False),
        (("key_agreement",), (SERVER,), False, False),
        (("key_agreement",), (SERVER, CLIENT), True, False),
        (None, (CLIENT,), True, False),
        (None, (), False, False),
    ],
)
def test_the_usage_follows_the_extensions(
    usages, extended, *, authenticates: bool, signs: bool
) -> None:
    template = Template(usages=usages, extended=extended)
    certificate = issue("CN=it", template=template).certificate

    assert is_authentication_certificate(certificate) is authenticates
    assert is_signing_certificate(certificate) is signs
    if authenticates:
        require_authentication_certificate(certificate)
    if signs:
        require_signing_certificate(certificate)


@pytest.mark.parametrize(
    ("usages", "check", "code"),
    [
        (
            ("content_commitment",),
            require_authentication_certificate,
            "ssl_authentication_failed",
        ),
        (None, require_authentication_certificate, "incorrect_certificate"),
        (("digital_signature",), require_signing_certificate, "malformed_signature"),
        (None, require_signing_certificate, "internal_error"),
    ],
)
def test_a_certificate_for_something_else_is_refused(usages, check, code: str) -> None:
    certificate = issue("CN=it", template=Template(usages=usages)).certificate

    with pytest.raises(XRoadError) as refused:
        check(certificate)

    assert refused.value.code == code
