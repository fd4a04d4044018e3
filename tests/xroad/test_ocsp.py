"""OCSP: requests, and each rule for believing a response."""

from datetime import timedelta

import pytest
from asn1crypto import core, ocsp as asn1_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, strategies as st

from kerege.xroad.certificates import Trust
from kerege.xroad.faults import XRoadError
from kerege.xroad.ocsp import (
    MAX_OCSP_RESPONSE_BYTES,
    MAX_RESPONDER_CERTIFICATES,
    OcspStatus,
    cert_id,
    find_ocsp_response,
    ocsp_request,
    read_ocsp_response,
    verify_ocsp_response,
)
from tests.xroad.certificates.pki import (
    HOUR,
    NOW,
    Answer,
    Identity,
    Template,
    a_ca,
    der,
    issue,
    name,
    respond,
    rewritten,
    root,
    trust_in,
)

SECOND = timedelta(seconds=1)
SIGNING = ExtendedKeyUsageOID.OCSP_SIGNING
CA = root("C=KG, O=Trust, CN=Root")
LEAF = issue("CN=Leaf", CA)
RESPONDER = issue("C=KG, O=Trust, CN=OCSP", CA, Template(extended=[SIGNING]))


def make(responder: Identity = CA, subject: Identity = LEAF, **says: object) -> bytes:
    return respond(subject.certificate, CA.certificate, responder, Answer(**says))


def verify(response: bytes, trust: Trust | None = None, at=NOW) -> OcspStatus:
    return verify_ocsp_response(
        response,
        certificate=LEAF.certificate,
        issuer=CA.certificate,
        trust=trust or trust_in(CA),
        at=at,
    )


def refusal(response: bytes, trust: Trust | None = None, at=NOW) -> str:
    with pytest.raises(XRoadError) as refused:
        verify(response, trust, at)
    assert refused.value.code == "incorrect_validation_info"
    return refused.value.message


def test_the_request_names_the_certificate_with_sha_1_and_has_no_nonce() -> None:
    request = ocsp.load_der_ocsp_request(ocsp_request(LEAF.certificate, CA.certificate))

    assert isinstance(request.hash_algorithm, hashes.SHA1)
    assert request.serial_number == LEAF.certificate.serial_number
    assert not list(request.extensions)


def test_a_good_answer_of_the_issuer_is_believed() -> None:
    status = verify(make())

    assert status.responder == CA.certificate
    assert status.this_update == NOW.replace(microsecond=0)
    assert status.next_update is None
    assert status.valid_until == NOW.replace(microsecond=0) + HOUR


def test_a_response_made_with_another_cert_id_digest_is_about_nothing() -> None:
    response = make(cert_id_digest=hashes.SHA256())

    assert read_ocsp_response(response).cert_id is None
    assert "is not about" in refusal(response)


def test_the_response_for_a_certificate_is_found_among_others() -> None:
    other = issue("CN=Other", CA)
    responses = [read_ocsp_response(make(subject=s)) for s in (other, LEAF)]

    found = find_ocsp_response(responses, LEAF.certificate, CA.certificate)

    assert found is responses[1]
    assert found.cert_id == cert_id(LEAF.certificate, CA.certificate)
    assert find_ocsp_response([], LEAF.certificate, CA.certificate) is None


@pytest.mark.parametrize("by_name", [False, True])
def test_the_responder_is_found_wherever_the_rules_allow(*, by_name: bool) -> None:
    configured = trust_in(CA, responders=[RESPONDER])
    inside = make(RESPONDER, by_name=by_name, include=[RESPONDER.certificate])

    assert verify(make(by_name=by_name)).responder == CA.certificate
    assert verify(inside).responder == RESPONDER.certificate
    assert (
        verify(make(RESPONDER, by_name=by_name), configured).responder
        == RESPONDER.certificate
    )
    assert "is not known" in refusal(make(RESPONDER, by_name=by_name))


def test_a_responder_s_name_may_stand_in_reverse_as_java_writes_it() -> None:
    reversed_name = issue("CN=OCSP, O=Trust, C=KG", CA, key=RESPONDER.key)

    status = verify(
        make(reversed_name, by_name=True), trust_in(CA, responders=[RESPONDER])
    )

    assert status.responder == RESPONDER.certificate


def test_a_renewed_responder_with_the_same_name_is_found_by_its_signature() -> None:
    renewed = issue("C=KG, O=Trust, CN=OCSP", CA, Template(extended=[SIGNING]))
    trust = trust_in(CA, responders=[RESPONDER, renewed])

    for responder in (RESPONDER, renewed):
        assert verify(make(responder, by_name=True), trust).responder == (
            responder.certificate
        )


def test_a_configured_responder_needs_no_extended_key_usage_and_no_issuer() -> None:
    stranger = issue("CN=Outsourced OCSP")

    verify(make(stranger), trust_in(CA, responders=[stranger]))


@pytest.mark.parametrize(
    "stranger",
    [
        issue("CN=No usage", CA),
        issue(
            "CN=Other usage", CA, Template(extended=[ExtendedKeyUsageOID.CLIENT_AUTH])
        ),
        issue("CN=Other CA", root("CN=X"), Template(extended=[SIGNING])),
        issue(
            "CN=Namesake", root("C=KG, O=Trust, CN=Root"), Template(extended=[SIGNING])
        ),
    ],
    ids=["no usage", "other usage", "other issuer", "issuer of the same name"],
)
def test_a_certificate_inside_the_response_gives_no_right_by_itself(
    stranger: Identity,
) -> None:
    assert "is not authorised" in refusal(
        make(stranger, include=[stranger.certificate])
    )


