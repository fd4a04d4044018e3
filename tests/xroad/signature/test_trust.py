"""Who signed, with what: algorithms, keys and certificates."""

import base64
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.signature import (
    MESSAGE,
    SignatureData,
    _parse,
    _structure,
    parse_signature,
)
from kerege.xroad.x509 import certificate_der
from tests.xroad.signature.forging import (
    DS,
    EXCLUSIVE,
    INCLUSIVE,
    edited,
    re_signed,
    refuse,
    verify,
    with_transform,
)
from tests.xroad.signature.pki import (
    BOB,
    NOW,
    ec_key,
    member,
    rsa_key,
)
from tests.xroad.signature.test_building import BODY, HELLO, sign, template_of


@pytest.fixture(scope="module")
def plain() -> SignatureData:
    return sign(member(), [HELLO])[0]


@pytest.fixture(scope="module")
def chained() -> SignatureData:
    return sign(member(), [HELLO, BODY])[0]


# --- algorithms and transforms ---


@pytest.mark.parametrize(
    "algorithm",
    [
        DS + "hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512",
        DS + "rsa-sha1",
        DS + "dsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "",
    ],
)
def test_weak_and_symmetric_signature_methods_are_refused(plain, algorithm):
    uri = member().algorithm.uri.encode()
    refuse("unsupported_algorithm", edited(plain, uri, algorithm.encode()))


def test_sha_1_digests_are_refused(plain):
    weak = plain.signature.replace(SHA512.uri.encode(), (DS + "sha1").encode())
    refuse("unsupported_algorithm", weak)


def test_a_method_with_parameters_is_refused(plain):
    uri = member().algorithm.uri.encode()
    longer = edited(
        plain,
        uri + b'"></ds:SignatureMethod>',
        uri + b'"><ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>',
    )
    for check_schema in (True, False):
        with pytest.raises(XRoadError) as refused:
            parse_signature(longer, check_schema=check_schema)
        assert refused.value.code == "malformed_signature"


@pytest.mark.parametrize(
    "algorithm",
    [
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        DS + "enveloped-signature",
        INCLUSIVE + "#WithComments",
    ],
)
def test_canonicalization_is_one_of_two(plain, algorithm):
    changed = edited(plain, INCLUSIVE.encode(), algorithm.encode())
    refuse("unsupported_algorithm", changed)
    refuse("unsupported_algorithm", with_transform(plain, algorithm))


def test_a_transform_of_the_message_is_refused(plain):
    document = with_transform(plain, EXCLUSIVE, MESSAGE)
    refuse("malformed_signature", re_signed(document))


@pytest.mark.parametrize("transform", [INCLUSIVE, EXCLUSIVE])
@pytest.mark.parametrize("method", [INCLUSIVE, EXCLUSIVE])
def test_both_canonicalizations_are_understood(plain, method, transform):
    document = with_transform(plain, transform)
    document = document.replace(INCLUSIVE.encode(), method.encode(), 1)
    verify(SignatureData(re_signed(document)), HELLO)


def test_an_exclusive_canonicalization_with_a_prefix_list_is_refused(plain):
    document = with_transform(plain, EXCLUSIVE).replace(
        b'<ds:Transform Algorithm="' + EXCLUSIVE.encode() + b'"/>',
        b'<ds:Transform Algorithm="' + EXCLUSIVE.encode() + b'"><e:InclusiveNamespaces'
        b' xmlns:e="' + EXCLUSIVE.encode() + b'" PrefixList="ds"/></ds:Transform>',
    )
    with pytest.raises(XRoadError) as refused:
        parse_signature(document, check_schema=False)
    assert refused.value.code == "malformed_signature"


def test_a_weak_rsa_key_is_refused():
    weak = member(key=rsa_key(1024))
    refuse("unsupported_algorithm", sign(weak, [HELLO])[0])


def test_a_key_of_another_kind_than_the_method_is_refused():
    elliptic = member(algorithm="SHA512withECDSA", key=ec_key(ec.SECP256R1))
    data = sign(elliptic, [HELLO])[0]
    rsa_method = edited(data, b"#ecdsa-sha512", b"#rsa-sha512")
    refuse("unsupported_algorithm", rsa_method)


@pytest.mark.parametrize("size", [2, 63, 66, 128])
def test_an_ecdsa_value_has_the_length_of_the_curve(size):
    elliptic = member(algorithm="SHA512withECDSA", key=ec_key(ec.SECP256R1))
    data = sign(elliptic, [HELLO])[0]
    changed = re.sub(
        rb"(<ds:SignatureValue[^>]*>)[^<]*",
        lambda m: m[1] + base64.b64encode(b"\1" * size),
        data.signature,
    )
    refuse("invalid_signature_value", changed)


