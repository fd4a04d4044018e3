"""Signatures and the messages they come with: changed, cut, swapped, batched."""

import base64
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import etree

from kerege.xroad.algorithms import SHA256
from kerege.xroad.faults import XRoadError
from kerege.xroad.signature import (
    MESSAGE,
    Part,
    SignatureData,
    SignatureVerifier,
    VerificationRules,
    _verify,
    attachment_name,
)
from tests.xroad.signature.forging import edited, re_signed, refuse, verify
from tests.xroad.signature.pki import (
    ALICE,
    BOB,
    NOW,
    member,
    trust,
)
from tests.xroad.signature.test_building import BODY, HELLO, sign


@pytest.fixture(scope="module")
def plain() -> SignatureData:
    return sign(member(), [HELLO])[0]


@pytest.fixture(scope="module")
def chained() -> SignatureData:
    return sign(member(), [HELLO, BODY])[0]


# --- the message is not the one that was signed ---


def test_the_signed_message_verifies_and_another_does_not(plain):
    assert verify(plain, HELLO).parsed.signing_time == NOW.replace(microsecond=123000)
    refuse("invalid_signature_value", plain, Part.of(MESSAGE, b"other"))


def test_a_message_without_its_bytes_is_compared_by_digest(plain):
    verify(plain, replace(HELLO, content=None))
    other_digest = Part(MESSAGE, SHA256.of(b"hello"), SHA256)
    refuse("invalid_signature_value", plain, other_digest)
    verify(plain, Part.of(MESSAGE, b"hello", SHA256))


def test_a_signature_over_nothing_that_is_here_is_refused(plain):
    with pytest.raises(XRoadError) as refused:
        verify(plain)
    assert refused.value.code == "invalid_signature_value"


def test_an_attachment_that_nobody_signed_is_refused(plain, chained):
    """The reference lets it through where there is no hash chain."""
    message = refuse("malformed_signature", plain, HELLO, BODY)
    assert attachment_name(1) in message
    extra = Part.of(attachment_name(2), b"more")
    code = "malformed_signature.hashchain_unused_inputs"
    refuse(code, chained, HELLO, BODY, extra)


def test_two_parts_of_one_name_cannot_hide_each_other(chained):
    evil = Part.of(attachment_name(1), b"evil")
    refuse("malformed_signature", chained, HELLO, evil, BODY)


def test_an_attachment_cannot_be_taken_away(chained):
    refuse("malformed_signature.invalid_reference", chained, HELLO)


def test_a_hash_chain_that_the_signature_does_not_mention_has_no_place(plain, chained):
    """It would be logged, and nobody could say whose it is."""
    mixed = replace(chained, signature=plain.signature)
    verify(plain, HELLO)
    said = refuse("malformed_signature", mixed, HELLO)
    assert "does not cover" in said
    refuse("malformed_signature", mixed, HELLO, BODY)


def test_a_missing_chain_or_result_is_refused(chained):
    code = "malformed_signature.invalid_reference"
    refuse(code, replace(chained, hash_chain=None), HELLO, BODY)
    bare = SignatureData(chained.signature)
    refuse("invalid_signature_value", bare, HELLO, BODY)


def test_a_result_that_fits_the_chain_but_was_not_signed_is_refused(chained):
    evil = Part.of(attachment_name(1), b"evil")
    other = sign(member(), [HELLO, evil])[0]
    refuse(
        "invalid_signature_value",
        replace(other, signature=chained.signature),
        HELLO,
        evil,
    )


# --- forms that others make ---


def test_a_bare_signature_and_the_old_namespace_are_read(plain):
    old = edited(plain, b"02918/v1.2.1#", b"02918/v1.1.1#")
    verify(SignatureData(re_signed(old)), HELLO)
    bare = etree.tostring(etree.fromstring(plain.signature)[0])
    verify(SignatureData(bare), HELLO)


def test_one_reference_for_each_part_is_read_in_any_order(plain):
    reference = re.search(
        rb'<ds:Reference Id="signature-reference-0".*?</ds:Reference>', plain.signature
    )[0]
    body = (
        reference.replace(b"signature-reference-0", b"r")
        .replace(MESSAGE.encode(), attachment_name(1).encode())
        .replace(base64.b64encode(HELLO.digest), base64.b64encode(BODY.digest))
    )
    last = re_signed(
        plain.signature.replace(reference, b"").replace(
            b"</ds:SignedInfo>", body + reference + b"</ds:SignedInfo>"
        )
    )
    verify(SignatureData(last), HELLO, BODY)
    changed = Part.of(attachment_name(1), b"evil")
    refuse("invalid_signature_value", last, HELLO, changed)


