"""REST responses: their blocks, and whether they answer the request."""

import contextlib
import dataclasses
import hashlib

import pytest
from hypothesis import given, strategies as st

from kerege.xroad.algorithms import SHA256, SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.rest import (
    RestRequest,
    RestResponse,
    check_consistency,
    headers_for_client,
    request_hash,
)

REQUEST = RestRequest.from_client(
    "POST",
    b"/r1/KG/GOV/70000001/register/%D0%B0%D0%B4%D0%B0%D0%BC/x",
    None,
    [("X-Road-Client", "KG/GOV/70000002")],
    request_id="rid",
    query_id="qid",
)
HASH = request_hash(REQUEST.digest, None)
ADDED = (
    b"x-road-id:qid\r\nx-road-client:KG/GOV/70000002\r\n"
    b"x-road-service:KG/GOV/70000001/register/%D0%B0%D0%B4%D0%B0%D0%BC\r\n"
    b"x-road-request-id:rid\r\nx-road-request-hash:aGFzaA==\r\n"
)


def answer(*headers, status=200, reason="OK", request=REQUEST, hashed=b"hash"):
    return RestResponse.from_service(
        status, reason, headers, request=request, request_hash=hashed
    )


def code_of(make, *args, **kwargs) -> str:
    with pytest.raises(XRoadError) as refused:
        make(*args, **kwargs)
    return refused.value.code


def test_the_server_appends_what_the_answer_belongs_to():
    response = answer(("Content-Type", "text/plain"), ("Content-Length", "3"))
    assert response.block == b"200\r\nOK\r\nContent-Type:text/plain\r\n" + ADDED
    assert response.digest == hashlib.sha512(response.block).digest()
    assert RestResponse.parse(response.block) == response
    assert response.client_id == ClientId("KG", "GOV", "70000002")
    assert response.service_id == ServiceId("KG", "GOV", "70000001", "register", "адам")


def test_a_service_cannot_answer_for_another_request():
    spoofed = [
        ("X-Road-Id", "other"),
        ("X-Road-Client", "A/B/C"),
        ("X-Road-Request-Id", "zz"),
        ("X-Road-Request-Hash", "aGk="),
        ("Connection", "close"),
        ("Server", "nginx"),
    ]
    assert answer(*spoofed).block == b"200\r\nOK\r\n" + ADDED


def test_a_services_own_service_header_stands_before_ours():
    response = answer(("X-Road-Service", "A/B/C/D/E"))
    assert response.block == b"200\r\nOK\r\nX-Road-Service:A/B/C/D/E\r\n" + ADDED
    read = RestResponse.parse(response.block)
    assert read.service_id == REQUEST.service_id, "the last one counts"


def test_an_empty_reason_is_an_empty_line():
    response = answer(reason="")
    assert response.block.startswith(b"200\r\n\r\nx-road-id")
    assert RestResponse.parse(response.block) == response


def test_a_request_without_id_is_answered_without():
    response = answer(request=dataclasses.replace(REQUEST, request_id=None))
    assert b"x-road-request-id" not in response.block
    assert RestResponse.parse(response.block).request_id is None


@pytest.mark.parametrize(
    ("status", "is_error"), [(200, False), (399, False), (400, True), (599, True)]
)
def test_errors_are_told_by_their_status(status, is_error):
    assert answer(status=status).is_error == is_error


@pytest.mark.parametrize("status", [0, 99, 1000, -200])
def test_other_numbers_are_no_status(status):
    assert code_of(answer, status=status) == "internal_error"


@pytest.mark.parametrize("bad", ["a\r\nb", "a\nb", "a\0", "ө"])
def test_what_would_break_the_block_is_refused(bad):
    assert code_of(answer, reason=bad) == "internal_error"
    assert code_of(answer, ("X", bad)) == "internal_error"


@pytest.mark.parametrize(
    "change",
    [
        (b"200\r\n", b"20\r\n"),
        (b"200\r\n", b"2000\r\n"),
        (b"200\r\n", b"+20\r\n"),
        (b"200\r\n", "٢٠٠\r\n".encode()),
        (b"x-road-id:qid", b"x-other:qid"),
        (b"x-road-id:qid", b"x-road-id:"),
        (b"x-road-request-hash:aGFzaA==", b"x-other:y"),
        (b"x-road-request-hash:aGFzaA==", b"x-road-request-hash:"),
        (b"x-road-request-hash:aGFzaA==", b"x-road-request-hash:a"),
        (b"x-road-request-hash:aGFzaA==", b"x-road-request-hash:*GFzaA=="),
        (b"x-road-client:KG/GOV/70000002", b"x-road-client:KG/GOV"),
        (b"register/", b""),
        (b"OK\r\n", b"OK\r\nserver:x\r\n"),
    ],
)
def test_malformed_blocks_are_refused(change):
    block = answer().block.replace(*change)
    assert block != answer().block
    assert code_of(RestResponse.parse, block) == "internal_error"


def test_the_hash_of_a_request_without_body_is_its_digest():
    assert request_hash(b"block", None, SHA256) == b"block"
    assert request_hash(b"block", b"body") == SHA512.of(b"blockbody")
    assert request_hash(b"block", b"body", SHA256) == SHA256.of(b"blockbody")


def test_an_answer_to_this_request_is_consistent():
    check_consistency(REQUEST, answer(hashed=HASH), body_digest=None)
    with_body = request_hash(REQUEST.digest, b"body", SHA256)
    check_consistency(
        REQUEST, answer(hashed=with_body), body_digest=b"body", digest=SHA256
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("client_id", ClientId("KG", "GOV", "70000003")),
        ("client_id", None),
        ("query_id", "other"),
        ("service_id", ServiceId("KG", "GOV", "70000001", "register", "other")),
        ("service_id", None),
        ("request_id", "other"),
        ("request_id", None),
        ("request_hash", b"other"),
    ],
)
def test_an_answer_to_another_request_is_not(field, value):
    other = dataclasses.replace(answer(hashed=HASH), **{field: value})
    refused = code_of(check_consistency, REQUEST, other, body_digest=None)
    assert refused == "inconsistent_response"


def test_an_answer_to_the_request_with_another_body_is_not():
    response = answer(hashed=request_hash(REQUEST.digest, b"body"))
    for body in (None, b"other"):
        refused = code_of(check_consistency, REQUEST, response, body_digest=body)
        assert refused == "inconsistent_response"


def test_the_client_gets_all_headers_and_one_date():
    one = answer(("Date", "1"), ("A", "b"))
    assert headers_for_client(one) == one.headers
    two = answer(("Date", "1"), ("A", "b"), ("date", "2"))
    assert headers_for_client(two)[:2] == (("Date", "2"), ("A", "b"))
    assert len(headers_for_client(two)) == len(two.headers) - 1


def test_the_log_can_keep_only_the_x_road_headers():
    assert answer(("A", "b")).filtered_block == b"200\r\nOK\r\n" + ADDED


@given(st.binary(max_size=300))
def test_any_bytes_give_a_response_or_a_fault(data):
    for received in (data, b"200\r\nOK\r\n" + data, answer().block + data + b"\r\n"):
        with contextlib.suppress(XRoadError):
            assert RestResponse.parse(received).block == received


@given(
    st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=5),
    st.text(max_size=10),
    st.integers(0, 1200),
)
def test_anything_a_service_sends_gives_a_response_or_a_fault(headers, reason, status):
    with contextlib.suppress(XRoadError):
        response = answer(*headers, reason=reason, status=status)
        assert RestResponse.parse(response.block) == response
