"""REST messages: the blocks that are signed, and the checks between them.

Rules (PR-REST, `RestMessage.java`, `RestRequest.java`, `RestResponse.java`):

* A request block is method, path with query, headers; a response block is status,
  reason, headers. Lines end with CRLF, headers are ``Name:value``. Order, spelling
  and duplicates are those of the sender.
* Headers of a connection (`FORBIDDEN_IN_BLOCK`) never enter a block; a received
  block that has one is refused.
* The consumer drops ``x-road-request-id`` and ``x-road-request-hash`` of the client,
  appends ``x-road-request-id``, then ``x-road-id`` if the client sent none.
* The provider drops ``x-road-id``, ``x-road-client``, ``x-road-request-id`` and
  ``x-road-request-hash`` of the service and appends ``x-road-id``,
  ``x-road-client``, ``x-road-service``, ``x-road-request-id`` and
  ``x-road-request-hash``.
* Header bytes are read as ISO-8859-1 and written as UTF-8.
* Paths are never decoded, except to read the codes before the service's own path.

Better than the reference: an empty X-Road-Id is refused before anybody is called;
two different X-Road-Client (user, issue, ...) headers are refused.
"""

from kerege.xroad.rest._block import FORBIDDEN_IN_BLOCK, MAX_BLOCK_BYTES, Headers
from kerege.xroad.rest._forward import (
    body_reaches_service,
    headers_for_client,
    headers_for_service,
    service_url,
)
from kerege.xroad.rest._request import (
    METHODS,
    METHODS_WITH_BODY,
    RepresentedParty,
    RestRequest,
    read_client_id,
    read_represented_party,
    read_server_id,
)
from kerege.xroad.rest._response import (
    RestResponse,
    check_consistency,
    request_hash,
)

__all__ = [
    "FORBIDDEN_IN_BLOCK",
    "MAX_BLOCK_BYTES",
    "METHODS",
    "METHODS_WITH_BODY",
    "Headers",
    "RepresentedParty",
    "RestRequest",
    "RestResponse",
    "body_reaches_service",
    "check_consistency",
    "headers_for_client",
    "headers_for_service",
    "read_client_id",
    "read_represented_party",
    "read_server_id",
    "request_hash",
    "service_url",
]
