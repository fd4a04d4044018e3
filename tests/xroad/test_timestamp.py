"""Time-stamps: asking, reading answers, and each rule of a token."""

import hashlib
from datetime import timedelta

import pytest
from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, strategies as st

from kerege.xroad.algorithms import SHA256, SHA512
from kerege.xroad.certificates import LEGACY
from kerege.xroad.faults import XRoadError
from kerege.xroad.timestamp import (
    Timestamp,
    read_timestamp_response,
    timestamp_request,
    verify_timestamp,
)
from kerege.xroad.timestamp._token import MAX_TOKEN_BYTES, with_certificate
from kerege.xroad.x509 import certificate_der
from tests.xroad.certificates.pki import NOW, Identity
from tests.xroad.certificates.tsa import Stamp, answer, authority, token

TSA = authority()
RSA_TSA = authority("CN=RSA TSA", rsa.generate_private_key(65537, 2048))
OTHER = authority("CN=Other TSA")
FAILED = "mlog.timestamp_signer_verification_failed"
DAY = timedelta(days=1)


def verify(signer: Identity = TSA, **says: object) -> Timestamp:
    approved = [OTHER.certificate, TSA.certificate, RSA_TSA.certificate]
    return verify_timestamp(token(signer, Stamp(**says)), b"data", approved)


def refusal(signer: Identity = TSA, **says: object) -> tuple[str, str]:
    with pytest.raises(XRoadError) as refused:
        verify(signer, **says)
    return refused.value.code, refused.value.message


@pytest.mark.parametrize("digest", [SHA256, SHA512])
def test_the_request_has_the_digest_and_nothing_else(digest) -> None:
    request = tsp.TimeStampReq.load(timestamp_request(digest.of(b"data"), digest))

    imprint = request["message_imprint"]
    assert imprint["hash_algorithm"]["algorithm"].native == digest.hashlib_name
    assert imprint["hashed_message"].native == digest.of(b"data")
    assert request["nonce"].native is None
    assert request["req_policy"].native is None
    assert request["cert_req"].native is False


@pytest.mark.parametrize("signer", [TSA, RSA_TSA])
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_a_token_of_an_approved_authority_tells_the_time(
    signer: Identity, digest: str
) -> None:
    stamp = verify(signer, digest=digest, signer_digest=digest)

    assert stamp == Timestamp(NOW, signer.certificate)


def test_rsa_with_its_digest_in_the_name_and_pss_are_understood() -> None:
    verify(RSA_TSA, algorithm="sha256_rsa")
    verify(RSA_TSA, pss=True)


@pytest.mark.parametrize("version", ["v1", "v2", "both"])
def test_the_certificate_is_named_in_the_old_or_the_new_way(version: str) -> None:
    assert verify(version=version).certificate == TSA.certificate


def test_the_signer_may_be_named_by_key_identifier() -> None:
    key = x509.SubjectKeyIdentifier.from_public_key(TSA.key.public_key())
    with_identifier = authority("CN=With id", TSA.key, extensions=[(key, False)])
    stamped = token(with_identifier, Stamp(by_key_identifier=True))
    approved = [OTHER.certificate, with_identifier.certificate]

    assert verify_timestamp(stamped, b"data", approved).time == NOW


def test_other_data_were_stamped() -> None:
    code, message = refusal(stamped=b"other data")

    assert code == "malformed_signature"
    assert "do not match" in message


def test_an_authority_that_is_not_approved_is_not_found() -> None:
    code, _ = refusal(authority("CN=TSA"))

    assert code == "mlog.tsp_certificate_not_found"


def test_without_approved_authorities_there_is_no_provider() -> None:
    with pytest.raises(XRoadError) as refused:
        verify_timestamp(token(TSA), b"data", [])

    assert refused.value.code == "mlog.no_timestamping_provider_found"


def test_an_impostor_with_the_name_and_number_of_an_authority_is_caught() -> None:
    code, message = refusal(Identity(TSA.certificate, OTHER.key))

    assert code == FAILED
    assert "was not made with the key" in message


