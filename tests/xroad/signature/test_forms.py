"""Reading a signature by the form of the last one: never other than the parser does."""

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings, strategies as st

from kerege.xroad.faults import XRoadError
from kerege.xroad.signature import (
    MESSAGE,
    Part,
    SignatureVerifier,
    _verify,
    parse_signature,
    sign_messages,
)
from kerege.xroad.signature._forms import SignatureForm
from tests.xroad.signature.pki import ALICE, NOW, member, trust
from tests.xroad.signature.test_building import BODY, HELLO, SIGNERS, template_of


def two_of(who, *parts):
    """Return a signature, and the next one of the same signer."""
    template, digest = template_of(who), who.algorithm.digest
    one = [Part.of(part.uri, b"one " + part.uri.encode(), digest) for part in parts]
    two = [Part.of(part.uri, b"two " + part.uri.encode(), digest) for part in parts]
    (first,) = sign_messages(template, who, [one], NOW)
    (second,) = sign_messages(template, who, [two], NOW + timedelta(seconds=7))
    return first.signature, second.signature


def form_of(document):
    return SignatureForm.of(document, parse_signature(document))


@pytest.fixture(scope="module")
def pair():
    return two_of(member(), HELLO, BODY)


@pytest.mark.parametrize("who", SIGNERS.values(), ids=SIGNERS.keys())
@pytest.mark.parametrize("parts", [(HELLO,), (HELLO, BODY)], ids=["plain", "chained"])
def test_the_next_signature_is_read_as_the_parser_reads_it(who, parts):
    first, second = two_of(who(), *parts)
    form = form_of(first)
    assert form is not None
    assert form.read(second) == parse_signature(second)


def test_another_signers_signature_is_left_to_the_parser(pair):
    _, other = two_of(member(), HELLO, BODY)
    form = form_of(pair[0])
    assert form is not None
    assert form.read(other) is None


@settings(max_examples=300)
@given(data=st.data())
def test_a_changed_signature_is_read_as_the_parser_reads_it_or_not_at_all(pair, data):
    form, document = form_of(pair[0]), bytearray(pair[1])
    assert form is not None
    begin, end = data.draw(st.sampled_from(form.document.slots))
    at = data.draw(st.integers(begin, end - 1))
    document[at] = data.draw(st.integers(0, 255))
    found = form.read(bytes(document))
    if found is None:
        return  # the parser is asked
    assert found == parse_signature(bytes(document))


def test_a_change_outside_the_values_is_left_to_the_parser(pair):
    form = form_of(pair[0])
    assert form is not None
    outside = set(range(form.document.length))
    for begin, end in form.document.slots:
        outside -= set(range(begin, end))
    for at in outside:
        changed = bytearray(pair[1])
        changed[at] ^= 1
        assert form.read(bytes(changed)) is None


@pytest.mark.parametrize("place", [b"Profile for High", b"urn:oid:1.3.6"])
def test_a_value_that_only_seems_to_stand_somewhere_makes_no_form(pair, place):
    """The digest is written with a character reference; its plain text is a decoy."""
    parsed = parse_signature(pair[0])
    (reference,) = parsed.documents.values()
    digest = base64.b64encode(reference.value)
    hidden = b"&#x%02x;" % digest[0] + digest[1:]
    document = pair[0].replace(digest, hidden).replace(place, digest)
    again = parse_signature(document)
    assert again.documents == parsed.documents
    assert document.count(digest) == 1
    assert SignatureForm.of(document, again) is None


def test_a_signature_with_other_line_breaks_has_no_form(pair):
    parsed = parse_signature(pair[0])
    value = base64.b64encode(parsed.signature_value)
    document = pair[0].replace(value, value[:64] + b"\n" + value[64:])
    again = parse_signature(document)
    assert again.signature_value == parsed.signature_value
    assert SignatureForm.of(document, again) is None


