"""Chains: a path, and a good OCSP response for each step; and the memory of it."""

from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from kerege.xroad.certificates import (
    ChainVerifier,
    Trust,
    VerifiedChain,
    _chain,
    verify_chain,
)
from kerege.xroad.certificates._chain import MAX_OCSP_RESPONSES, MAX_REMEMBERED
from kerege.xroad.faults import XRoadError
from kerege.xroad.x509 import certificate_der
from tests.xroad.certificates.pki import (
    HOUR,
    NOW,
    Answer,
    Identity,
    Template,
    a_ca,
    issue,
    key_usage,
    new_key,
    respond,
    rewritten,
    root,
    trust_in,
)

SECOND = timedelta(seconds=1)
TOP = root()
MIDDLE = issue("CN=Int", TOP, a_ca())
LEAF = issue("CN=Leaf", MIDDLE, Template(usages=("digital_signature",)))
TRUST = trust_in(TOP, MIDDLE)
WHOLE = NOW.replace(microsecond=0)


def good(subject: Identity, issuer: Identity, **says: object) -> bytes:
    return respond(subject.certificate, issuer.certificate, issuer, Answer(**says))


def verify(
    responses: list[bytes], trust: Trust = TRUST, at: datetime = NOW
) -> VerifiedChain:
    return verify_chain(
        LEAF.certificate, extra=(), trust=trust, ocsp_responses=responses, at=at
    )


def test_a_chain_has_a_good_response_for_all_but_the_top() -> None:
    responses = [good(MIDDLE, TOP), good(LEAF, MIDDLE)]

    chain = verify(responses)

    assert chain.certificates == tuple(i.certificate for i in (LEAF, MIDDLE, TOP))
    assert [status.responder for status in chain.statuses] == [
        MIDDLE.certificate,
        TOP.certificate,
    ]
    assert chain.authority.top == TOP.certificate


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_response_is_a_fault(missing: int) -> None:
    responses = [good(LEAF, MIDDLE), good(MIDDLE, TOP)]
    del responses[missing]

    with pytest.raises(XRoadError, match="no OCSP response") as refused:
        verify(responses)

    assert refused.value.code == "invalid_cert_path.cert_validation"


@pytest.mark.parametrize("revoked", [LEAF, MIDDLE])
def test_a_revoked_certificate_anywhere_is_a_fault(revoked: Identity) -> None:
    responses = [
        good(
            subject,
            issuer,
            status=ocsp.OCSPCertStatus.REVOKED
            if subject is revoked
            else ocsp.OCSPCertStatus.GOOD,
        )
        for subject, issuer in ((LEAF, MIDDLE), (MIDDLE, TOP))
    ]

    with pytest.raises(XRoadError, match="REVOKED since") as refused:
        verify(responses)

    assert refused.value.code == "invalid_cert_path.cert_validation"


@pytest.mark.parametrize(
    "responses",
    [
        [b"not a response"],
        [good(LEAF, MIDDLE, this_update=NOW - 2 * HOUR), good(MIDDLE, TOP)],
        [good(LEAF, MIDDLE)] * (MAX_OCSP_RESPONSES + 1),
    ],
    ids=["unreadable", "old", "too many"],
)
def test_a_response_that_cannot_be_believed_is_a_fault(responses: list[bytes]) -> None:
    with pytest.raises(XRoadError) as refused:
        verify(responses)

    assert refused.value.code == "invalid_cert_path.incorrect_validation_info"


def test_no_path_is_told_before_any_response_is_read() -> None:
    with pytest.raises(XRoadError) as refused:
        verify([b"not a response"], trust=trust_in(root("CN=Other")))

    assert refused.value.code == "cannot_create_cert_path.internal_error"


def test_the_second_path_is_taken_if_only_it_has_a_response() -> None:
    key = new_key()
    one, other = root("CN=One"), root("CN=Other")
    by_one = issue("CN=Int", one, a_ca(), key)
    by_other = issue("CN=Int", other, a_ca(), key)
    leaf = issue("CN=Leaf", by_one)
    trust = Trust(
        "TEST",
        (*trust_in(one, by_one).authorities, *trust_in(other, by_other).authorities),
    )

    for top, middle in ((one, by_one), (other, by_other)):
        chain = verify_chain(
            leaf.certificate,
            extra=(),
            trust=trust,
            ocsp_responses=[good(leaf, middle), good(middle, top)],
            at=NOW,
        )
        assert chain.certificates[-1] == top.certificate


def test_a_certificate_that_a_peer_broke_on_purpose_is_refused_not_a_crash() -> None:
    twice = key_usage("digital_signature").public_bytes()
    oid = x509.ObjectIdentifier("2.5.29.16")
    extension = x509.UnrecognizedExtension(oid, twice)
    template = Template(usages=("digital_signature",), extensions=[(extension, False)])
    broken = rewritten(
        issue("CN=Leaf", MIDDLE, template).certificate, "2.5.29.16", "2.5.29.15"
    )
    verifier = ChainVerifier(TRUST)

    for check in (
        lambda: verifier.verify(broken, extra=(), ocsp_responses=[], at=NOW),
        lambda: verifier.verify_peer([broken], ocsp_responses=[], at=NOW),
    ):
        with pytest.raises(XRoadError) as refused:
            check()
        assert refused.value.code == "incorrect_certificate"


