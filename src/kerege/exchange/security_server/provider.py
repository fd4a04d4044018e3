"""The provider's side of one REST message: from the peer's request to the answer.

In the reference's order (`ServerRestMessageProcessor`): know the peer, read the
message (its block is judged before its body is taken), check the right, verify the
signature, log, call the service, sign, log, answer. A fault found before the answer is
begun travels as a lone SOAP fault, one found later as a part instead of the signature.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from kerege.exchange.http import Request, Response
from kerege.exchange.messagelog import Direction
from kerege.exchange.security_server.authentication import require_client
from kerege.exchange.security_server.failures import as_fault, identified
from kerege.exchange.security_server.metaservices import answer_rest
from kerege.exchange.security_server.metaservices.answers import MetaserviceAnswer
from kerege.exchange.security_server.outgoing import (
    BodySource,
    OutgoingMessage,
    bounded,
    fault_message,
    new_boundary,
)
from kerege.exchange.security_server.provider_steps import (
    admit,
    authenticate_peer,
    closing,
    known_peer,
    log_message,
    multipart_answer,
    require_right,
)
from kerege.exchange.security_server.received import (
    ReceivedMessage,
    digest_of_header,
    read_message,
)
from kerege.exchange.security_server.records import Signed
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.security_server.service_call import ServiceAnswer, call_service
from kerege.exchange.security_server.trace import Trace
from kerege.exchange.spool import Spool, size_of
from kerege.exchange.storage.server_configuration import Service
from kerege.xroad.faults import SERVER_PROXY, XRoadError, soap_fault
from kerege.xroad.metadata import is_rest_metaservice
from kerege.xroad.rest import RestRequest, RestResponse, request_hash
from kerege.xroad.signature import Part, SignatureData
from kerege.xroad.transport import MessageKind, MessageReader, content_type


@dataclass(slots=True)
class ProviderExchange:
    """One message on the provider's side."""

    runtime: Runtime
    http: Request
    trace: Trace
    request: RestRequest | None = None
    """Set once the block could be read."""
    fault: XRoadError | None = None
    """A fault that travels inside the answer."""
    status: int = 0
    """The service's status."""
    request_body: Spool | None = None
    answer_body: Spool | None = None

    async def run(self) -> Response:
        """Handle the message. Raises what goes back as a lone fault."""
        configuration = self.runtime.configuration()
        received = await self._receive()
        self.request_body = received.body
        try:
            request, signature = self._known_request(), received.signature_data
            service = None
            if not is_rest_metaservice(request.method, request.service_id.service_code):
                service = require_right(
                    self.runtime,
                    request,
                    configuration,
                    request.method,
                    request.service_path,
                )
            verifiers = self.runtime.verifiers.for_instance(request.client_id.instance)
            now = self.runtime.clock()
            verified = received.verify(request.client_id, verifiers.signatures, now)
            signed_at = verified.parsed.signing_time
            await self.runtime.replays.check(received, request, signed_at, now)
            signed = Signed(request.block, signature, received.body)
            await log_message(self.runtime, request, signed, Direction.REQUEST)
            return await self._serve(request, service, received)
        finally:
            received.discard()

    @property
    def sizes(self) -> tuple[int, int]:
        """Bytes of both bodies, as far as they came."""
        return size_of(self.request_body), size_of(self.answer_body)

    async def _receive(self) -> ReceivedMessage:
        http = self.http
        digest = digest_of_header(http.header(b"x-hash-algorithm"))
        peer = known_peer(self.runtime, http)
        self.trace.other_address = peer.address

        def judge(message: ReceivedMessage) -> None:
            request = self.request = RestRequest.parse(message.content)
            require_client(
                self.runtime.server_configuration(), request.service_id.client_id
            )
            self.runtime.signing.signer(request.service_id.client_id)
            authenticate_peer(self.runtime, peer, message, request)
            admit(self.runtime, self.trace, message, request.client_id)

        media_type = (http.header(b"content-type") or b"").decode("latin-1")
        try:
            reader = MessageReader(
                media_type,
                expects=MessageKind.REST_REQUEST,
                allow_bare_fault=False,
                max_body_bytes=self.runtime.settings.limits.body_bytes or None,
            )
        except XRoadError as error:
            raise error.with_prefix("service_failed") from error
        return await read_message(
            http.body,
            reader,
            digest,
            new_spool=self.runtime.new_spool,
            on_message=judge,
        )

    async def _serve(
        self, request: RestRequest, service: Service | None, received: ReceivedMessage
    ) -> Response:
        """Call the service; from here on faults travel inside the answer."""
        self.trace.sent()
        answer: ServiceAnswer | MetaserviceAnswer
        try:
            if service is None:
                answer = await answer_rest(self.runtime, request)
            else:
                answer = await call_service(
                    self.runtime, service, request, received.body
                )
        except Exception as error:  # noqa: BLE001 - every failure becomes a fault
            return self._failed(error)
        self.trace.answered()
        try:
            return await self._respond(request, received, answer)
        except Exception as error:  # noqa: BLE001 - every failure becomes a fault
            answer.release()
            return self._failed(error)

    async def _respond(
        self,
        request: RestRequest,
        received: ReceivedMessage,
        answer: ServiceAnswer | MetaserviceAnswer,
    ) -> Response:
        response = RestResponse.from_service(
            answer.status,
            answer.reason,
            answer.headers,
            request=request,
            request_hash=request_hash(request.digest, received.body_digest),
            last_headers=answer.last_headers,
        )
        self.status, self.trace.response_bytes = answer.status, len(response.block)

        async def seal(parts: list[Part], body: Spool | None) -> SignatureData:
            signature = await self.runtime.signing.sign(
                request.service_id.client_id, parts, self.runtime.clock()
            )
            answer.release()
            signed = Signed(response.block, signature, body)
            await log_message(self.runtime, request, signed, Direction.RESPONSE)
            return signature

        outgoing = OutgoingMessage(
            MessageKind.REST_RESPONSE, response.block, response.digest, seal=seal
        )
        content: bytes | AsyncGenerator[bytes, None]
        if answer.body is None:
            content = await outgoing.without_body()
        else:
            spool = self.answer_body = self.runtime.new_log_spool()
            content = await outgoing.with_body(
                self._bounded(answer.body), spool, fault_of=self._fault_bytes
            )
            if not isinstance(content, bytes):
                content = closing(content, answer.release, spool.discard)
        return multipart_answer(outgoing.content_type, content)

    def _bounded(self, body: BodySource) -> BodySource:
        """Return the service's answer with the bounds of everybody and of the client."""
        most = self.runtime.settings.limits.body_bytes
        return self.trace.of_answer(bounded(body, most), getattr(body, "length", None))

    def _failed(self, error: Exception) -> Response:
        boundary = new_boundary()
        fault = self._fault_bytes(error)
        return multipart_answer(content_type(boundary), fault_message(boundary, fault))

    def _fault_bytes(self, error: BaseException) -> bytes:
        fault = identified(
            as_fault(error).with_prefix(SERVER_PROXY), self.runtime.new_id()
        )
        self.fault = fault
        return soap_fault(fault)

    def _known_request(self) -> RestRequest:
        if self.request is None:
            raise XRoadError("missing_rest", "Request does not have REST message")
        return self.request