def test_a_verifier_that_knows_the_form_still_refuses_what_is_wrong():
    who = member()
    template, verifier = template_of(who), SignatureVerifier(trust())
    (first,) = sign_messages(template, who, [(HELLO,)], NOW)
    verifier.verify(first, [HELLO], signer=ALICE, at=NOW)
    other = Part.of(MESSAGE, b"other")
    (second,) = sign_messages(template, who, [(other,)], NOW)
    value = base64.b64encode(parse_signature(second.signature).signature_value)
    first_value = base64.b64encode(parse_signature(first.signature).signature_value)
    for code, document in {
        "invalid_signature_value": second.signature.replace(value, first_value),
        "malformed_signature": second.signature.replace(value, b"*" + value[1:]),
        "invalid_xml": second.signature.replace(value, b"<" + value[1:]),
    }.items():
        with pytest.raises(XRoadError) as refused:
            verifier.verify(type(second)(document), [other], signer=ALICE, at=NOW)
        assert refused.value.code == code
    with pytest.raises(XRoadError) as refused:
        verifier.verify(second, [HELLO], signer=ALICE, at=NOW)
    assert refused.value.code == "invalid_signature_value"
    verifier.verify(second, [other], signer=ALICE, at=NOW)


def test_a_stranger_with_the_same_form_is_not_believed():
    """Same bytes all around, but the value is by another key."""
    who = member()
    template, verifier = template_of(who), SignatureVerifier(trust())
    (first,) = sign_messages(template, who, [(HELLO,)], NOW)
    verifier.verify(first, [HELLO], signer=ALICE, at=NOW)
    parsed = parse_signature(first.signature)
    stranger = member(key=rsa.generate_private_key(65537, 2048))
    forged = first.signature.replace(
        base64.b64encode(parsed.signature_value),
        base64.b64encode(stranger.sign(parsed.signed_info)),
    )
    assert len(forged) == len(first.signature)
    with pytest.raises(XRoadError) as refused:
        verifier.verify(type(first)(forged), [HELLO], signer=ALICE, at=NOW)
    assert refused.value.code == "invalid_signature_value"


def parses_of(verifier, documents, monkeypatch):
    """Return how many of these documents the verifier has the parser read."""
    count = 0

    def counted(data, **options):
        nonlocal count
        count += 1
        return parse_signature(data, **options)

    monkeypatch.setattr(_verify, "parse_signature", counted)
    for data, part in documents:
        verifier.verify(data, [part], signer=ALICE, at=NOW)
    return count


def messages_of(who, count=5):
    template = template_of(who)
    parts = [Part.of(MESSAGE, bytes([number])) for number in range(count)]
    return [(sign_messages(template, who, [[part]], NOW)[0], part) for part in parts]


def test_a_renewed_ocsp_response_is_a_new_form(monkeypatch):
    """Of the same length, and with the same end: the responder's certificate."""
    who, verifier = member(), SignatureVerifier(trust())
    for _ in range(3):  # the template takes a response each time
        assert parses_of(verifier, messages_of(who), monkeypatch) == 1


def test_members_whose_signatures_have_the_same_length_do_not_disturb_each_other(
    monkeypatch,
):
    verifier = SignatureVerifier(trust())
    one, two = (
        messages_of(member(key=rsa.generate_private_key(65537, 2048))) for _ in range(2)
    )
    mixed = [message for pair in zip(one, two, strict=True) for message in pair]
    assert parses_of(verifier, mixed, monkeypatch) == 2


def test_a_signature_in_utf_7_is_read_by_the_parser_alone():
    """There a plus sign in base64 begins something else."""
    first, second = two_of(member(), HELLO)
    utf_7 = [
        document.replace(b'encoding="UTF-8"', b'encoding="UTF-7"')
        for document in (first, second)
    ]
    readable = [document for document in utf_7 if can_parse(document)]
    for document in readable:
        assert form_of(document) is None


def can_parse(document):
    try:
        parse_signature(document)
    except XRoadError:
        return False
    return True
