"""Documents that show something else than what is signed."""

import base64
import re
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings, strategies as st

from kerege.xroad.faults import XRoadError
from kerege.xroad.signature import (
    SignatureData,
    parse_signature,
)
from kerege.xroad.signature._structure import MAX_ATTRIBUTES
from kerege.xroad.xml import MAX_NAMESPACES
from tests.xroad.signature.forging import edited, re_signed, refuse, verify
from tests.xroad.signature.pki import (
    member,
)
from tests.xroad.signature.test_building import BODY, HELLO, sign


@pytest.fixture(scope="module")
def plain() -> SignatureData:
    return sign(member(), [HELLO])[0]


@pytest.fixture(scope="module")
def chained() -> SignatureData:
    return sign(member(), [HELLO, BODY])[0]


# --- signature wrapping ---


def test_a_second_signature_is_refused(plain):
    inner = re.search(rb"<ds:Signature .*</ds:Signature>", plain.signature, re.DOTALL)[
        0
    ]
    twice = edited(
        plain, b"</asic:XAdESSignatures>", inner + b"</asic:XAdESSignatures>"
    )
    refuse("malformed_signature", twice)


@pytest.mark.parametrize("check_schema", [True, False])
def test_a_signature_inside_the_signature_is_refused(plain, check_schema):
    nested = re.search(rb"<ds:Signature .*</ds:Signature>", plain.signature, re.DOTALL)[
        0
    ]
    wrapped = edited(plain, b"<ds:Object>", b"<ds:Object>" + nested)
    with pytest.raises(XRoadError) as refused:
        parse_signature(wrapped, check_schema=check_schema)
    assert refused.value.code == "malformed_signature"


@pytest.mark.parametrize("check_schema", [True, False])
def test_a_second_object_with_other_properties_is_refused(plain, check_schema):
    """The signed properties moved aside, others shown in their place."""
    other = b'<ds:Object><a Id="signed-properties"/></ds:Object>'
    for place in (b"<ds:Object>", b"</ds:Signature>"):
        wrapped = edited(plain, place, other + place)
        with pytest.raises(XRoadError) as refused:
            parse_signature(wrapped, check_schema=check_schema)
        assert refused.value.code == "malformed_signature"


def test_duplicate_ids_are_refused(plain):
    copy = edited(plain, b'Id="ocsp-response-1"', b'Id="signed-properties"')
    message = refuse("malformed_signature", copy)
    assert "same id" in message


def test_properties_of_another_signature_are_refused(plain):
    other = edited(plain, b'Target="#signature"', b'Target="#other"')
    assert "another signature" in refuse("malformed_signature", other)
    without = edited(plain, b'<ds:Signature Id="signature">', b"<ds:Signature>")
    refuse("malformed_signature", without)


def test_signed_properties_must_be_referred_to(plain):
    unsigned = edited(plain, b'Id="signed-properties"', b'Id="other"')
    refuse("malformed_signature", re_signed(unsigned))


def test_an_untyped_or_second_reference_into_the_signature_is_refused(plain):
    kind = b' Type="http://uri.etsi.org/01903#SignedProperties"'
    refuse("malformed_signature", re_signed(edited(plain, kind, b"")))
    reference = b'<ds:Reference Id="signature-reference-1"' + kind
    added = re.search(
        rb'<ds:Reference Id="signature-reference-1".*?</ds:Reference>', plain.signature
    )[0].replace(b"signature-reference-1", b"again")
    refuse("malformed_signature", edited(plain, reference, added + reference))


@pytest.mark.parametrize("uri", ["", "message.xml", "#signature-value", "http://x/y"])
def test_references_to_anything_but_documents_are_refused(plain, uri):
    changed = edited(plain, b'URI="/message.xml"', f'URI="{uri}"'.encode())
    refuse("malformed_signature", re_signed(changed))


def test_a_document_is_referred_to_once(plain):
    reference = re.search(
        rb'<ds:Reference Id="signature-reference-0".*?</ds:Reference>', plain.signature
    )[0]
    again = reference.replace(b"signature-reference-0", b"again")
    refuse("malformed_signature", edited(plain, reference, reference + again))


def test_documents_that_are_not_here_may_not_be_signed_along(plain):
    reference = re.search(
        rb'<ds:Reference Id="signature-reference-0".*?</ds:Reference>', plain.signature
    )[0]
    more = reference.replace(b"signature-reference-0", b"a").replace(b"message", b"x")
    document = re_signed(edited(plain, reference, reference + more))
    assert "/x.xml" in refuse("invalid_signature_value", document)


def test_a_signature_over_neither_message_nor_chain_is_refused(plain):
    other = re_signed(edited(plain, b'URI="/message.xml"', b'URI="/messageX.xml"'))
    assert "neither" in refuse("malformed_signature", other)


@pytest.mark.parametrize(
    "hidden", [b"<!-- -->", b"<?pi?>", b'<ds:DigestValue xml:lang="en"/>']
)
def test_comments_instructions_and_inherited_attributes_are_refused(plain, hidden):
    document = plain.signature.replace(b"<ds:SignedInfo>", b"<ds:SignedInfo>" + hidden)
    refuse("malformed_signature", document)