class Counting:
    """A verifier that counts how often it had to work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, trust: Trust = TRUST) -> None:
        self.times = 0
        real = _chain.paths

        def paths(*arguments: object) -> object:
            self.times += 1
            return real(*arguments)

        monkeypatch.setattr(_chain, "paths", paths)
        self.verifier = ChainVerifier(trust)

    def verify(self, responses: list[bytes], at: datetime = NOW) -> VerifiedChain:
        return self.verifier.verify(
            LEAF.certificate, extra=(), ocsp_responses=responses, at=at
        )


RESPONSES = [good(LEAF, MIDDLE), good(MIDDLE, TOP)]


def test_what_was_verified_is_not_verified_again(monkeypatch) -> None:
    counting = Counting(monkeypatch)

    first = counting.verify(RESPONSES)
    again = counting.verify([bytes(bytearray(r)) for r in RESPONSES])

    assert again is first
    assert counting.times == 1


def test_it_stays_verified_until_a_response_is_too_old(monkeypatch) -> None:
    counting = Counting(monkeypatch)
    last = WHOLE + HOUR

    assert counting.verify(RESPONSES).valid_until == last
    counting.verify(RESPONSES, at=last)
    assert counting.times == 1
    with pytest.raises(XRoadError, match="too old: thisUpdate"):
        counting.verify(RESPONSES, at=last + SECOND)
    assert counting.times == 2


def test_it_stays_verified_until_next_update(monkeypatch) -> None:
    counting = Counting(monkeypatch)
    last = WHOLE + HOUR / 2
    responses = [good(LEAF, MIDDLE, next_update=last), good(MIDDLE, TOP)]

    assert counting.verify(responses).valid_until == last
    with pytest.raises(XRoadError, match="too old: nextUpdate"):
        counting.verify(responses, at=last + SECOND)


def test_it_stays_verified_until_a_certificate_expires(monkeypatch) -> None:
    patient = trust_in(TOP, MIDDLE, ocsp_freshness_seconds=10 * 365 * 86400)
    counting = Counting(monkeypatch, patient)
    last = LEAF.certificate.not_valid_after_utc

    assert counting.verify(RESPONSES).valid_until == last
    with pytest.raises(XRoadError) as refused:
        counting.verify(RESPONSES, at=last + SECOND)
    assert refused.value.code == "cannot_create_cert_path.internal_error"


def test_a_time_before_the_certificate_is_not_answered_from_memory(monkeypatch) -> None:
    counting = Counting(monkeypatch)
    chain = counting.verify(RESPONSES)

    counting.verify(RESPONSES, at=chain.valid_from)
    assert counting.times == 1
    with pytest.raises(XRoadError):
        counting.verify(RESPONSES, at=chain.valid_from - SECOND)


def test_a_changed_response_is_verified_on_its_own(monkeypatch) -> None:
    counting = Counting(monkeypatch)
    counting.verify(RESPONSES)
    revoked = good(LEAF, MIDDLE, status=ocsp.OCSPCertStatus.REVOKED)

    with pytest.raises(XRoadError):
        counting.verify([revoked, RESPONSES[1]])


def test_failures_are_not_remembered(monkeypatch) -> None:
    counting = Counting(monkeypatch)
    for _ in range(2):
        with pytest.raises(XRoadError):
            counting.verify([])

    assert counting.times == 2


def test_the_memory_is_bounded_and_forgets_the_oldest_first(monkeypatch) -> None:
    monkeypatch.setattr(_chain, "MAX_REMEMBERED", 2)
    counting = Counting(monkeypatch)
    inputs = [[*RESPONSES, good(LEAF, MIDDLE)] for _ in range(3)]
    for responses in inputs:
        counting.verify(responses)

    counting.verify(inputs[2])
    assert counting.times == 3
    counting.verify(inputs[0])
    assert counting.times == 4
    assert MAX_REMEMBERED > 2


def test_a_chain_packed_with_responses_is_verified_and_not_remembered(
    monkeypatch,
) -> None:
    size = sum(map(len, RESPONSES)) + len(certificate_der(LEAF.certificate))
    monkeypatch.setattr(_chain, "MAX_REMEMBERED_BYTES", size)
    counting = Counting(monkeypatch)
    for times in (1, 1, 2, 3):
        counting.verify(RESPONSES if times == 1 else [*RESPONSES, *RESPONSES])
        assert counting.times == times


def test_a_peer_that_proves_itself_is_accepted() -> None:
    verifier = ChainVerifier(trust_in(TOP))
    about_leaf = good(LEAF, MIDDLE, include=[MIDDLE.certificate])

    chain = verifier.verify_peer(
        [LEAF.certificate, MIDDLE.certificate],
        ocsp_responses=[about_leaf, RESPONSES[1]],
        at=NOW,
    )

    assert chain.certificates[0] == LEAF.certificate


@pytest.mark.parametrize(
    ("identities", "code"),
    [
        ([], "ssl_authentication_failed"),
        ([MIDDLE], "ssl_authentication_failed"),
        (
            [LEAF],
            "ssl_authentication_failed.invalid_cert_path.cert_validation",
        ),
        (
            [issue("CN=L", root("CN=X"), Template(usages=("digital_signature",)))],
            "ssl_authentication_failed.cannot_create_cert_path.internal_error",
        ),
    ],
    ids=["nothing", "not for authentication", "no response", "unknown CA"],
)
def test_a_peer_that_does_not_is_refused(identities: list[Identity], code: str) -> None:
    certificates = [identity.certificate for identity in identities]

    with pytest.raises(XRoadError) as refused:
        ChainVerifier(TRUST).verify_peer(certificates, ocsp_responses=[], at=NOW)

    assert refused.value.code == code
