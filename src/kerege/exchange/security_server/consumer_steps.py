"""What the consumer's side does alike for REST and SOAP.

Admitting the client before anything is sent, sending, reading the answer of the provider's
server, waiting for the message log, and handing a body out of its spool.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from kerege.exchange.http import ClientResponse, Request
from kerege.exchange.messagelog import Direction
from kerege.exchange.security_server.asked import Asked
from kerege.exchange.security_server.authentication import (
    authenticate_client,
    require_client,
)
from kerege.exchange.security_server.failures import as_fault, as_peer_fault
from kerege.exchange.security_server.known_names import warn_of_forbidden_characters
from kerege.exchange.security_server.outgoing import OutgoingMessage
from kerege.exchange.security_server.provider_connection import (
    ProviderAnswer,
    ProviderConnection,
)
from kerege.exchange.security_server.received import (
    ReceivedMessage,
    SpoolFactory,
    digest_of_header,
    read_message,
    require_single,
)
from kerege.exchange.security_server.records import Signed, log_record
from kerege.exchange.security_server.runtime import PROXY_VERSION, Runtime
from kerege.exchange.security_server.trace import Trace
from kerege.exchange.spool import Spool
from kerege.exchange.storage.server_configuration import Side
from kerege.xroad.algorithms import SHA512, Digest
from kerege.xroad.faults import XRoadError
from kerege.xroad.transport import MessageKind, MessageReader

_log = structlog.get_logger(__name__)

PEER_ANSWER_STATUSES = (200, 500)
"""With these the body decides (facts section 1.3); anything else is `http_error`."""

Headers = list[tuple[bytes, bytes]]
OnMessage = Callable[[ReceivedMessage], None]
"""Judges an answer's message as soon as it is there; may raise."""


def admit(runtime: Runtime, http: Request, request: Asked, trace: Trace) -> None:
    """Check that the client is one of ours, connects as it must, and may ask now.

    Raises ``unknown_member``, ``ssl_authentication_failed``, ``action_not_possible``.
    """
    warn_of_forbidden_characters(runtime.names, request)
    client = require_client(runtime.server_configuration(), request.client_id)
    warnings = authenticate_client(
        client, http, runtime.keys.internal_certificate, runtime.clock()
    )
    for warning in warnings:
        _log.warning(warning)
    trace.admission = runtime.limiter.admit(Side.CLIENT, request.client_id)


def peer_headers(http: Request, request: Asked, content_type: str) -> Headers:
    """Return what goes before a message of either protocol to the provider's server."""
    return [
        (b"x-hash-algorithm", b"SHA-512"),
        (b"x-original-content-type", http.header(b"content-type") or b""),
        (b"x-road-request-id", (request.request_id or "").encode()),
        (b"x-proxy-version", PROXY_VERSION.encode()),
        (b"Content-Type", content_type.encode()),
    ]


async def send(
    connection: ProviderConnection,
    headers: Headers,
    message: bytes | AsyncIterator[bytes],
    outgoing: OutgoingMessage,
) -> ProviderAnswer:
    """Send a message; what failed while it was made is what is told of it."""
    try:
        return await connection.send(headers, message)
    except Exception as error:
        raise as_peer_fault(outgoing.error or error) from error


def log_message(
    runtime: Runtime, request: Asked, signed: Signed, direction: Direction
) -> Awaitable[object]:
    """Start to log a message; what is returned is done when it is durable."""
    now = runtime.clock()
    record = log_record(request, signed, direction, client_side=True, time=now)
    return runtime.log.write(record)


async def receive_answer(
    runtime: Runtime,
    answer: ProviderAnswer,
    kind: MessageKind,
    on_message: OnMessage,
    *,
    trace: Trace,
    new_spool: SpoolFactory | None = None,
) -> ReceivedMessage:
    """Read the answer; one that was not read to its end takes its connection.

    Raises XRoadError: the fault that it carries, or what is wrong with it.
    """
    spools = new_spool or runtime.new_spool

    def judge(message: ReceivedMessage) -> None:
        on_message(message)
        message.limit(trace.answer_bound)

    try:
        message = await _read(runtime, answer.response, kind, judge, spools)
    finally:
        answer.release()
    if message.fault is not None:
        message.discard()
        raise message.fault
    return message


async def _read(
    runtime: Runtime,
    response: ClientResponse,
    kind: MessageKind,
    on_message: OnMessage,
    new_spool: SpoolFactory,
) -> ReceivedMessage:
    if response.status not in PEER_ANSWER_STATUSES:
        raise XRoadError(
            "http_error", f"The provider's server answered HTTP {response.status}"
        )
    try:
        reader, digest = _reader(runtime, response, kind)
    except XRoadError as error:
        raise error.with_prefix("service_failed") from error
    try:
        return await read_message(
            response.body, reader, digest, new_spool=new_spool, on_message=on_message
        )
    except XRoadError:
        raise
    except Exception as error:
        raise as_fault(error).with_prefix("service_failed") from error


def _reader(
    runtime: Runtime, response: ClientResponse, kind: MessageKind
) -> tuple[MessageReader, Digest]:
    content_type = (response.header(b"content-type") or b"").decode("latin-1")
    name = response.header(b"x-hash-algorithm")
    require_single(response.headers)
    reader = MessageReader(
        content_type,
        expects=kind,
        max_body_bytes=runtime.settings.limits.body_bytes or None,
    )
    is_fault = name is None and content_type.startswith("text/xml")
    digest = SHA512 if is_fault else digest_of_header(name)
    reader.receive_data(b"")  # an answer of no bytes is one, if not a good one
    return reader, digest


async def all_done(*records: Awaitable[object]) -> None:
    """Wait until all records are durable, or have failed; raise why one has.

    Raises ``logging_failed``, followed by the reason's code if it has another.
    """
    failure: XRoadError | None = None
    for record in [asyncio.ensure_future(record) for record in records]:
        try:
            await record
        except XRoadError as error:
            failure = failure or error
    if failure is not None:
        raise failure.with_prefix("logging_failed")


async def settle(request_logged: Awaitable[object] | None) -> None:
    """See the request's record through, whatever became of the message."""
    if request_logged is not None:
        try:
            await request_logged
        except XRoadError as error:
            _log.error("request not logged", code=error.code)


def content_of(body: Spool) -> bytes | AsyncIterator[bytes]:
    """Return a finished body for an answer; one from a file goes with its reader."""
    data = body.data
    return _FromFile(body) if data is None else data


class _FromFile(AsyncIterator[bytes]):
    """A body from its file, which goes afterwards unless the message log keeps it.

    Also if nobody begins to read, as in an answer to HEAD: a generator's own clean-up
    would not run then.
    """

    def __init__(self, body: Spool) -> None:
        self._body = body
        self._chunks = body.chunks()

    async def __anext__(self) -> bytes:
        return await anext(self._chunks)

    async def aclose(self) -> None:
        """Close and remove the file."""
        await self._chunks.aclose()
        self._body.discard()