@pytest.mark.parametrize("check_schema", [True, False])
@pytest.mark.parametrize(
    "many",
    [
        b"".join(b' xmlns:a%d="u"' % n for n in range(MAX_NAMESPACES)),
        b"".join(b' a%d="u"' % n for n in range(MAX_ATTRIBUTES)),
    ],
    ids=["namespaces", "attributes"],
)
def test_what_makes_canonical_form_slow_is_refused(plain, many, check_schema):
    document = edited(plain, b"<ds:SignedInfo", b"<ds:SignedInfo" + many)
    with pytest.raises(XRoadError) as refused:
        parse_signature(document, check_schema=check_schema)
    assert refused.value.code == "malformed_signature"


def test_a_comment_cannot_split_a_value(plain):
    digest = base64.b64encode(HELLO.digest)
    refuse(
        "malformed_signature",
        edited(plain, digest, digest[:8] + b"<!---->" + digest[8:]),
    )


# --- documents that are no signatures ---


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<ds:KeyInfo>", b"<ds:KeyInfo><ds:KeyName>x</ds:KeyName>"),
        (b"</ds:X509Data>", b"</ds:X509Data><ds:X509Data></ds:X509Data>"),
        (b"</ds:Object>", b"</ds:Object><ds:Object></ds:Object>"),
        (b"<xades:SigningTime>2026", b"<xades:SigningTime>X026"),
        (b"<xades:UnsignedProperties>", b"<xades:UnsignedProperties><xades:X/>"),
        (b"02918/v1.2.1#", b"02918/v9.9.9#"),
        (b"xmlns:asic=", b'a="b" xmlns:asic='),
    ],
)
def test_what_the_profile_does_not_have_is_refused_in_messages(plain, old, new):
    refuse("malformed_signature", edited(plain, old, new))


@pytest.mark.parametrize("document", [b"", b"<", b"\xff", b"text"])
def test_what_is_no_xml_is_invalid(document):
    refuse("invalid_xml", document)


def test_a_signature_without_certificate_is_refused_in_containers_too(plain):
    without = re.sub(rb"<ds:X509Cert.*</ds:X509Certificate>", b"", plain.signature)
    with pytest.raises(XRoadError) as refused:
        parse_signature(without, check_schema=False)
    assert refused.value.code == "malformed_signature"


@pytest.mark.parametrize(
    "missing",
    [
        rb'<ds:Reference Id="signature-reference-1".*?</ds:Reference>',
        rb"<ds:DigestMethod[^>]*></ds:DigestMethod>",
        rb"<ds:DigestValue>[^<]*</ds:DigestValue>",
        rb"<xades:SigningCertificate>.*</xades:SigningCertificate>",
        rb"<xades:SigningTime>.*</xades:SigningTime>",
        rb"<xades:UnsignedProperties>.*</xades:UnsignedProperties>",
        rb"<ds:KeyInfo>.*</ds:KeyInfo>",
    ],
)
def test_what_verification_needs_may_not_be_missing_in_containers(plain, missing):
    document = re.sub(missing, b"", plain.signature)
    assert document != plain.signature
    with pytest.raises(XRoadError) as refused:
        parse_signature(document, check_schema=False)
    assert refused.value.code == "malformed_signature"


def test_a_relative_namespace_has_no_canonical_form(plain):
    relative = edited(plain, b"<ds:Signature Id", b'<ds:Signature xmlns:a="b" Id')
    refuse("malformed_signature", relative)


def test_a_doctype_is_refused(plain):
    bomb = edited(
        plain, b'standalone="no"?>', b'standalone="no"?><!DOCTYPE a [<!ENTITY b "c">]>'
    )
    refuse("invalid_xml", bomb)


def test_values_have_one_spelling_in_base64(plain):
    value = parse_signature(plain.signature).signature_value
    text = base64.b64encode(value)
    assert text.endswith(b"==")
    same_bytes = text[:-3] + bytes([text[-3] + 1]) + b"=="
    assert base64.b64decode(same_bytes) == value
    refuse("malformed_signature", edited(plain, text, same_bytes))


# --- any bytes ---


@cache
def original() -> SignatureData:
    """The same bytes in every example."""
    return sign(member(below_intermediate=True), [HELLO, BODY])[0]


SIGNED = ("SignedInfo", "SignatureValue", "SignedProperties")


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_no_byte_of_what_is_signed_can_be_changed(data):
    signature = original()
    name = data.draw(st.sampled_from(SIGNED)).encode()
    element = rb"<(\w+:" + name + rb")[^>]*>(.*)</\1>"
    region = re.search(element, signature.signature, re.DOTALL)
    group = 2 if name == b"SignatureValue" else 0  # its Id is not signed
    place = data.draw(st.integers(region.start(group), region.end(group) - 1))
    old = signature.signature[place]
    new = data.draw(st.integers(0, 255).filter(lambda byte: byte != old))
    if bytes([old, new]).isspace():
        return  # white space between values and in tags means nothing
    changed = (
        signature.signature[:place] + bytes([new]) + signature.signature[place + 1 :]
    )
    with pytest.raises(XRoadError):
        verify(replace(signature, signature=changed), HELLO, BODY)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_cut_and_pasted_signatures_give_a_verdict_or_an_xroad_error(data):
    document = bytearray(original().signature)
    for _ in range(data.draw(st.integers(1, 4))):
        start, end = sorted(data.draw(st.integers(0, len(document))) for _ in range(2))
        piece = data.draw(st.binary(max_size=8) | st.just(bytes(document[start:end])))
        document[start : min(end, start + 16)] = piece
    for check_schema in (True, False):
        try:
            parse_signature(bytes(document), check_schema=check_schema)
        except XRoadError:
            continue


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_give_an_xroad_error(data):
    with pytest.raises(XRoadError):
        verify(SignatureData(data), HELLO)