def test_a_digest_info_without_null_is_accepted_and_one_with_more_is_not(plain):
    """Some X-Road signers leave the NULL of the DigestInfo out."""
    signed = parse_signature(plain.signature).signed_info
    digest = SHA512.of(signed)
    without = bytes.fromhex("304f300b06096086480165030402030440") + digest
    verify(SignatureData(with_raw_rsa(plain, without)), HELLO)
    trailing = bytes.fromhex("3051300b06096086480165030402030440") + digest + b"\0\0"
    refuse("invalid_signature_value", with_raw_rsa(plain, trailing))


def with_raw_rsa(data: SignatureData, digest_info: bytes) -> bytes:
    """Sign a DigestInfo of our own making with PKCS#1 type 1 padding."""
    numbers = rsa_key().private_numbers()
    padded = b"\0\1" + b"\xff" * (256 - 3 - len(digest_info)) + b"\0" + digest_info
    value = pow(int.from_bytes(padded), numbers.d, numbers.public_numbers.n)
    return re.sub(
        rb"(<ds:SignatureValue[^>]*>)[^<]*",
        lambda m: m[1] + base64.b64encode(value.to_bytes(256)),
        data.signature,
    )


# --- certificates ---


def test_another_members_certificate_is_refused(plain):
    message = refuse("incorrect_certificate", plain, signer=BOB)
    assert "EE/GOV/Bob" in message


def test_a_certificate_that_is_not_for_signing_is_refused():
    refuse("malformed_signature", sign(member(signs=False), [HELLO])[0])


def test_a_certificate_of_the_same_key_cannot_be_swapped_in(plain):
    """TS 101 903 7.2.2: the signed digest says which certificate was meant."""
    mine, other = member(), member(BOB)
    swapped = edited(
        plain,
        base64.b64encode(certificate_der(mine.certificate)),
        base64.b64encode(certificate_der(other.certificate)),
    )
    refuse("malformed_signature", swapped, signer=BOB)


def test_a_stranger_can_make_everything_fit_but_the_chain(plain):
    later = NOW + timedelta(days=31)
    code = refuse("cannot_create_cert_path.internal_error", plain, at=later)
    assert code
    old = NOW + timedelta(hours=2)
    refuse("invalid_cert_path.incorrect_validation_info", plain, at=old)


def test_an_ocsp_response_for_another_certificate_is_refused():
    signer, other = member(), member(BOB)
    template = template_of(replace(signer))
    template = type(template)(
        signer.certificate, signer.algorithm, ocsp_responses=other.ocsp_responses
    )
    prepared = template.prepare(MESSAGE, "text/xml", HELLO.digest, NOW)
    document = prepared.finish(signer.sign(prepared.to_be_signed))
    refuse("invalid_cert_path.cert_validation", document)


def test_a_signature_without_ocsp_responses_is_refused(plain):
    without = re.sub(
        rb"<xades:EncapsulatedOCSPValue.*</xades:EncapsulatedOCSPValue>",
        b"",
        plain.signature,
    )
    for check_schema in (True, False):
        with pytest.raises(XRoadError) as refused:
            parse_signature(without, check_schema=check_schema)
        assert refused.value.code == "malformed_signature"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b' URI="#encapsulated-cert-1"', b"", "no URI"),
        (b'URI="#encapsulated-cert-1"', b'URI="#other"', "no certificate"),
        (b'Id="encapsulated-cert-1"', b'Id="other"', "no certificate"),
        (
            b'Id="encapsulated-cert-1">MII',
            b'Id="encapsulated-cert-1">MIJ',
            "does not have the digest",
        ),
    ],
)
def test_intermediate_certificates_must_be_the_ones_referred_to(old, new, reason):
    data = sign(member(below_intermediate=True), [HELLO])[0]
    assert reason in refuse("malformed_signature", edited(data, old, new))


def test_counts_are_bounded(monkeypatch, plain):
    data = sign(member(below_intermediate=True), [HELLO])[0]
    monkeypatch.setattr(_parse, "MAX_CERTIFICATES", 0)
    refuse("malformed_signature", data)
    monkeypatch.undo()
    monkeypatch.setattr(_parse, "MAX_REFERENCES", 1)
    refuse("malformed_signature", plain)
    monkeypatch.undo()
    monkeypatch.setattr(_structure, "MAX_SIGNATURE_BYTES", 100)
    refuse("malformed_signature", plain)
