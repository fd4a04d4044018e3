"""Signatures that we make: canonical by construction, and what they contain."""

from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings, strategies as st
from lxml import etree

from kerege.xroad.algorithms import SHA256
from kerege.xroad.faults import XRoadError
from kerege.xroad.signature import (
    HASH_CHAIN_RESULT_NAME,
    MESSAGE,
    Part,
    SignatureTemplate,
    attachment_name,
    parse_signature,
    prepare_messages,
    sign_messages,
    verify_signature,
    with_signature_timestamp,
)
from kerege.xroad.signature._names import rfc2253_name
from kerege.xroad.signature._template import _canonical_text
from tests.xroad.signature.pki import ALICE, NOW, member, trust

HELLO = Part.of(MESSAGE, b"hello")
BODY = Part.of(attachment_name(1), b"body")


def template_of(who) -> SignatureTemplate:
    return SignatureTemplate(
        who.certificate,
        who.algorithm,
        chain=who.chain,
        ocsp_responses=who.ocsp_responses,
    )


def sign(who, *messages):
    return sign_messages(template_of(who), who, list(messages), NOW)


def verify(data, *parts):
    return verify_signature(data, parts, signer=ALICE, trust=trust(), at=NOW)


def canonical(document: bytes, name: str) -> bytes:
    element = etree.fromstring(document).find(f".//{{*}}{name}")
    assert element is not None
    return etree.tostring(element, method="c14n")


SIGNERS = {
    "RSA": member,
    "RSA below an intermediate": lambda: member(below_intermediate=True),
    "RSA-PSS": lambda: member(algorithm="SHA384withRSAandMGF1"),
    "P-256": lambda: member(algorithm="SHA512withECDSA", key=EC256),
    "P-384 with SHA-256": lambda: member(algorithm="SHA256withECDSA", key=EC384),
}
EC256 = ec.generate_private_key(ec.SECP256R1())
EC384 = ec.generate_private_key(ec.SECP384R1())


@pytest.mark.parametrize("who", SIGNERS.values(), ids=SIGNERS.keys())
def test_what_is_signed_is_the_canonical_form_of_what_is_written(who):
    signer = who()
    digest = signer.algorithm.digest
    part = Part.of(MESSAGE, b"hello", digest)
    prepared = prepare_messages(template_of(signer), [[part]], NOW)
    (data,) = prepared.finish(signer.sign(prepared.to_be_signed))
    assert canonical(data.signature, "SignedInfo") == prepared.to_be_signed
    properties = canonical(data.signature, "SignedProperties")
    reference = parse_signature(data.signature).properties_reference
    assert digest.of(properties) == reference.value
    assert verify(data, part).signer == ALICE


@pytest.mark.parametrize("who", SIGNERS.values(), ids=SIGNERS.keys())
def test_every_kind_of_key_signs_a_message_with_a_body(who):
    signer = who()
    parts = [
        Part.of(part.uri, part.content or b"", signer.algorithm.digest)
        for part in (HELLO, BODY)
    ]
    (data,) = sign(signer, parts)
    assert data.hash_chain_result is not None
    verified = verify(data, *parts)
    assert verified.certificate == signer.certificate
    assert set(verified.parsed.documents) == {HASH_CHAIN_RESULT_NAME}


def test_a_message_alone_without_a_body_is_signed_itself():
    (data,) = sign(member(), [HELLO])
    assert (data.hash_chain_result, data.hash_chain) == (None, None)
    assert set(parse_signature(data.signature).documents) == {MESSAGE}


def test_a_batch_has_one_signature_and_each_message_its_own_chain():
    messages = [
        [Part.of(MESSAGE, b"%d" % n), *([BODY] if n % 2 else [])] for n in range(7)
    ]
    signed = sign(member(), *messages)
    assert len({data.signature for data in signed}) == 1
    assert len({data.hash_chain for data in signed}) == 7
    for data, parts in zip(signed, messages, strict=True):
        verify(data, *parts)
    with pytest.raises(XRoadError) as refused:
        verify(signed[0], *messages[1])
    assert refused.value.code.startswith("malformed_signature.")


def test_an_ecdsa_value_stands_as_r_and_s():
    (data,) = sign(member(algorithm="SHA512withECDSA", key=EC384), [HELLO])
    assert len(parse_signature(data.signature).signature_value) == 2 * 48