def test_of_two_authorities_with_one_name_and_number_both_are_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(x509, "random_serial_number", lambda: 42)
    old, new = authority(), authority()
    assert old.certificate.serial_number == new.certificate.serial_number
    assert old.certificate.issuer == new.certificate.issuer
    for approved in ([old, new], [new, old]):
        certificates = [one.certificate for one in approved]
        for signer in (old, new):
            stamp = verify_timestamp(token(signer), b"data", certificates)
            assert stamp.certificate == signer.certificate
    with pytest.raises(XRoadError) as refused:
        verify_timestamp(token(new), b"data", [old.certificate])
    assert refused.value.code == FAILED


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({"message_digest": b"0" * 32}, "other content"),
        ({"content_type": "data"}, "content type"),
        ({"version": "neither"}, "do not name the certificate"),
        ({"hash_of": OTHER.certificate}, "another certificate"),
        ({"version": "v1", "hash_of": OTHER.certificate}, "another certificate"),
    ],
)
def test_the_signed_attributes_must_say_what_is_signed_and_by_whom(
    says: dict[str, object], reason: str
) -> None:
    code, message = refusal(**says)

    assert code == FAILED
    assert reason in message


@pytest.mark.parametrize(
    "says",
    [
        {"twice": "message_digest"},
        {"twice": "content_type"},
        {"signers": 0},
        {"signers": 2},
        {"inner_type": "data"},
        {"digest": "md5"},
        {"algorithm": "sha256_dsa"},
    ],
    ids=lambda says: "-".join(map(str, *says.items())),
)
def test_a_token_of_another_shape_is_malformed(says: dict[str, object]) -> None:
    code, _ = refusal(**says)

    assert code == "malformed_signature"


def test_a_certificate_that_is_not_for_time_stamping_is_refused() -> None:
    for extended in ([], [ExtendedKeyUsageOID.CLIENT_AUTH]):
        server = authority("CN=Server", extended=extended)
        with pytest.raises(XRoadError, match="not a certificate for time") as refused:
            verify_timestamp(token(server), b"data", [server.certificate])
        assert refused.value.code == FAILED


def test_the_time_lies_within_the_certificate_s_validity() -> None:
    noon = NOW.replace(microsecond=0)
    brief = authority("CN=Brief", not_before=noon - DAY, not_after=noon + DAY)

    for time in (noon - DAY, NOW, noon + DAY):
        stamped = token(brief, Stamp(time=time))
        assert verify_timestamp(stamped, b"data", [brief.certificate]).time == time
    for time in (NOW - 2 * DAY, NOW + 2 * DAY):
        stamped = token(brief, Stamp(time=time))
        with pytest.raises(XRoadError, match="is valid from") as refused:
            verify_timestamp(stamped, b"data", [brief.certificate])
        assert refused.value.code == FAILED


def test_an_imprint_over_sha_1_is_for_old_documents_only() -> None:
    stamped = token(TSA, Stamp(digest="sha1"))

    verify_timestamp(stamped, b"data", [TSA.certificate], policy=LEGACY)
    with pytest.raises(XRoadError) as refused:
        verify_timestamp(stamped, b"data", [TSA.certificate])
    assert refused.value.code == "unsupported_algorithm"


def read(response: bytes, *approved: Identity, imprint: bytes | None = None) -> bytes:
    certificates = [identity.certificate for identity in approved or (TSA,)]
    return read_timestamp_response(response, certificates, imprint=imprint)


@pytest.mark.parametrize("status", [0, 1])
def test_a_granted_answer_gives_the_token_with_the_certificate(status: int) -> None:
    imprint = hashlib.sha512(b"data").digest()

    stored = read(answer(token(TSA), status), imprint=imprint)

    assert verify_timestamp(stored, b"data", [TSA.certificate]).time == NOW
    assert included(stored) == {certificate_der(TSA.certificate)}


