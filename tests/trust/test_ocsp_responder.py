"""The sandbox's OCSP responder: what it says about whom, and to any bytes at all."""

import base64
from datetime import timedelta
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient, TestServer
from asn1crypto import ocsp as asn1_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given, strategies as st

from kerege.trust.ocsp_responder import (
    MAX_CERTIFICATES,
    MAX_NONCE_BYTES,
    MAX_REQUEST_BYTES,
    ocsp_application,
    ocsp_authorities,
    ocsp_response,
)
from kerege.xroad.ocsp import ocsp_request, verify_ocsp_response
from tests.trust.authorities import NOW, SERVER, leaf_key, new_ca, shared_ca

SHA1 = hashes.SHA1()  # noqa: S303 - what X-Road names certificates with
CA = shared_ca()
CERTIFICATE = CA.issue_authentication(leaf_key().public_key(), SERVER)
ISSUER = CA.intermediate.certificate
REQUEST = ocsp_request(CERTIFICATE, ISSUER)


def answer(request: bytes, *, ca=CA, validity=timedelta(hours=1)) -> bytes:
    return ocsp_response(request, ocsp_authorities(ca), at=NOW, validity=validity)


def parsed(response: bytes) -> ocsp.OCSPResponse:
    return ocsp.load_der_ocsp_response(response)


def request_with(
    *, nonce: bytes | None = None, algorithm: hashes.HashAlgorithm | None = None
) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        CERTIFICATE, ISSUER, algorithm or SHA1
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def test_an_issued_certificate_is_good():
    status = verify_ocsp_response(
        answer(REQUEST),
        certificate=CERTIFICATE,
        issuer=ISSUER,
        trust=CA.trust(),
        at=NOW,
    )
    assert status.this_update == NOW
    assert status.next_update == NOW + timedelta(hours=1)
    assert status.responder == CA.ocsp.certificate


def test_the_intermediate_is_answered_for_by_the_roots_responder():
    root = CA.root.certificate
    status = verify_ocsp_response(
        answer(ocsp_request(ISSUER, root)),
        certificate=ISSUER,
        issuer=root,
        trust=CA.trust(),
        at=NOW,
    )
    assert status.responder == CA.root_ocsp.certificate


def test_a_revoked_certificate_is_revoked_since_then():
    ca = new_ca()
    certificate = ca.issue_authentication(leaf_key().public_key(), SERVER)
    ca.revoke(certificate.serial_number)
    response = parsed(
        answer(ocsp_request(certificate, ca.intermediate.certificate), ca=ca)
    )
    assert response.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert response.revocation_time_utc == NOW


def test_a_serial_number_that_was_never_issued_is_unknown():
    stranger = new_ca().issue_authentication(leaf_key().public_key(), SERVER)
    response = parsed(answer(ocsp_request(stranger, ISSUER)))
    assert response.certificate_status is ocsp.OCSPCertStatus.UNKNOWN


def test_a_certificate_of_another_ca_is_unknown():
    other = new_ca()
    stranger = other.issue_authentication(leaf_key().public_key(), SERVER)
    response = parsed(answer(ocsp_request(stranger, other.intermediate.certificate)))
    assert response.certificate_status is ocsp.OCSPCertStatus.UNKNOWN


@pytest.mark.parametrize(
    "algorithm", [SHA1, hashes.SHA256(), hashes.SHA384(), hashes.SHA512()]
)
def test_the_client_chooses_the_hash_of_the_certificates_name(algorithm):
    response = parsed(answer(request_with(algorithm=algorithm)))
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert isinstance(response.hash_algorithm, type(algorithm))


def test_next_update_can_be_left_out():
    assert parsed(answer(REQUEST, validity=None)).next_update_utc is None


@pytest.mark.parametrize("size", [1, 16, 32, MAX_NONCE_BYTES])
def test_a_nonce_comes_back(size):
    response = parsed(answer(request_with(nonce=b"n" * size)))
    nonce = response.extensions.get_extension_for_class(x509.OCSPNonce)
    assert nonce.value.nonce == b"n" * size


