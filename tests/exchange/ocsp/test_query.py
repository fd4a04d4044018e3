"""Port 5577: answers as a real 7.8 server gave them, and to anything else an end."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from kerege.exchange.ocsp import answer_ocsp_query, read_peer_answer
from kerege.exchange.ocsp.query import MAX_CERTIFICATES
from kerege.xroad.faults import XRoadError
from tests.vectors import LIVE, needs_recordings

SHA1, SHA256 = b"\x01" * 20, b"\x02" * 32
KNOWN = {SHA1: b"response one", SHA256: b"response two"}
RECORDINGS = LIVE / "recordings"
CASES = [
    "ocsp-head",
    "ocsp-none",
    "ocsp-post",
    "ocsp-sha1",
    "ocsp-sha256-only",
    "ocsp-unknown",
    "rest-get",
]


def answer(query: str, method: str = "GET"):
    return answer_ocsp_query(query, KNOWN.get, boundary="b0undary", method=method)


def test_responses_come_in_the_order_asked_for():
    status, headers, body = answer(f"cert={SHA256.hex()}&cert={SHA1.hex()}")
    assert status == 200
    assert headers == (
        (
            "Content-Type",
            (
                'multipart/related; type="application/ocsp-response"; charset=UTF-8; '
                "boundary=b0undary"
            ),
        ),
    )
    assert read_peer_answer(headers[0][1], body) == (b"response two", b"response one")


def test_hexadecimal_digits_may_be_capitals():
    assert answer(f"cert={SHA1.hex().upper()}").status == 200


def test_the_other_parameter_is_not_read():
    assert answer(f"cert={SHA1.hex()}&cert_hash=whatever&x=y").status == 200
    assert answer(f"cert_hash={SHA256.hex()}").status == 500


@pytest.mark.parametrize(
    "query",
    [
        "",
        "cert=",
        "cert=zz",
        "cert=00",
        f"cert={SHA1.hex()}&cert={'00' * 20}",
        f"cert={SHA1.hex()}00",
        "&".join([f"cert={SHA1.hex()}"] * (MAX_CERTIFICATES + 1)),
        "&" * 500 + f"cert={SHA1.hex()}",
        "x" * 10_000 + f"&cert={SHA1.hex()}",
    ],
)
def test_what_cannot_be_answered_whole_is_an_error(query):
    status, _, body = answer(query)
    assert status == 500
    assert body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "get"])
def test_other_methods_are_errors(method):
    assert answer(f"cert={SHA1.hex()}", method).status == 500


def test_head_is_a_heartbeat():
    assert answer("", "HEAD") == (200, (), b"")


@given(st.text(max_size=200))
def test_any_query_gets_an_answer(query):
    assert answer(query).status in {200, 500}


# Recordings


def read_http(path: Path) -> tuple[bytes, dict[str, str], bytes]:
    """Return first line, headers and de-chunked body of a recorded message."""
    head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.decode().partition(": ")
        headers[name.lower()] = value
    if headers.get("transfer-encoding") == "chunked":
        body = _dechunked(body)
    return first, headers, body


def _dechunked(data: bytes) -> bytes:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        body += data[:length]
        data = data[length + 2 :]
    return body


@needs_recordings
@pytest.mark.parametrize("case", CASES)
def test_recorded_questions_get_the_recorded_answers(case):
    folder = RECORDINGS / case
    line, _, _ = read_http(folder / "ocsp-request.http")
    method, target, _ = line.decode().split(" ")
    first, headers, expected = read_http(folder / "ocsp-response.http")
    boundary = headers.get("content-type", "").rpartition("boundary=")[2]
    known = recorded_responses()

    got = answer_ocsp_query(
        target.partition("?")[2], known.get, boundary=boundary, method=method
    )

    assert got.status == int(first.split(b" ")[1])
    assert json.loads((folder / "info.json").read_text())
    if got.status == 200:
        assert got.body == expected
        assert dict(got.headers).get("Content-Type") == headers.get("content-type")


def recorded_responses() -> dict[bytes, bytes]:
    """Return what the recorded server knew: by SHA-1 alone, the port's only key."""
    folder = RECORDINGS / "ocsp-sha1"
    line, _, _ = read_http(folder / "ocsp-request.http")
    digest = line.decode().partition("?cert=")[2].partition(" ")[0]
    _, headers, body = read_http(folder / "ocsp-response.http")
    (response,) = read_peer_answer(headers["content-type"], body)
    return {bytes.fromhex(digest): response}


@needs_recordings
def test_a_recorded_answer_is_read():
    _, headers, body = read_http(RECORDINGS / "rest-get" / "ocsp-response.http")
    (response,) = read_peer_answer(headers["content-type"], body)
    assert response[:2] == b"\x30\x82"


# Reading a peer's answer

MULTIPART = "multipart/related; boundary=b"


def test_parts_of_other_types_are_skipped():
    body = (
        b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        b"--b\r\nContent-Type: Application/OCSP-Response; x=y\r\n\r\nder\r\n"
        b"--b\r\n\r\nnothing said\r\n--b--"
    )
    assert read_peer_answer(MULTIPART, body) == (b"der",)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("", b"--b--"),
        ("multipart/related", b"--b--"),
        (MULTIPART, b""),
        (MULTIPART, b"--b\r\nContent-Type: application/ocsp-response\r\n\r\nder"),
        (MULTIPART, b"--b\r\n\r\n\r\n" * 21 + b"--b--"),
        (
            MULTIPART,
            b"--b\r\nContent-Type: application/ocsp-response\r\n\r\n"
            + b"x" * 70_000
            + b"\r\n--b--",
        ),
    ],
    ids=["no type", "no boundary", "empty", "cut", "many parts", "long part"],
)
def test_an_answer_that_is_not_one_is_refused(content_type, body):
    with pytest.raises(XRoadError) as refused:
        read_peer_answer(content_type, body)
    assert refused.value.code == "internal_error"


@given(content_type=st.text(max_size=60), body=st.binary(max_size=200))
def test_any_answer_is_read_or_refused(content_type, body):
    assert refusal(content_type, body) in {"", "internal_error"}
    assert refusal(MULTIPART, b"--b\r\n" + body) in {"", "internal_error"}


@given(st.lists(st.binary(max_size=50).filter(lambda der: b"--b0undary" not in der)))
def test_what_is_answered_is_read_back(responses):
    chosen = dict(enumerate(responses[:MAX_CERTIFICATES]))
    known = {bytes([number]) * 20: der for number, der in chosen.items()}
    query = "&".join(f"cert={digest.hex()}" for digest in known)
    status, headers, body = answer_ocsp_query(query, known.get, boundary="b0undary")
    if chosen:
        assert status == 200
        assert read_peer_answer(headers[0][1], body) == tuple(chosen.values())


def refusal(content_type: str, body: bytes) -> str:
    try:
        read_peer_answer(content_type, body)
    except XRoadError as error:
        return error.code
    return ""
