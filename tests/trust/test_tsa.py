"""The sandbox's TSA: what it stamps, what it refuses, and to any bytes at all."""

import pytest
from aiohttp.test_utils import TestClient, TestServer
from asn1crypto import tsp
from hypothesis import given, strategies as st

from kerege.trust.tsa import (
    MAX_REQUEST_BYTES,
    POLICY,
    TimeStampingUnit,
    time_stamping_unit,
    timestamp_response,
    tsa_application,
)
from kerege.xroad.algorithms import SHA1, SHA256, SHA384, SHA512, Digest
from kerege.xroad.timestamp import (
    read_timestamp_response,
    timestamp_request,
    verify_timestamp,
)
from kerege.xroad.x509 import certificate_der
from tests.trust.authorities import NOW, shared_ca

CA = shared_ca()
UNIT = time_stamping_unit(CA)
STAMPED = b"the signature values of a batch"


def answer(request: bytes, unit: TimeStampingUnit = UNIT) -> bytes:
    return timestamp_response(request, unit, at=NOW, serial=7)


def request(**fields: object) -> bytes:
    digest: Digest = fields.pop("digest", SHA512)  # type: ignore[assignment]
    imprint = {
        "hash_algorithm": {"algorithm": digest.hashlib_name},
        "hashed_message": fields.pop("hashed", digest.of(STAMPED)),
    }
    made = tsp.TimeStampReq(
        {"version": "v1", "message_imprint": imprint, "cert_req": False} | fields
    )
    return bytes(made.dump())


def token(response: bytes) -> tsp.TimeStampResp:
    parsed = tsp.TimeStampResp.load(response, strict=True)
    assert parsed["status"]["status"].native == "granted"
    return parsed["time_stamp_token"]["content"]


def info(response: bytes) -> tsp.TSTInfo:
    return token(response)["encap_content_info"]["content"].parsed


def failure(response: bytes) -> set[str]:
    """Return why a request was rejected; such a response has no token."""
    status = tsp.PKIStatusInfo.load(response[2:], strict=True)
    assert response[1] == len(response) - 2
    assert status["status"].native == "rejection"
    return status["fail_info"].native


@pytest.mark.parametrize("digest", [SHA256, SHA384, SHA512])
def test_a_message_log_gets_a_time_stamp_that_verifies(digest):
    asked = timestamp_request(digest.of(STAMPED), digest)
    granted = read_timestamp_response(answer(asked), [CA.tsa.certificate])
    stamp = verify_timestamp(granted, STAMPED, [CA.tsa.certificate])
    assert stamp.time == NOW


def test_a_token_says_what_when_and_by_which_policy():
    granted = info(answer(request(nonce=12345)))
    assert granted["gen_time"].native == NOW
    assert granted["policy"].native == POLICY
    assert granted["serial_number"].native == 7
    assert granted["nonce"].native == 12345
    assert granted["message_imprint"]["hashed_message"].native == SHA512.of(STAMPED)


def test_without_a_nonce_there_is_none():
    assert info(answer(request()))["nonce"].native is None


def test_certificates_are_in_the_token_only_if_asked_for():
    assert not token(answer(request()))["certificates"].native
    included = token(answer(request(cert_req=True)))["certificates"]
    expected = [certificate_der(CA.tsa.certificate), *map(certificate_der, CA.chain)]
    assert sorted(one.chosen.dump() for one in included) == sorted(expected)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"digest": SHA1}, "bad_alg"),
        ({"hashed": b"short"}, "bad_data_format"),
        ({"req_policy": "1.2.3.4"}, "unaccepted_policy"),
        ({"nonce": 1 << 600}, "bad_request"),
        (
            {"extensions": [{"extn_id": "2.999.1", "extn_value": b"?"}]},
            "unaccepted_extensions",
        ),
    ],
    ids=["sha-1", "length", "policy", "nonce", "extension"],
)
def test_what_it_cannot_do_is_refused(asked, expected):
    assert failure(answer(request(**asked))) == {expected}


def test_its_own_policy_may_be_asked_for():
    assert info(answer(request(req_policy=POLICY)))["policy"].native == POLICY


def test_a_long_request_is_refused():
    assert failure(answer(b"\x30" * (MAX_REQUEST_BYTES + 1))) == {"bad_data_format"}


@given(st.binary(max_size=200))
def test_any_bytes_get_a_refusal(data):
    assert failure(answer(data))


@given(st.data())
def test_a_damaged_request_gets_a_response(data):
    asked = bytearray(request(nonce=99, cert_req=True))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(asked) - 1))
        asked[place] = data.draw(st.integers(0, 255))
    assert answer(bytes(asked))[0] == 0x30


async def test_over_http_it_stamps_and_refuses():
    async with TestClient(
        TestServer(tsa_application(UNIT, clock=lambda: NOW))
    ) as client:
        headers = {"Content-Type": "application/timestamp-query"}
        serials = set()
        for _ in range(2):
            got = await client.post("/tsa", data=request(), headers=headers)
            assert (got.status, got.content_type) == (
                200,
                "application/timestamp-reply",
            )
            serials.add(info(await got.read())["serial_number"].native)
        bad = await client.post("/", data=b"what", headers=headers)
        assert failure(await bad.read()) == {"bad_data_format"}
        wrong = await client.post("/", data=request())
        assert wrong.status == 415
    assert len(serials) == 2
