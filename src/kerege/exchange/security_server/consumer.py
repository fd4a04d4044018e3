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

from kerege.exchange.http import Request, Response
from kerege.exchange.messagelog import Direction
from kerege.exchange.security_server.consumer_steps import (
    admit,
    all_done,
    content_of,
    log_message,
    peer_headers,
    receive_answer,
    send,
    settle,
)
from kerege.exchange.security_server.outgoing import OutgoingMessage, bounded
from kerege.exchange.security_server.provider_connection import ProviderConnection
from kerege.exchange.security_server.received import ReceivedMessage
from kerege.exchange.security_server.records import Signed
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.security_server.trace import Trace
from kerege.exchange.spool import Spool, size_of
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.rest import (
    RestRequest,
    RestResponse,
    check_consistency,
    headers_for_client,
)
from kerege.xroad.signature import Part, SignatureData
from kerege.xroad.transport import MessageKind

_IS_REST = (b"x-road-message-type", b"REST")


@dataclass(slots=True)
class ConsumerExchange:
    """One message on the consumer's side."""

    runtime: Runtime
    http: Request
    trace: Trace
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
        admit(runtime, self.http, request, self.trace)
        self.trace.require_room(self.http.body.length)
        connection = ProviderConnection(runtime, configuration, request, self.trace)
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
            headers = [
                _IS_REST,
                *peer_headers(self.http, request, outgoing.content_type),
            ]
            answer = await send(connection, headers, message, outgoing)
            received = await receive_answer(
                runtime,
                answer,
                MessageKind.REST_RESPONSE,
                self._take_response,
                trace=self.trace,
            )
            self.answer_body = received.body
            return await self._answer(request, received)
        except BaseException:
            if received is not None:
                received.discard()
            await settle(self._request_logged)
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

    async def _encode(self, outgoing: OutgoingMessage) -> bytes | AsyncIterator[bytes]:
        """Encode the request; a body part exists only if there is a byte of body."""
        body = self.http.body
        if not body.is_present or not await body.peek():
            return await outgoing.without_body()
        self.body = self.runtime.new_log_spool()
        most = self.runtime.settings.limits.body_bytes
        source = self.trace.of_request(bounded(body, most))
        return await outgoing.with_body(source, self.body)

    async def _seal(self, parts: list[Part], spool: Spool | None) -> SignatureData:
        """Sign the request and start to log it."""
        request = self._known_request()
        now = self.runtime.clock()
        signature = await self.runtime.signing.sign(request.client_id, parts, now)
        signed = Signed(request.block, signature, spool)
        logged = log_message(self.runtime, request, signed, Direction.REQUEST)
        self._request_logged = asyncio.ensure_future(logged)
        return signature

    def _take_response(self, message: ReceivedMessage) -> None:
        """Read the block as soon as it is there, before its body is taken."""
        response = self.response = RestResponse.parse(message.content)
        self.trace.response_bytes = len(response.block)
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
        logged = log_message(self.runtime, request, signed, Direction.RESPONSE)
        await all_done(request_logged, logged)
        return Response(
            response.status,
            response.reason.encode("latin-1", "replace"),
            [
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in headers_for_client(response)
            ],
            b"" if received.body is None else content_of(received.body),
        )

    def _known_request(self) -> RestRequest:
        if self.request is None:
            raise RuntimeError("There is no request yet")
        return self.request
