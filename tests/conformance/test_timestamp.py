"""Time-stamps: the rows of the reference's own test, and answers of a real TSA.

The vectors' authority has an RSA key of 1024 bits and signs over SHA-1, hence `LEGACY`.
"""

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from lxml import etree

from kerege.xroad.algorithms import SHA512
from kerege.xroad.certificates import LEGACY, load_certificate
from kerege.xroad.faults import XRoadError
from kerege.xroad.timestamp import (
    read_timestamp_response,
    timestamp_request,
    verify_timestamp,
)
from tests.conformance.stores import live_certificate
from tests.vectors import LIVE, Row, needs_recordings, needs_vectors, rows, xroad_path

pytestmark = needs_vectors

TSA = "{*}approvedTSA/{*}cert"
SHARED = "globalconf/globalconf_good_v2/{}/shared-params.xml"
OCSP = ".//{*}ocsp/{*}cert"


def certificates(kind: str) -> list[x509.Certificate]:
    """The upstream test collects them over the three instances of the tree."""
    trees = [
        etree.fromstring(xroad_path(SHARED.format(instance)).read_bytes())
        for instance in ("EE", "foo", "bar")
    ]
    return [
        load_certificate(base64.b64decode(element.text or ""))
        for tree in trees
        for element in tree.iterfind(kind)
    ]


@pytest.mark.parametrize("row", rows("timestamp"))
def test_a_token_gets_the_verdict_of_the_reference(row: Row) -> None:
    token, stamped = row.read(0), bytearray(row.read(1))
    if row.case == "hashMismatch":
        assert stamped[42] != 1
        stamped[42] = 1
    kind = OCSP if row.case == "wrongCertificate" else TSA
    authorities = certificates(kind)
    assert authorities

    if row.expected == "pass":
        assert len(authorities) == 3
        stamp = verify_timestamp(token, bytes(stamped), authorities, policy=LEGACY)
        assert stamp.time == datetime(2012, 11, 29, 13, 10, 4, tzinfo=UTC)
        assert stamp.certificate in authorities
    else:
        with pytest.raises(XRoadError) as refused:
            verify_timestamp(token, bytes(stamped), authorities, policy=LEGACY)
        assert refused.value.code == row.error_code


def test_a_weak_authority_is_refused_today() -> None:
    token = xroad_path("timestamps/valid").read_bytes()
    stamped = xroad_path("timestamps/stamped-data").read_bytes()

    with pytest.raises(XRoadError, match="1024 bits") as refused:
        verify_timestamp(token, stamped, certificates(TSA))

    assert refused.value.code == "mlog.timestamp_signer_verification_failed"


def test_the_message_log_s_recorded_answer_is_read() -> None:
    response = xroad_path("messagelog/tsp.response").read_bytes()

    token = read_timestamp_response(response, certificates(TSA), policy=LEGACY)

    assert token.count(certificates(TSA)[0].tbs_certificate_bytes) == 1
    assert read_again(token) == token


def read_again(token: bytes) -> bytes:
    """Hand a token in as an answer once more: nothing is added twice."""
    size = len(token) + 5
    answer = b"\x30\x82" + size.to_bytes(2, "big") + b"\x30\x03\x02\x01\x00" + token
    return read_timestamp_response(answer, certificates(TSA), policy=LEGACY)


@needs_recordings
@pytest.mark.parametrize("number", [1, 2])
def test_our_request_is_the_reference_s_and_the_answer_to_it_is_accepted(
    number: int,
) -> None:
    request = (LIVE / "tsa" / f"request{number}.tsq").read_bytes()
    response = (LIVE / "tsa" / f"response{number}.tsr").read_bytes()
    digest = request[-64:]

    assert timestamp_request(digest, SHA512) == request
    token = read_timestamp_response(response, [live_certificate("tsa")], imprint=digest)

    assert live_certificate("tsa").tbs_certificate_bytes in token