def test_a_long_value_stands_between_line_feeds_and_a_short_one_does_not():
    (long,) = sign(member(), [HELLO])
    assert b'<ds:SignatureValue Id="signature-value">\n' in long.signature
    template = template_of(member())
    prepared = template.prepare(MESSAGE, "text/xml", HELLO.digest, NOW)
    assert b'"signature-value">AAAA</ds:' in prepared.finish(b"\0\0\0")


def test_intermediate_certificates_and_their_ocsp_responses_travel_along():
    signer = member(below_intermediate=True)
    (data,) = sign(signer, [HELLO])
    parsed = parse_signature(data.signature)
    assert parsed.certificates == signer.chain
    assert len(parsed.ocsp_values) == 2


def test_the_signing_time_is_written_in_utc_with_milliseconds():
    tashkent = timezone(timedelta(hours=5))
    moment = datetime(2026, 1, 1, 2, 3, 4, 999999, tzinfo=tashkent)
    data = sign_messages(template_of(member()), member(), [[HELLO]], moment)[0]
    time = b"<xades:SigningTime>2025-12-31T21:03:04.999Z</xades:SigningTime>"
    assert time in data.signature


def test_the_mime_type_says_what_is_signed():
    (plain,), (chained,) = sign(member(), [HELLO]), sign(member(), [HELLO, BODY])
    assert b"<xades:MimeType>text/xml</xades:MimeType>" in plain.signature
    assert b">application/hash-chain-result<" in chained.signature


def test_without_an_ocsp_response_nothing_is_signed():
    signer = member()
    with pytest.raises(XRoadError) as refused:
        SignatureTemplate(signer.certificate, signer.algorithm, ocsp_responses=[])
    assert refused.value.code == "cannot_create_signature"


def test_messages_must_be_hashed_with_the_algorithm_of_the_signature():
    with pytest.raises(ValueError, match="SHA-256 is not SHA-512"):
        sign(member(), [Part.of(MESSAGE, b"hello", SHA256)])
    with pytest.raises(ValueError, match="no message"):
        sign(member())
    for parts in ([], [BODY]):
        with pytest.raises(ValueError, match=r"message\.xml"):
            sign(member(), parts)


# --- time-stamps ----------------------------------------------------------------------


def test_a_time_stamp_goes_first_and_disturbs_nothing():
    (data,) = sign(member(below_intermediate=True), [HELLO])
    stamped = with_signature_timestamp(data.signature, b"token")
    unsigned = etree.fromstring(stamped).find(".//{*}UnsignedSignatureProperties")
    assert unsigned is not None
    assert etree.QName(unsigned[0]).localname == "SignatureTimeStamp"
    before, after = parse_signature(data.signature), parse_signature(stamped)
    assert after.timestamp == b"token"
    assert after.signed_info == before.signed_info
    assert after.properties == before.properties
    verify(type(data)(stamped), HELLO)


def test_a_time_stamp_needs_exactly_one_place():
    (data,) = sign(member(), [HELLO])
    for document in (b"<a/>", data.signature * 2):
        with pytest.raises(XRoadError) as refused:
            with_signature_timestamp(document, b"token")
        assert refused.value.code == "malformed_signature"


def test_a_time_stamp_takes_the_prefix_that_the_signer_chose():
    (data,) = sign(member(), [HELLO])
    other = data.signature.replace(b"xades:", b"x:").replace(b":xades=", b":x=")
    assert parse_signature(with_signature_timestamp(other, b"t")).timestamp == b"t"


# --- names ----------------------------------------------------------------------------


def test_a_name_is_written_backwards_and_escaped():
    issuer = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "EE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ' a,b+"c" '),
            x509.NameAttribute(NameOID.COMMON_NAME, "#1;<x>\\"),
        ]
    )
    assert rfc2253_name(issuer) == 'CN=\\#1\\;\\<x\\>\\\\,O=\\ a\\,b\\+\\"c\\"\\ ,C=EE'


def test_an_attribute_without_a_keyword_is_written_as_its_der():
    issuer = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "Cyber"),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "aaa@bbb.ccc"),
        ]
    )
    email = "1.2.840.113549.1.9.1=#160b616161406262622e636363"
    assert rfc2253_name(issuer) == f"{email},CN=Cyber"


def test_a_long_attribute_without_a_keyword_keeps_its_length():
    issuer = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a" * 300)])
    assert rfc2253_name(issuer).endswith("=#1682012c" + "61" * 300)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_issuer_name_is_canonical_as_written(common_name):
    issuer = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, common_name)])
    written = b"<a>" + _canonical_text(rfc2253_name(issuer)) + b"</a>"
    assert etree.tostring(etree.fromstring(written), method="c14n") == written
