"""Asking a peer's port 5577 for the OCSP responses of its certificates.

Rules (`CertHashBasedOcspResponderClient.java`, `AuthTrustVerifier.java`):

* ``cert`` (SHA-1) and ``cert_hash`` (SHA-256) go along for each certificate: servers up
  to 7.8 read the first, later ones may read the second.
* The answer has one response for each certificate asked about; parts of other types
  are skipped.
* Whatever goes wrong is ``internal_error``. The responses are not verified here.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from kerege.exchange.fetching import Fetch, FetchFailed, Patience, fetch
from kerege.exchange.http import ClientPool
from kerege.exchange.ocsp.query import OCSP_RESPONSE_TYPE
from kerege.xroad.faults import XRoadError
from kerege.xroad.ocsp import MAX_OCSP_RESPONSE_BYTES
from kerege.xroad.transport import (
    MultipartParser,
    PartBegan,
    PartData,
    boundary_of,
    find_header,
    media_type,
)

MAX_PARTS = 20
"""As many certificates as a peer may be asked about."""
MAX_ANSWER_BYTES = 256 * 1024
"""Responses have 2 to 6 KB each; a chain has two or three."""
PEER_PATIENCE = Patience(total=60, connect=20, silence=30)
"""`proxy.ocsp-responder-client-connect-timeout` and `-read-timeout`; and an end."""

_ACCEPT = (("Accept", "multipart/related"),)
_TEXT_SHOWN = 200
_SHA1 = hashes.SHA1()  # noqa: S303 - the protocol names certificates so


async def fetch_peer_ocsp(
    pool: ClientPool,
    host: str,
    port: int,
    certificates: Sequence[x509.Certificate],
    *,
    patience: Patience = PEER_PATIENCE,
) -> tuple[bytes, ...]:
    """Return a peer's OCSP responses for its certificates, in order, unverified.

    Raises ``internal_error``.
    """
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{port}/?{peer_query(certificates)}"
    try:
        answer = await fetch(
            pool, Fetch(url, MAX_ANSWER_BYTES, patience, headers=_ACCEPT)
        )
    except FetchFailed as error:
        raise _failed(host, port, str(error)) from error
    status, body, content_type = answer.status, answer.body, answer.content_type
    if not 200 <= status < 300:
        text = body[:_TEXT_SHOWN].decode("utf-8", "replace")
        raise _failed(host, port, f"status {status}, {text!r}")
    responses = read_peer_answer(content_type, body)
    if len(responses) != len(certificates):
        raise _failed(
            host, port, f"expected {len(certificates)}, but got {len(responses)}"
        )
    return responses


def peer_query(certificates: Sequence[x509.Certificate]) -> str:
    """Return the query that asks for the responses of these certificates."""
    sha1 = [("cert", _hex(one, _SHA1)) for one in certificates]
    sha256 = [("cert_hash", _hex(one, hashes.SHA256())) for one in certificates]
    return urlencode([*sha1, *sha256])


def read_peer_answer(content_type: str, body: bytes) -> tuple[bytes, ...]:
    """Return the OCSP responses of a peer's ``multipart/related`` answer.

    Raises ``internal_error``.
    """
    try:
        parser = MultipartParser(boundary_of(content_type), max_parts=MAX_PARTS)
        responses: list[bytearray] = []
        is_response = False
        for event in parser.receive_data(body):
            if isinstance(event, PartBegan):
                kind = find_header(event.headers, "content-type") or ""
                is_response = media_type(kind) == OCSP_RESPONSE_TYPE
                if is_response:
                    responses.append(bytearray())
            elif isinstance(event, PartData) and is_response:
                responses[-1] += event.data
                _require_bounded(responses[-1])
        parser.receive_eof()
    except XRoadError as error:
        raise XRoadError(
            "internal_error",
            f"A peer's answer with OCSP responses cannot be read: {error.message}",
        ) from error
    return tuple(map(bytes, responses))


def _require_bounded(response: bytearray) -> None:
    if len(response) > MAX_OCSP_RESPONSE_BYTES:
        raise XRoadError("internal_error", "an OCSP response is too long")


def _hex(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> str:
    return certificate.fingerprint(algorithm).hex()


def _failed(host: str, port: int, why: str) -> XRoadError:
    return XRoadError(
        "internal_error",
        f"Could not get all OCSP responses from server {host}:{port}: {why}",
        advice=f"The OCSP port ({port}) of that server must be reachable from here, "
        "and that server must have OCSP responses of its own certificates.",
    )
