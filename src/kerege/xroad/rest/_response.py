"""REST responses: from a service's answer, and from a received block."""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kerege.xroad.algorithms import SHA512, Digest
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.rest._block import (
    CLIENT,
    FORBIDDEN_IN_BLOCK,
    QUERY_ID,
    REQUEST_HASH,
    REQUEST_ID,
    SERVICE,
    Headers,
    read_block,
    write_block,
    xroad_headers,
)
from kerege.xroad.rest._request import RestRequest, read_client_id, read_service_id

_DROPPED_FROM_RESPONSE = FORBIDDEN_IN_BLOCK | {
    QUERY_ID,
    REQUEST_HASH,
    CLIENT,
    REQUEST_ID,
}
"""`RestResponse.java` leaves a service's own X-Road-Service: it then stands twice."""

_STATUS = re.compile(r"[1-9][0-9]{2}")


@dataclass(frozen=True, slots=True)
class RestResponse:
    """A response that is signed and logged as `block`."""

    block: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    """SHA-512 of the block."""
    status: int
    reason: str
    headers: Headers = field(repr=False)
    """All headers of the block; those the server added come last."""
    query_id: str
    request_hash: bytes = field(repr=False)
    client_id: ClientId | None
    service_id: ServiceId | None
    request_id: str | None

    @classmethod
    def from_service(
        cls,
        status: int,
        reason: str,
        headers: Sequence[tuple[str, str]],
        *,
        request: RestRequest,
        request_hash: bytes,
        last_headers: Sequence[tuple[str, str]] = (),
    ) -> "RestResponse":
        """Make the response of a service's answer.

        Args:
            status: HTTP status.
            reason: Reason phrase, may be empty; ISO-8859-1.
            headers: The service's headers in order; ISO-8859-1.
            request: The request that it answers.
            request_hash: See `request_hash`.
            last_headers: Those of a metadata service that stand after the server's.

        Raises:
            XRoadError: ``internal_error`` if the answer does not fit into a block.
        """
        kept = [
            (name, value.strip(" \t"))
            for name, value in headers
            if name.lower() not in _DROPPED_FROM_RESPONSE
        ]
        kept.append((QUERY_ID, request.query_id))
        kept.append((CLIENT, request.client_id.path))
        kept.append((SERVICE, request.service_id.path))
        if request.request_id is not None:
            kept.append((REQUEST_ID, request.request_id))
        kept.append((REQUEST_HASH, base64.b64encode(request_hash).decode()))
        kept.extend(last_headers)
        block = write_block(_status_text(status), reason, kept)
        return cls(
            block=block,
            digest=hashlib.sha512(block).digest(),
            status=status,
            reason=reason,
            headers=tuple(kept),
            query_id=request.query_id,
            request_hash=request_hash,
            client_id=request.client_id,
            service_id=request.service_id,
            request_id=request.request_id,
        )

    @classmethod
    def parse(cls, block: bytes) -> "RestResponse":
        """Read a received block. Raises ``internal_error``.

        Where a field stands twice the last one counts: the provider's server
        appends its own after the service's.
        """
        status, reason, headers = read_block(block)
        if not _STATUS.fullmatch(status):
            raise XRoadError("internal_error", f"Bad status {status[:32]!r} in a block")
        fields = {name.lower(): value for name, value in headers}
        query_id = fields.get(QUERY_ID)
        if not query_id:
            raise XRoadError("internal_error", "The response block has no X-Road-Id")
        client, service = fields.get(CLIENT), fields.get(SERVICE)
        return cls(
            block=block,
            digest=hashlib.sha512(block).digest(),
            status=int(status),
            reason=reason,
            headers=headers,
            query_id=query_id,
            request_hash=_decode_hash(fields.get(REQUEST_HASH, "")),
            client_id=None if client is None else read_client_id(client, CLIENT),
            service_id=None if service is None else read_service_id(service, SERVICE),
            request_id=fields.get(REQUEST_ID),
        )

    @property
    def is_error(self) -> bool:
        """Whether the service answered with a status from 400 to 599."""
        return 400 <= self.status <= 599

    @property
    def filtered_block(self) -> bytes:
        """The block with its X-Road headers only, for the message log."""
        return write_block(
            _status_text(self.status), self.reason, xroad_headers(self.headers)
        )


def request_hash(
    block_digest: bytes, body_digest: bytes | None, digest: Digest = SHA512
) -> bytes:
    """Return the hash that ties a response to its request.

    Args:
        block_digest: SHA-512 of the request's block, whatever ``digest`` is.
        body_digest: Digest of the request's body, None without a body part.
        digest: For the outer hash. The provider uses SHA-512, the consumer the
            algorithm in the response's ``x-hash-algorithm``.
    """
    if body_digest is None:
        return block_digest
    return digest.of(block_digest + body_digest)


def check_consistency(
    request: RestRequest,
    response: RestResponse,
    *,
    body_digest: bytes | None,
    digest: Digest = SHA512,
) -> None:
    """Check that the response answers this very request.

    A signed response alone proves only that the provider once sent it; without
    these checks an old one, or one for somebody else, could be replayed.
    Order and rules of `ClientRestMessageProcessor.checkConsistency`.

    Args:
        request: What was sent.
        response: What came back.
        body_digest: Digest of the sent body, None if there was no body part.
        digest: Named by the response's ``x-hash-algorithm``.

    Raises:
        XRoadError: ``inconsistent_response``.
    """
    expected_hash = request_hash(request.digest, body_digest, digest)
    for what, asked, answered in (
        ("the client", request.client_id, response.client_id),
        ("X-Road-Id", request.query_id, response.query_id),
        ("the service", request.service_id, response.service_id),
        ("x-road-request-id", request.request_id, response.request_id),
        ("the request hash", expected_hash, response.request_hash),
    ):
        if asked != answered:
            raise XRoadError(
                "inconsistent_response",
                f"The answer does not belong to the request: {what} differs",
            )


def _status_text(status: int) -> str:
    text = str(status)
    if not _STATUS.fullmatch(text):
        raise XRoadError("internal_error", f"{status} is not an HTTP status")
    return text


def _decode_hash(text: str) -> bytes:
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if not value:
        raise XRoadError("internal_error", "The response block has no request hash")
    return value