def test_without_a_nonce_there_is_none():
    assert len(parsed(answer(REQUEST)).extensions) == 0


def test_a_nonce_that_is_too_long_is_malformed():
    response = parsed(answer(request_with(nonce=b"n" * (MAX_NONCE_BYTES + 1))))
    assert response.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def several(count: int) -> bytes:
    one = asn1_ocsp.OCSPRequest.load(REQUEST)["tbs_request"]["request_list"][0]
    request = asn1_ocsp.OCSPRequest(
        {"tbs_request": {"request_list": [one.copy() for _ in range(count)]}}
    )
    return bytes(request.dump())


def test_several_certificates_are_answered_for_at_once():
    response = asn1_ocsp.OCSPResponse.load(answer(several(3)))
    responses = response.basic_ocsp_response["tbs_response_data"]["responses"]
    assert [one["cert_status"].name for one in responses] == ["good"] * 3


def test_too_many_certificates_are_malformed():
    response = parsed(answer(several(MAX_CERTIFICATES + 1)))
    assert response.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_a_hash_that_nobody_uses_is_unknown():
    request = asn1_ocsp.OCSPRequest.load(REQUEST)
    one = request["tbs_request"]["request_list"][0]["req_cert"]
    one["hash_algorithm"] = {"algorithm": "md5"}
    response = asn1_ocsp.OCSPResponse.load(answer(request.dump(force=True)))
    (single,) = response.basic_ocsp_response["tbs_response_data"]["responses"]
    assert single["cert_status"].name == "unknown"


def test_a_request_that_is_too_long_is_malformed():
    response = parsed(answer(REQUEST + b"\0" * MAX_REQUEST_BYTES))
    assert response.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


@given(st.binary(max_size=300))
def test_any_bytes_get_a_response(data):
    response = parsed(answer(data))
    assert response.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


@given(st.data())
def test_a_damaged_request_gets_a_response(data):
    request = bytearray(request_with(nonce=b"0123456789abcdef"))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(request) - 1))
        request[place] = data.draw(st.integers(0, 255))
    asn1_ocsp.OCSPResponse.load(answer(bytes(request)), strict=True)


async def test_over_http_both_forms_are_served():
    application = ocsp_application(ocsp_authorities(CA), clock=lambda: NOW)
    encoded = base64.b64encode(REQUEST).decode()
    async with TestClient(TestServer(application)) as client:
        posted = await client.post("/", data=REQUEST)
        plain = await client.get(f"/{encoded}")
        quoted = await client.get(f"/ocsp/{quote(encoded, safe='')}")
        bodies = []
        for got in (posted, plain):
            assert got.status == 200
            assert got.content_type == "application/ocsp-response"
            bodies.append(parsed(await got.read()).certificate_status)
        prefixed = parsed(await quoted.read()).response_status
    assert bodies == [ocsp.OCSPCertStatus.GOOD] * 2
    assert prefixed is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


async def test_over_http_slashes_and_percents_in_the_base64_are_understood():
    """RFC 6960, A.1: base64 has characters that paths cannot have."""
    encoded = next(
        text
        for size in range(16, 100)
        if "/"
        in (text := base64.b64encode(request_with(nonce=b"\xff" * size)).decode())
    )
    application = ocsp_application(ocsp_authorities(CA), clock=lambda: NOW)
    async with TestClient(TestServer(application)) as client:
        for path in (encoded, quote(encoded, safe="")):
            got = await client.get(f"/{path}")
            status = parsed(await got.read()).certificate_status
            assert status is ocsp.OCSPCertStatus.GOOD


async def test_over_http_a_long_request_is_refused():
    application = ocsp_application(ocsp_authorities(CA), clock=lambda: NOW)
    async with TestClient(TestServer(application)) as client:
        got = await client.post("/", data=b"x" * (MAX_REQUEST_BYTES + 1))
        assert got.status == 413
