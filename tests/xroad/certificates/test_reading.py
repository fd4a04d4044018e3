"""Reading certificates, comparing names, and judging keys."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from hypothesis import given, strategies as st

from kerege.xroad.certificates import (
    LEGACY,
    STRONG,
    certificate_sha256,
    load_certificate,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.x509 import (
    MAX_CERTIFICATE_BYTES,
    certificate_der,
    issuer_text,
    name_key,
    name_keys,
    public_key,
    require_strong_key,
    subject_text,
    verify_issued,
    verify_signature_value,
)
from tests.xroad.certificates.pki import (
    NOW,
    YEAR,
    issue,
    name,
    over_sha1,
    rewritten,
    root,
)

CA = root("C=KG, CN=Root")
LEAF = issue("C=central-server, O=GOV, CN=70000050", CA)
DER = certificate_der(LEAF.certificate)


def code_of(refused: pytest.ExceptionInfo[XRoadError]) -> str:
    return refused.value.code


def test_a_certificate_is_read_and_known_by_its_hash() -> None:
    certificate = load_certificate(DER)

    assert certificate == LEAF.certificate
    assert certificate_sha256(certificate) == certificate.fingerprint(hashes.SHA256())
    assert "CN=70000050" in subject_text(certificate)
    assert issuer_text(certificate) == "CN=Root,C=KG"


def test_an_instance_in_the_country_attribute_makes_no_warning() -> None:
    certificate = load_certificate(bytes(bytearray(DER)))

    assert certificate.subject.rfc4514_string().endswith("C=central-server")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_certificate_or_incorrect(data: bytes) -> None:
    with pytest.raises(XRoadError) as refused:
        load_certificate(data)
    assert code_of(refused) == "incorrect_certificate"


@given(st.integers(0, len(DER) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_a_certificate_or_incorrect(
    place: int, value: int
) -> None:
    changed = bytearray(DER)
    changed[place] = value
    code, certificate = "", LEAF.certificate
    try:
        certificate = load_certificate(bytes(changed))
        verify_issued(certificate, CA.certificate, policy=STRONG)
    except XRoadError as error:
        code = error.code

    if not code:
        signed = LEAF.certificate.tbs_certificate_bytes
        assert certificate.tbs_certificate_bytes == signed
    assert code in {
        "",
        "incorrect_certificate",
        "invalid_signature_value",
        "unsupported_algorithm",
    }


def test_a_certificate_of_absurd_length_is_not_even_parsed() -> None:
    with pytest.raises(XRoadError, match="longer than") as refused:
        load_certificate(b"0" * (MAX_CERTIFICATE_BYTES + 1))
    assert code_of(refused) == "incorrect_certificate"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("CN=Root, O=Org", "CN=root, O=ORG", True),
        ("CN=Root  CA", "CN= Root CA ", True),
        ("CN=Ünïcode", "CN=ÜNÏCODE", True),
        ("CN=Root, O=Org", "O=Org, CN=Root", False),
        ("CN=Root", "O=Root", False),
        ("CN=Root", "CN=Root, O=Org", False),
        ("CN=Root", "CN=Ro ot", False),
    ],
)
def test_names_are_compared_as_rfc_5280_says(
    one: str, other: str, *, same: bool
) -> None:
    assert (name_key(name(one)) == name_key(name(other))) is same


def test_the_type_of_a_string_does_not_matter_in_a_name() -> None:
    kind = x509.NameOID.COMMON_NAME
    from cryptography.x509.name import _ASN1Type

    utf8 = x509.Name([x509.NameAttribute(kind, "Root", _ASN1Type.UTF8String)])
    printable = x509.Name([x509.NameAttribute(kind, "Root", _ASN1Type.PrintableString)])

    assert name_key(utf8) == name_key(printable)


def test_a_bit_string_in_a_name_is_compared_by_its_bytes() -> None:
    from cryptography.x509.name import _ASN1Type

    def unique(value: bytes) -> x509.Name:
        kind = x509.NameOID.X500_UNIQUE_IDENTIFIER
        return x509.Name([x509.NameAttribute(kind, value, _ASN1Type.BitString)])

    assert name_key(unique(b"\x00\x01")) == name_key(unique(b"\x00\x01"))
    assert name_key(unique(b"\x00\x01")) != name_key(unique(b"\x00\x02"))


def test_name_keys_are_those_of_subject_and_issuer() -> None:
    assert name_keys(LEAF.certificate) == (
        name_key(name("C=central-server, O=GOV, CN=70000050")),
        name_key(CA.certificate.subject),
    )


def test_the_issuer_s_signature_is_recognised_and_another_s_is_not() -> None:
    verify_issued(LEAF.certificate, CA.certificate, policy=STRONG)

    with pytest.raises(XRoadError) as refused:
        verify_issued(
            LEAF.certificate, root("C=KG, CN=Root").certificate, policy=STRONG
        )
    assert code_of(refused) == "invalid_signature_value"


def test_sha_1_is_refused_unless_old_documents_are_verified() -> None:
    key = rsa.generate_private_key(65537, 2048)
    new = issue("CN=old", key=key)
    old = over_sha1(new, new)

    verify_issued(old.certificate, old.certificate, policy=LEGACY)
    with pytest.raises(XRoadError, match="sha1") as refused:
        verify_issued(old.certificate, old.certificate, policy=STRONG)
    assert code_of(refused) == "unsupported_algorithm"


def test_a_short_rsa_key_is_refused_unless_old_documents_are_verified() -> None:
    short = issue("CN=short", key=rsa.generate_private_key(65537, 1024)).certificate  # noqa: S505

    assert require_strong_key(short, LEGACY).key_size == 1024
    with pytest.raises(XRoadError, match="1024 bits") as refused:
        require_strong_key(short, STRONG)
    assert code_of(refused) == "unsupported_algorithm"


def test_a_short_curve_is_refused() -> None:
    short = issue("CN=short", key=ec.generate_private_key(ec.SECP192R1())).certificate

    with pytest.raises(XRoadError, match="192 bits"):
        require_strong_key(short, STRONG)


def test_an_exponent_as_long_as_the_modulus_is_refused() -> None:
    """Anybody may send such a certificate; checking with it takes six milliseconds."""
    key = rsa.generate_private_key(65537, 2048)
    odd = key.public_key().public_numbers().n - 2
    costly = rsa.RSAPublicNumbers(odd, key.public_key().public_numbers().n)
    signer = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("CN=costly"))
        .issuer_name(name("CN=costly"))
        .public_key(costly.public_key())
        .serial_number(1)
        .not_valid_before(NOW - YEAR)
        .not_valid_after(NOW + YEAR)
    )
    with pytest.raises(XRoadError, match="public exponent of 2048 bits") as refused:
        require_strong_key(builder.sign(signer, hashes.SHA256()), LEGACY)
    assert refused.value.code == "unsupported_algorithm"


def test_a_key_of_an_unknown_kind_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("CN=new"))
        .issuer_name(name("CN=new"))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - YEAR)
        .not_valid_after(NOW + YEAR)
    )
    certificate = builder.sign(key, None)

    for check in (
        lambda: public_key(certificate),
        lambda: verify_issued(certificate, CA.certificate, policy=STRONG),
    ):
        with pytest.raises(XRoadError) as refused:
            check()
        assert code_of(refused) == "unsupported_algorithm"


def test_a_scheme_that_does_not_fit_the_key_is_refused() -> None:
    key = rsa.generate_private_key(65537, 2048)
    holder = issue("CN=rsa", key=key).certificate

    with pytest.raises(XRoadError, match="of this kind") as refused:
        verify_signature_value(
            holder, ec.ECDSA(hashes.SHA256()), hashes.SHA256(), b"", b"", policy=STRONG
        )
    assert code_of(refused) == "unsupported_algorithm"


P256, NO_CURVE = "1.2.840.10045.3.1.7", "1.2.840.10045.3.1.99"
ECDSA_SHA256, NO_SCHEME = "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.99"


def test_an_unknown_curve_is_refused() -> None:
    certificate = rewritten(LEAF.certificate, P256, NO_CURVE)

    with pytest.raises(XRoadError) as refused:
        public_key(certificate)
    assert code_of(refused) == "unsupported_algorithm"


def test_an_unknown_signature_algorithm_is_refused() -> None:
    certificate = rewritten(LEAF.certificate, ECDSA_SHA256, NO_SCHEME)

    with pytest.raises(XRoadError, match="signed in an unknown way") as refused:
        verify_issued(certificate, CA.certificate, policy=STRONG)
    assert code_of(refused) == "unsupported_algorithm"


def test_a_scheme_that_the_library_cannot_do_is_refused() -> None:
    holder = issue("CN=rsa", key=rsa.generate_private_key(65537, 2048)).certificate
    scheme = padding.PSS(padding.MGF1(hashes.BLAKE2s(32)), 32)

    with pytest.raises(XRoadError, match="cannot be used") as refused:
        verify_signature_value(holder, scheme, hashes.SHA256(), b"", b"", policy=STRONG)
    assert code_of(refused) == "unsupported_algorithm"


def test_rsa_pss_on_a_certificate_is_understood() -> None:
    key = rsa.generate_private_key(65537, 2048)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("CN=pss"))
        .issuer_name(name("CN=pss"))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - YEAR)
        .not_valid_after(NOW + YEAR)
    )
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    certificate = builder.sign(key, hashes.SHA256(), rsa_padding=pss)

    verify_issued(certificate, certificate, policy=STRONG)
