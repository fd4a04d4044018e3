"""OCSP responses: the rows that the reference's own test has.

As there, the responses are made here: about user_0, issued by root_ca, signed by
root_ca itself, and no responder is configured. The vectors' certificates are signed
over SHA-1, hence `LEGACY`.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509 import ocsp

from kerege.xroad.certificates import LEGACY, ChainVerifier, Trust
from kerege.xroad.faults import XRoadError
from kerege.xroad.ocsp import OcspStatus, verify_ocsp_response
from tests.conformance.stores import identity
from tests.vectors import Row, needs_vectors, rows
from tests.xroad.certificates.pki import Answer, respond, trust_in

pytestmark = needs_vectors

NOW = datetime(2013, 1, 1, 12, 0, 0, 500000, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
PAST = NOW - timedelta(seconds=12.345)
NEAR = NOW + timedelta(seconds=12.345)


class Bench:
    """user_0, and root_ca that issues and answers."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.user = identity(row.inputs[0]).certificate
        self.root = identity(row.inputs[1])

    def trust(self, *, next_update: bool = True) -> Trust:
        return trust_in(
            self.root, algorithms=LEGACY, verify_ocsp_next_update=next_update
        )

    def response(self, **answer: object) -> bytes:
        said = Answer(**{"this_update": TOMORROW} | answer)
        return respond(self.user, self.root.certificate, self.root, said)

    def verify(self, response: bytes, **changes: object) -> OcspStatus:
        arguments = {
            "certificate": self.user,
            "issuer": self.root.certificate,
            "trust": self.trust(),
        }
        return verify_ocsp_response(response, **arguments | changes, at=NOW)


def cert_mismatch(bench: Bench) -> OcspStatus:
    return bench.verify(bench.response(), issuer=bench.user)


def about_the_issuer(bench: Bench) -> OcspStatus:
    return bench.verify(bench.response(), certificate=bench.root.certificate)


def signer_unauthorized(bench: Bench) -> OcspStatus:
    stranger = identity(bench.row.inputs[2])
    said = Answer(this_update=TOMORROW, include=[stranger.certificate])
    return bench.verify(respond(bench.user, bench.root.certificate, stranger, said))


def next_update_passed(bench: Bench) -> OcspStatus:
    return bench.verify(bench.response(this_update=NEAR, next_update=NOW))


def next_update_before_now(bench: Bench) -> OcspStatus:
    return bench.verify(bench.response(this_update=NOW, next_update=PAST))


def next_update_not_looked_at(bench: Bench) -> OcspStatus:
    response = bench.response(this_update=NOW, next_update=PAST)
    return bench.verify(response, trust=bench.trust(next_update=False))


def good(bench: Bench) -> OcspStatus:
    return bench.verify(bench.response())


def revoked(bench: Bench) -> OcspStatus:
    return bench.verify(bench.response(status=ocsp.OCSPCertStatus.REVOKED))


def unknown(bench: Bench) -> OcspStatus:
    return bench.verify(bench.response(status=ocsp.OCSPCertStatus.UNKNOWN))


def remembered(bench: Bench) -> OcspStatus:
    verifier = ChainVerifier(bench.trust())
    first, second = (
        verifier.verify(
            bench.user, extra=(), ocsp_responses=[bytes(bytearray(response))], at=NOW
        )
        for response in [bench.response()] * 2
    )
    assert second is first
    return first.statuses[0]


STORIES: dict[str, Callable[[Bench], OcspStatus]] = {
    "errorCertMismatch": cert_mismatch,
    "errorInvalidResponseSignature": about_the_issuer,
    "errorSignerIdentityMismatch": about_the_issuer,
    "errorSignerUnauthorized": signer_unauthorized,
    "errorThisUpdateAfterNow": next_update_passed,
    "errorNextUpdateBeforeNow": next_update_before_now,
    "nextUpdateBeforeNow": next_update_not_looked_at,
    "certStatusGood": good,
    "certStatusRevoked": revoked,
    "certStatusUnknown": unknown,
    "responseValidityCache": remembered,
}


@pytest.mark.parametrize("row", rows("ocsp"))
def test_a_response_gets_the_verdict_of_the_reference(row: Row) -> None:
    bench = Bench(row)
    story = STORIES[row.case]

    if row.expected == "pass":
        assert story(bench).responder == bench.root.certificate
    else:
        with pytest.raises(XRoadError) as refused:
            story(bench)
        assert refused.value.code == row.error_code


REASONS = {
    "errorCertMismatch": "is not about",
    "errorSignerUnauthorized": "is not authorised",
    "errorThisUpdateAfterNow": "nextUpdate",
    "errorNextUpdateBeforeNow": "nextUpdate",
}


@pytest.mark.parametrize(
    "row", [row for row in rows("ocsp") if row.values[0].case in REASONS]
)
def test_a_refusal_says_which_rule_was_broken(row: Row) -> None:
    with pytest.raises(XRoadError, match=REASONS[row.case]):
        STORIES[row.case](Bench(row))