def test_a_signing_time_without_a_zone_is_read_as_utc(plain):
    time = re.search(rb"<xades:SigningTime>([^<]*)Z<", plain.signature)[1]
    local = re_signed(edited(plain, time + b"Z", time))
    parsed = verify(SignatureData(local), HELLO).parsed
    assert parsed.signing_time == NOW.replace(microsecond=123000)


def test_containers_may_hold_elements_that_messages_may_not(plain):
    odd = edited(
        plain,
        b"<xades:UnsignedSignatureProperties>",
        b"<xades:UnsignedSignatureProperties><xades:SignatureTimeStamp>dG9rZW4="
        b"</xades:SignatureTimeStamp><xades:XAdESTimeStamp/>",
    )
    refuse("malformed_signature", odd)
    verified = SignatureVerifier(trust()).verify(
        SignatureData(odd),
        [HELLO],
        signer=ALICE,
        at=NOW,
        rules=VerificationRules(check_schema=False),
    )
    assert verified.parsed.timestamp == b"token"


def test_containers_say_which_part_was_changed_or_is_not_here(chained):
    rules = VerificationRules(
        check_schema=False, compare_references=True, trust_missing=lambda _: True
    )
    verifier = SignatureVerifier(trust())
    verified = verifier.verify(chained, [HELLO], signer=ALICE, at=NOW, rules=rules)
    assert [uri for uri, _ in verified.trusted] == [attachment_name(1)]
    with pytest.raises(XRoadError) as refused:
        verifier.verify(
            chained,
            [HELLO, Part.of(attachment_name(1), b"evil")],
            signer=ALICE,
            at=NOW,
            rules=rules,
        )
    assert refused.value.code == "malformed_signature.invalid_hash_chain_ref"


# --- remembering ---


def test_a_batch_signature_is_verified_once_and_every_message_still_checked(
    monkeypatch,
):
    values = []
    real = _verify.verify_raw
    monkeypatch.setattr(
        _verify, "verify_raw", lambda *given_: (values.append(1), real(*given_))
    )
    messages = [[Part.of(MESSAGE, b"%d" % n)] for n in range(5)]
    batch = sign(member(), *messages)
    verifier = SignatureVerifier(trust())
    for data, parts in zip(batch, messages, strict=True):
        verifier.verify(data, parts, signer=ALICE, at=NOW)
    assert len(values) == 1
    for parts, signer, at in (
        (messages[1], ALICE, NOW),
        (messages[0], BOB, NOW),
        (messages[0], ALICE, NOW + timedelta(hours=2)),
    ):
        with pytest.raises(XRoadError):
            verifier.verify(batch[0], parts, signer=signer, at=at)


def test_a_remembered_signature_needs_its_own_result(chained):
    verifier = SignatureVerifier(trust())
    verifier.verify(chained, [HELLO, BODY], signer=ALICE, at=NOW)
    evil = Part.of(attachment_name(1), b"evil")
    other = sign(member(), [HELLO, evil])[0]
    mixed = replace(other, signature=chained.signature)
    with pytest.raises(XRoadError) as refused:
        verifier.verify(mixed, [HELLO, evil], signer=ALICE, at=NOW)
    assert refused.value.code == "invalid_signature_value"


def test_a_signature_packed_with_other_things_is_not_remembered(monkeypatch, chained):
    verifier = SignatureVerifier(trust())
    monkeypatch.setattr(_verify, "MAX_REMEMBERED_BYTES", len(chained.signature) - 1)
    verifier.verify(chained, [HELLO, BODY], signer=ALICE, at=NOW)
    assert not verifier._remembered


def test_what_was_refused_is_not_remembered_and_memory_is_bounded(monkeypatch, chained):
    monkeypatch.setattr(_verify, "REMEMBERED_SIGNATURES", 2)
    monkeypatch.setattr(_verify, "REMEMBERED_MEMBERS", 1)
    verifier = SignatureVerifier(trust())
    with pytest.raises(XRoadError):
        verifier.verify(chained, [HELLO, BODY], signer=BOB, at=NOW)
    assert not verifier._remembered
    for _ in range(3):
        data = sign(member(), [HELLO, BODY])[0]
        other = sign(member(BOB), [HELLO, BODY])[0]
        verifier.verify(data, [HELLO, BODY], signer=ALICE, at=NOW)
        verifier.verify(other, [HELLO, BODY], signer=BOB, at=NOW)
    assert len(verifier._remembered) == 2
    assert len(verifier._members) == 1