def test_a_responder_of_another_ca_of_the_instance_is_not_authorised() -> None:
    other = root("CN=Other")
    trust = Trust(
        "TEST",
        (
            *trust_in(CA).authorities,
            *trust_in(other, responders=[RESPONDER_OF_OTHER]).authorities,
        ),
    )

    assert "is not authorised" in refusal(make(RESPONDER_OF_OTHER), trust)
    assert "is not authorised" in refusal(make(other), trust)


RESPONDER_OF_OTHER = issue("CN=Their OCSP")


def test_a_forged_signature_is_refused() -> None:
    forger = issue("C=KG, O=Trust, CN=Root", None, a_ca())

    assert "signature is not valid" in refusal(make(forger, by_name=True))


def test_rsa_responders_work_and_weak_ones_do_not() -> None:
    for bits in (2048, 1024):
        key = rsa.generate_private_key(65537, bits)
        responder = issue("CN=RSA", CA, Template(extended=[SIGNING]), key)
        response = make(responder, include=[responder.certificate])
        if bits == 2048:
            verify(response)
        else:
            assert "1024 bits" in refusal(response)


def test_the_responder_s_certificate_was_valid_when_the_status_was_known() -> None:
    template = Template(extended=[SIGNING], not_after=NOW - HOUR)
    expired = issue("CN=Old OCSP", CA, template)
    patient = trust_in(CA, ocsp_freshness_seconds=86400)
    include = [expired.certificate]

    verify(make(expired, include=include, this_update=NOW - 2 * HOUR), patient)
    assert "was not valid" in refusal(make(expired, include=include), patient)


def test_this_update_may_be_as_old_as_the_instance_allows() -> None:
    made = NOW.replace(microsecond=0)
    response = make(this_update=made)

    assert verify(response, at=made + HOUR).valid_until == made + HOUR
    assert "thisUpdate" in refusal(response, at=made + HOUR + SECOND)


def test_this_update_may_lie_in_the_future() -> None:
    verify(make(this_update=NOW + 24 * HOUR))


def test_next_update_must_not_be_past_unless_nobody_looks() -> None:
    next_update = NOW.replace(microsecond=0) + HOUR / 2
    response = make(next_update=next_update)
    careless = trust_in(CA, verify_ocsp_next_update=False)

    assert verify(response, at=next_update).valid_until == next_update
    assert "nextUpdate" in refusal(response, at=next_update + SECOND)
    assert verify(response, careless).valid_until > next_update


@pytest.mark.parametrize(
    "status", [ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN]
)
def test_a_status_that_is_not_good_has_its_own_code(
    status: ocsp.OCSPCertStatus,
) -> None:
    response = make(status=status)

    with pytest.raises(XRoadError, match=status.name) as refused:
        verify(response)

    assert refused.value.code == "cert_validation"
    assert (read_ocsp_response(response).revoked_at is not None) == (
        status is ocsp.OCSPCertStatus.REVOKED
    )


def test_what_cannot_be_believed_is_told_before_what_it_says() -> None:
    stranger = issue("CN=No usage", CA)
    response = make(
        stranger,
        include=[stranger.certificate],
        status=ocsp.OCSPCertStatus.REVOKED,
    )

    refusal(response)


def test_a_responder_that_refuses_is_told() -> None:
    refused = ocsp.OCSPResponseBuilder.build_unsuccessful(
        ocsp.OCSPResponseStatus.TRY_LATER
    )

    assert "TRY_LATER" in refusal(der(refused))


def test_a_response_without_any_status_is_refused() -> None:
    response = asn1_ocsp.OCSPResponse.load(make())
    basic = response["response_bytes"]["response"].parsed
    basic["tbs_response_data"]["responses"] = []
    response["response_bytes"]["response"] = core.ParsableOctetString(basic.dump())

    assert "nothing about any" in refusal(response.dump())


def test_a_configured_responder_with_an_unreadable_key_is_passed_over() -> None:
    curves = ("1.2.840.10045.3.1.7", "1.2.840.10045.3.1.99")
    odd = Identity(rewritten(RESPONDER.certificate, *curves), RESPONDER.key)
    trust = trust_in(CA, responders=[odd, RESPONDER])

    assert verify(make(RESPONDER), trust).responder == RESPONDER.certificate


def test_a_response_of_absurd_size_is_refused() -> None:
    assert "longer" in refusal(b"0" * (MAX_OCSP_RESPONSE_BYTES + 1))
    too_many = [
        root(f"CN={n}").certificate for n in range(MAX_RESPONDER_CERTIFICATES + 1)
    ]
    assert "certificates" in refusal(make(include=too_many))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_response_or_refused(data: bytes) -> None:
    refusal(data)


GOOD = make(RESPONDER, by_name=True, include=[RESPONDER.certificate])


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_changes_nothing(place: int, value: int) -> None:
    changed = bytearray(GOOD)
    changed[place] = value
    code = ""
    try:
        status = verify(bytes(changed))
    except XRoadError as error:
        code = error.code
    else:
        assert status.this_update == NOW.replace(microsecond=0)
    assert code in {"", "incorrect_validation_info"}


def test_a_far_future_does_not_overflow() -> None:
    far = NOW.replace(year=9999, month=12, day=31, hour=23, minute=59)
    patient = trust_in(CA, ocsp_freshness_seconds=10**9)

    assert verify(make(this_update=far), patient).valid_until.year == 9999


def test_names_outside_the_usual_lengths_make_no_warning() -> None:
    assert isinstance(name("C=central-server"), x509.Name)
    responder = issue("C=central-server, CN=OCSP", CA, Template(extended=[SIGNING]))

    verify(make(responder, by_name=True, include=[responder.certificate]))
