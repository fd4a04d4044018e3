"""Port 5577: what a peer asks, and what it gets. No sockets here.

Rules (`CertHashBasedOcspResponder.java`; no document has them):

* ``GET /?cert=<hex of SHA-1>``, once for each certificate; ``cert_hash`` (SHA-256),
  which clients send too, is not read. A ``cert`` of 64 digits is taken for SHA-256.
* The answer is ``multipart/related`` with one OCSP response for each, in order.
* One unknown certificate, none at all, or another method: 500 with a text.
* ``HEAD`` is a heartbeat: 200, whatever was asked.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl

MAX_QUERY_CHARACTERS = 8 * 1024
"""A chain of ten certificates, both hashes each, has 1.2 KiB."""
MAX_CERTIFICATES = 20
"""Certificates asked about at once; real peers ask about one to three."""

OCSP_RESPONSE_TYPE = "application/ocsp-response"
_DIGEST_BYTES = (20, 32)

ResponseByHash = Callable[[bytes], bytes | None]
"""SHA-1 or SHA-256 of a certificate to its newest valid OCSP response."""


class OcspAnswer(NamedTuple):
    """An HTTP answer; the server adds framing."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class _QueryError(Exception):
    """Why a query gets no answer; the text is sent."""


def answer_ocsp_query(
    query: str, lookup: ResponseByHash, *, boundary: str, method: str = "GET"
) -> OcspAnswer:
    """Answer a peer that asks for OCSP responses.

    Args:
        query: what stood after ``?`` in the request's target.
        lookup: finds the response for a certificate's hash.
        boundary: fresh and random: it must not occur in a response.
        method: of the HTTP request.
    """
    if method == "HEAD":
        return OcspAnswer(200, (), b"")
    try:
        _require_get(method)
        responses = [_response(asked, lookup) for asked in _asked(query)]
    except _QueryError as error:
        text = str(error).encode("utf-8", "replace")
        return OcspAnswer(500, (("Content-Type", "text/plain;charset=utf-8"),), text)
    content_type = (
        f'multipart/related; type="{OCSP_RESPONSE_TYPE}"; charset=UTF-8; '
        f"boundary={boundary}"
    )
    body = _multipart(responses, boundary.encode())
    return OcspAnswer(200, (("Content-Type", content_type),), body)


def _require_get(method: str) -> None:
    if method != "GET":
        msg = f"Invalid request method: {method[:16]}"
        raise _QueryError(msg)


def _asked(query: str) -> list[str]:
    if len(query) > MAX_QUERY_CHARACTERS:
        raise _QueryError("The query is too long")
    try:
        fields = parse_qsl(
            query, keep_blank_values=True, max_num_fields=4 * MAX_CERTIFICATES
        )
    except ValueError:
        raise _QueryError("The query has too many fields") from None
    asked = [value for name, value in fields if name == "cert"]
    if not asked:
        raise _QueryError("Could not get cert hashes")
    if len(asked) > MAX_CERTIFICATES:
        msg = f"More than {MAX_CERTIFICATES} certificates"
        raise _QueryError(msg)
    return asked


def _response(asked: str, lookup: ResponseByHash) -> bytes:
    try:
        digest = bytes.fromhex(asked)
    except ValueError:
        digest = b""
    response = lookup(digest) if len(digest) in _DIGEST_BYTES else None
    if response is None:
        msg = f"Could not find OCSP response for certificate {asked[:64]}"
        raise _QueryError(msg)
    return response


def _multipart(responses: Sequence[bytes], boundary: bytes) -> bytes:
    head = b"Content-Type: " + OCSP_RESPONSE_TYPE.encode()
    parts = [
        b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary, head, response)
        for response in responses
    ]
    return b"".join(parts) + b"--%b--\r\n" % boundary
