"""The consumer's side of one REST message: from the client's request to the answer.

In the reference's order (`ClientRestMessageProcessor`): read the request, know the
client and how it connects, find the provider, sign, log, send, read the answer, verify
it, check that it answers this request, log it. Only then a byte reaches the client.

The request is logged while it is under way; the answer waits until both records are
durable, or becomes a fault.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass

import structlog

from kerege.exchange.http import ClientResponse, Request, Response
from kerege.exchange.messagelog import Direction
from kerege.exchange.security_server.authentication import (
    authenticate_client,
    require_client,
)
from kerege.exchange.security_server.failures import as_fault, as_peer_fault
from kerege.exchange.security_server.known_names import warn_of_forbidden_characters
from kerege.exchange.security_server.outgoing import OutgoingMessage, bounded
from kerege.exchange.security_server.provider_connection import (
    ProviderAnswer,
    ProviderConnection,
)
from kerege.exchange.security_server.received import (
    ReceivedMessage,
    digest_of_header,
    read_message,
    require_single,
)
from kerege.exchange.security_server.records import Signed, log_record
from kerege.exchange.security_server.runtime import PROXY_VERSION, Runtime
from kerege.exchange.spool import Spool, size_of
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.rest import (
    RestRequest,
    RestResponse,
    check_consistency,
    headers_for_client,
)
from kerege.xroad.signature import Part, SignatureData
from kerege.xroad.transport import MessageKind, MessageReader

_log = structlog.get_logger(__name__)

PEER_ANSWER_STATUSES = (200, 500)
"""With these the body decides (facts section 1.3); anything else is `http_error`."""


@dataclass(slots=True)
class ConsumerExchange:
    """One message on the consumer's side."""

    runtime: Runtime
    http: Request
    request: RestRequest | None = None
    """Set once the client's request could be read."""
    body: Spool | None = None
    response: RestResponse | None = None
    """Set once the provider's block could be read."""
    answer_body: Spool | None = None
    _request_logged: Awaitable[object] | None = None

    async def run(self) -> Response:
        """Handle the message. Raises XRoadError, prefixed where it must be."""
        runtime = self.runtime
        configuration = runtime.require_current_configuration()
        request = self.request = self._read_request(configuration)
        self._admit(request)
        connection = ProviderConnection(runtime, configuration, request)
        runtime.signing.signer(request.client_id)
        outgoing = OutgoingMessage(
            MessageKind.REST_REQUEST,
            request.block,
            request.digest,
            seal=self._seal,
            ocsp_responses=connection.own_ocsp_responses(),
        )
        message = await self._encode(outgoing)
        received: ReceivedMessage | None = None
        try:
            answer = await self._send(connection, outgoing, message, request)
            received = await self._receive(answer)
            self.answer_body = received.body
            return await self._answer(request, received)
        except BaseException:
            if received is not None:
                received.discard()
            await self._settle_log()
            raise
        finally:
            if self.body is not None:
                self.body.discard()

    @property
    def sizes(self) -> tuple[int, int]:
        """Bytes of both bodies, as far as they came."""
        return size_of(self.body), size_of(self.answer_body)

    def _read_request(self, configuration: GlobalConf) -> RestRequest:
        path, mark, query = self.http.target.partition(b"?")
        return RestRequest.from_client(
            self.http.method,
            path,
            query if mark else None,
            [(n.decode("latin-1"), v.decode("latin-1")) for n, v in self.http.headers],
            request_id=self.runtime.new_id(),
            query_id=f"{configuration.instance}-{self.runtime.new_id()}",
        )

    def _admit(self, request: RestRequest) -> None:
        warn_of_forbidden_characters(self.runtime.names, request)
        client = require_client(self.runtime.server_configuration(), request.client_id)
        warnings = authenticate_client(
            client,
            self.http,
            self.runtime.keys.internal_certificate,
            self.runtime.clock(),
        )
        for warning in warnings:
            _log.warning(warning)

    async def _encode(self, outgoing: OutgoingMessage) -> bytes | AsyncIterator[bytes]:
        """Encode the request; a body part exists only if there is a byte of body."""
        body = self.http.body
        if not body.is_present or not await body.peek():
            return await outgoing.without_body()
        self.body = self.runtime.new_log_spool()
        most = self.runtime.settings.limits.body_bytes
        return await outgoing.with_body(bounded(body, most), self.body)

    async def _seal(self, parts: list[Part], spool: Spool | None) -> SignatureData:
        """Sign the request and start to log it."""
        request = self._known_request()
        now = self.runtime.clock()
        signature = self.runtime.signing.sign(request.client_id, parts, now)
        signed = Signed(request.block, signature, spool)
        self._request_logged = asyncio.ensure_future(
            self._log(Direction.REQUEST, signed)
        )
        return signature

    def _log(self, direction: Direction, signed: Signed) -> Awaitable[object]:
        request, now = self._known_request(), self.runtime.clock()
        record = log_record(request, signed, direction, client_side=True, time=now)
        return self.runtime.log.write(record)

    async def _send(
        self,
        connection: ProviderConnection,
        outgoing: OutgoingMessage,
        message: bytes | AsyncIterator[bytes],
        request: RestRequest,
    ) -> ProviderAnswer:
        content_type = self.http.header(b"content-type") or b""
        headers = [
            (b"x-road-message-type", b"REST"),
            (b"x-hash-algorithm", b"SHA-512"),
            (b"x-original-content-type", content_type),
            (b"x-road-request-id", (request.request_id or "").encode()),
            (b"x-proxy-version", PROXY_VERSION.encode()),
            (b"Content-Type", outgoing.content_type.encode()),
        ]
        try:
            return await connection.send(headers, message)
        except Exception as error:
            raise as_peer_fault(outgoing.error or error) from error

    async def _receive(self, answer: ProviderAnswer) -> ReceivedMessage:
        """Read the answer; one that was not read to its end takes its connection."""
        try:
            message = await self._read(answer.response)
        finally:
            answer.release()
        if message.fault is not None:
            message.discard()
            raise message.fault
        return message

    async def _read(self, response: ClientResponse) -> ReceivedMessage:
        if response.status not in PEER_ANSWER_STATUSES:
            raise XRoadError(
                "http_error", f"The provider's server answered HTTP {response.status}"
            )
        content_type = (response.header(b"content-type") or b"").decode("latin-1")
        name = response.header(b"x-hash-algorithm")
        try:
            require_single(response.headers)
            reader = MessageReader(
                content_type,
                expects=MessageKind.REST_RESPONSE,
                max_body_bytes=self.runtime.settings.limits.body_bytes or None,
            )
            is_fault = name is None and content_type.startswith("text/xml")
            digest = SHA512 if is_fault else digest_of_header(name)
            reader.receive_data(b"")  # an answer of no bytes is one, if not a good one
        except XRoadError as error:
            raise error.with_prefix("service_failed") from error
        try:
            return await read_message(
                response.body,
                reader,
                digest,
                new_spool=self.runtime.new_spool,
                on_message=self._take_response,
            )
        except XRoadError:
            raise
        except Exception as error:
            raise as_fault(error).with_prefix("service_failed") from error

    def _take_response(self, message: ReceivedMessage) -> None:
        """Read the block as soon as it is there, before its body is taken."""
        response = self.response = RestResponse.parse(message.content)
        if not 200 <= response.status <= 599:
            raise XRoadError(
                "internal_error",
                f"The service answered with status {response.status}, which cannot be "
                "passed on",
            )

    async def _answer(
        self, request: RestRequest, received: ReceivedMessage
    ) -> Response:
        """Verify, log, and only then let the answer out."""
        response, request_logged = self.response, self._request_logged
        if response is None or request_logged is None:
            raise XRoadError(
                "inconsistent_response",
                "The provider's server answered before it had the whole request",
            )
        provider = request.service_id.client_id
        verifiers = self.runtime.verifiers.for_instance(provider.instance)
        received.verify(provider, verifiers.signatures, self.runtime.clock())
        check_consistency(
            request,
            response,
            body_digest=None if self.body is None else self.body.digest,
            digest=received.digest,
        )
        signed = Signed(response.block, received.signature_data, received.body)
        await _all_done(request_logged, self._log(Direction.RESPONSE, signed))
        return Response(
            response.status,
            response.reason.encode("latin-1", "replace"),
            [
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in headers_for_client(response)
            ],
            b"" if received.body is None else _content(received.body),
        )

    async def _settle_log(self) -> None:
        """See the request's record through, whatever became of the message."""
        if self._request_logged is not None:
            try:
                await self._request_logged
            except XRoadError as error:
                _log.error("request not logged", code=error.code)

    def _known_request(self) -> RestRequest:
        if self.request is None:
            raise RuntimeError("There is no request yet")
        return self.request


async def _all_done(*records: Awaitable[object]) -> None:
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


def _content(body: Spool) -> bytes | AsyncIterator[bytes]:
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