def test_certificates_that_the_authority_sent_are_kept_and_none_twice() -> None:
    for sent in ([OTHER.certificate], [TSA.certificate, OTHER.certificate]):
        stored = read(answer(token(TSA, Stamp(include=sent))))
        certificates = cms.ContentInfo.load(stored)["content"]["certificates"]
        assert len(certificates) == 2
        assert certificate_der(OTHER.certificate) in included(stored)


def included(stored: bytes) -> set[bytes]:
    return {c.dump() for c in cms.ContentInfo.load(stored)["content"]["certificates"]}


@pytest.mark.parametrize("status", [2, 3, 4, 5, 99])
def test_a_refusal_is_told_with_its_reasons(status: int) -> None:
    response = answer(None, status, ["Come back", "tomorrow"], "time_not_available")

    with pytest.raises(XRoadError, match="Come back; tomorrow; time_not") as refused:
        read(response)

    assert refused.value.code == "mlog.timestamp_non_granted_response"


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (b"", "mlog.reading_timestamp_response_failed"),
        (b"<html>", "mlog.reading_timestamp_response_failed"),
        (b"0" * (MAX_TOKEN_BYTES + 1), "mlog.reading_timestamp_response_failed"),
        (answer(None), "mlog.timestamp_response_object_creation_failed"),
        (
            answer(token(TSA, Stamp(signers=2))),
            "mlog.timestamp_response_object_creation_failed",
        ),
        (answer(token(OTHER)), "mlog.tsp_certificate_not_found"),
        (answer(token(TSA, Stamp(version="neither"))), FAILED),
    ],
    ids=["nothing", "html", "huge", "no token", "no timestamp", "not approved", "bad"],
)
def test_an_answer_that_is_wrong_has_its_code(response: bytes, code: str) -> None:
    with pytest.raises(XRoadError) as refused:
        read(response)

    assert refused.value.code == code


def test_an_answer_for_other_data_is_not_ours() -> None:
    with pytest.raises(XRoadError) as refused:
        read(answer(token(TSA)), imprint=hashlib.sha512(b"other").digest())

    assert refused.value.code == "mlog.timestamp_response_validation_failed"


def test_a_certificate_can_only_be_added_to_a_token() -> None:
    with pytest.raises(XRoadError) as refused:
        with_certificate(b"no token", TSA.certificate)

    assert refused.value.code == "mlog.adding_signature_to_ts_token_failed"


def test_a_token_of_absurd_size_is_refused() -> None:
    with pytest.raises(XRoadError) as refused:
        verify_timestamp(b"0" * (MAX_TOKEN_BYTES + 1), b"", [TSA.certificate])

    assert refused.value.code == "malformed_signature"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_token_and_an_answer_or_refused(data: bytes) -> None:
    with pytest.raises(XRoadError) as refused:
        verify_timestamp(data, b"data", [TSA.certificate])
    assert refused.value.code == "malformed_signature"
    with pytest.raises(XRoadError):
        read(data)


GOOD = answer(token(TSA, Stamp(include=[TSA.certificate])))


@given(
    st.lists(
        st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)),
        min_size=1,
        max_size=3,
    )
)
def test_changed_bytes_change_nothing_or_are_refused(
    changes: list[tuple[int, int]],
) -> None:
    changed = bytearray(GOOD)
    for place, value in changes:
        changed[place] = value
    stored = b""
    try:
        stored = read(bytes(changed))
    except XRoadError as error:
        refused = error.code
    else:
        refused = ""
    if not refused:
        assert verify_timestamp(stored, b"data", [TSA.certificate]).time == NOW
    assert refused == "" or refused.startswith(("mlog.", "unsupported_"))


@given(st.integers(0, len(GOOD)))
def test_a_cut_answer_is_refused(length: int) -> None:
    if length == len(GOOD):
        read(GOOD[:length])
        return
    with pytest.raises(XRoadError):
        read(GOOD[:length])
