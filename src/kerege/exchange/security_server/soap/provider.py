"""The provider's side of one SOAP message: from the peer's request to the answer.

In the reference's order (`ServerMessageProcessor`): know the peer, read the message (its
envelope is judged before its attachments are taken), check the right, verify the
signature, log, call the service, put the request's hash into its answer, sign, log,
answer. A fault found before the service has answered travels as a lone SOAP fault, one
found later as a part instead of the signature; so does a fault of the service, which
nobody signs or logs.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from kerege.exchange.http import Request, Response
from kerege.exchange.messagelog import Direction
from kerege.exchange.security_server.authentication import require_client
from kerege.exchange.security_server.built_in import (
    BuiltInAnswer,
    BuiltInService,
    find,
)
from kerege.exchange.security_server.failures import as_fault, identified
from kerege.exchange.security_server.outgoing import fault_message, new_boundary
from kerege.exchange.security_server.peers import Peer
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
from kerege.exchange.security_server.service_call import ServiceAnswer
from kerege.exchange.security_server.soap.aside import aside
from kerege.exchange.security_server.soap.forward import spools_of_one_message
from kerege.exchange.security_server.soap.incoming import MISSING_SOAP, IncomingSoap
from kerege.exchange.security_server.soap.outgoing import OutgoingSoap
from kerege.exchange.security_server.soap.service_call import (
    SERVICE_FAILED,
    call_soap_service,
    content_type_of,
)
from kerege.exchange.security_server.soap_request import SoapRequest
from kerege.exchange.security_server.trace import Trace
from kerege.exchange.spool import Spool
from kerege.exchange.storage.server_configuration import Service
from kerege.xroad import soap
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import (
    SERVER_PROXY,
    RelayedFaultError,
    XRoadError,
    soap_fault,
)
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.signature import Part, SignatureData
from kerege.xroad.soap import Answer
from kerege.xroad.transport import (
    Headers,
    MessageKind,
    MessageReader,
    content_type,
)

_NO_MESSAGE = f"{SERVICE_FAILED}.invalid_message"


@dataclass(slots=True)
class SoapProviderExchange:
    """One message on the provider's side."""

    runtime: Runtime
    http: Request
    trace: Trace
    request: SoapRequest | None = None
    """Set once the envelope could be read."""
    fault: XRoadError | None = None
    """A fault that travels inside the answer."""
    status: int = 0
    """The service's status."""
    received: ReceivedMessage | None = None
    outgoing: OutgoingSoap | None = None
    _answered: int = 0

    async def run(self) -> Response:
        """Handle the message. Raises what goes back as a lone fault."""
        configuration = self.runtime.configuration()
        action = soap.check_soap_action(_text(self.http, b"x-original-soapaction"))
        received = self.received = await self._receive()
        try:
            request = self._known_request()
            target = self._target(request, configuration, received)
            await self._accept(request, received)
            self.trace.sent()
            answer = await self._call(target, request, received, action)
            self.trace.answered()
            return await self._serve(request, answer)
        finally:
            received.discard()

    @property
    def sizes(self) -> tuple[int, int]:
        """Bytes of both messages, as far as they came: envelopes and attachments."""
        answered = self._answered
        if self.outgoing is not None:
            answered += self.outgoing.attachment_bytes
        return 0 if self.received is None else self.received.size, answered

    @property
    def attachments(self) -> tuple[int, int]:
        """Attachments of both messages, as far as they came."""
        answered = 0 if self.outgoing is None else self.outgoing.attachment_count
        return 0 if self.received is None else len(self.received.attachments), answered

    async def _receive(self) -> ReceivedMessage:
        http, runtime = self.http, self.runtime
        digest = digest_of_header(http.header(b"x-hash-algorithm"))
        peer = known_peer(runtime, http)
        self.trace.other_address = peer.address
        try:
            reader = MessageReader(
                _text(http, b"content-type") or "",
                expects=MessageKind.SOAP,
                allow_bare_fault=False,
                max_body_bytes=runtime.settings.limits.body_bytes or None,
            )
        except XRoadError as error:
            raise error.with_prefix(SERVICE_FAILED) from error
        received = await read_message(
            http.body,
            reader,
            digest,
            new_spool=spools_of_one_message(
                runtime, _text(http, b"x-original-content-type") or ""
            ),
            on_message=lambda message: self._judge(peer, message),
        )
        if received.soap is None:
            received.discard()
            raise XRoadError("missing_soap", "The request is a fault")
        return received

    def _judge(self, peer: Peer, message: ReceivedMessage) -> None:
        """Judge a request by its envelope, before its attachments are read."""
        if message.soap is None:
            raise XRoadError("missing_soap", "Request does not have SOAP message")
        known = message.content_digest if message.digest is SHA512 else None
        request = self.request = SoapRequest.of(
            message.content, message.soap, _text(self.http, b"x-road-request-id"), known
        )
        self._require_this_server(request)
        require_client(
            self.runtime.server_configuration(), request.service_id.client_id
        )
        self.runtime.signing.signer(request.service_id.client_id)
        authenticate_peer(self.runtime, peer, message, request)
        admit(self.runtime, self.trace, message, request.client_id)

    def _require_this_server(self, request: SoapRequest) -> None:
        """Refuse a request that was meant for another server of the provider."""
        target = request.target_security_server
        if target is not None and target.path != self.runtime.settings.identifier:
            raise XRoadError(
                "invalid_security_server",
                f"Invalid security server identifier '{target}', this is "
                f"'{self.runtime.settings.identifier}'",
            )

    def _target(
        self, request: SoapRequest, configuration: GlobalConf, received: ReceivedMessage
    ) -> Service | BuiltInService:
        """Return what is to be called; the client has the right to."""
        _ = received.signature_data  # a message without one needs no other answer
        own = find(self.runtime.built_in_services, request)
        if own is None:
            return require_right(self.runtime, request, configuration)
        own.require_right(request)
        return own

    async def _accept(self, request: SoapRequest, received: ReceivedMessage) -> None:
        """Verify the signature and log the request."""
        runtime = self.runtime
        verifiers = runtime.verifiers.for_instance(request.client_id.instance)
        now = runtime.clock()
        verified = received.verify(request.client_id, verifiers.signatures, now)
        signed_at = verified.parsed.signing_time
        await runtime.replays.check(received, request, signed_at, now)
        attachments = tuple(one.content for one in received.attachments)
        signature = received.signature_data
        signed = Signed(request.content, signature, None, attachments)
        await log_message(runtime, request, signed, Direction.REQUEST)

    async def _call(
        self,
        target: Service | BuiltInService,
        request: SoapRequest,
        received: ReceivedMessage,
        action: str | None,
    ) -> ServiceAnswer | BuiltInAnswer:
        if not isinstance(target, Service):
            return await target.answer(request)
        original = _text(self.http, b"x-original-content-type") or ""
        return await call_soap_service(self.runtime, target, received, original, action)

    async def _serve(
        self, request: SoapRequest, answer: ServiceAnswer | BuiltInAnswer
    ) -> Response:
        """Answer; from here on faults travel inside the answer."""
        self.status = answer.status
        try:
            return await self._respond(request, answer)
        except Exception as error:  # noqa: BLE001 - every failure becomes a fault
            answer.release()
            boundary = new_boundary()
            message = fault_message(boundary, self._fault_bytes(error))
            return _message(content_type(boundary), message, content_type_of(answer))

    async def _respond(
        self, request: SoapRequest, answer: ServiceAnswer | BuiltInAnswer
    ) -> Response:
        incoming, made, headers = await self._read_answer(request, answer)

        async def seal(parts: list[Part], _: Spool | None) -> SignatureData:
            signature = await self.runtime.signing.sign(
                request.service_id.client_id, parts, self.runtime.clock()
            )
            answer.release()
            signed = Signed(made.content, signature, None)
            await log_message(self.runtime, request, signed, Direction.RESPONSE)
            return signature

        outgoing = self.outgoing = OutgoingSoap(
            MessageKind.SOAP,
            made.content,
            SHA512.of(made.content),
            seal=seal,
            headers=headers,
        )
        self._answered = self.trace.response_bytes = len(made.content)
        content = await outgoing.with_attachments(
            incoming.attachments(), fault_of=self._fault_bytes
        )
        if not isinstance(content, bytes):
            content = closing(content, answer.release)
        elif outgoing.error is not None:
            answer.release()
        return _message(outgoing.content_type, content, content_type_of(answer))

    async def _read_answer(
        self, request: SoapRequest, answer: ServiceAnswer | BuiltInAnswer
    ) -> tuple[IncomingSoap, Answer, Headers]:
        """Read the service's envelope and put the request's hash into it.

        Raises what is wrong with it below ``service_failed``, and the service's fault.
        """
        incoming = self._incoming(answer)
        try:
            envelope = await incoming.envelope()
            made = await aside(
                envelope.content,
                lambda: soap.add_request_hash(
                    envelope.content, envelope.content_type, request.hash
                ),
            )
        except Exception as error:
            raise _of_service(error) from error
        if isinstance(made, RelayedFaultError):
            raise made
        incoming.limit(self.trace.answer_bound)
        others = [h for h in envelope.headers if h[0].lower() != "content-type"]
        return incoming, made, (("content-type", made.content_type), *others)

    def _incoming(self, answer: ServiceAnswer | BuiltInAnswer) -> IncomingSoap:
        if answer.body is None:
            raise XRoadError(_NO_MESSAGE, "The service's answer is empty")
        return IncomingSoap(
            content_type_of(answer),
            answer.body,
            blamed=SERVICE_FAILED,
            most_bytes=self.runtime.settings.limits.body_bytes,
        )

    def _fault_bytes(self, error: BaseException) -> bytes:
        fault = identified(
            as_fault(error).with_prefix(SERVER_PROXY), self.runtime.new_id()
        )
        self.fault = fault
        if isinstance(fault, RelayedFaultError) and fault.xml:
            return fault.xml
        return soap_fault(fault)

    def _known_request(self) -> SoapRequest:
        if self.request is None:
            raise XRoadError("missing_soap", "Request does not have SOAP message")
        return self.request


def _of_service(error: Exception) -> XRoadError:
    """Return the fault for what is wrong with the service's answer."""
    fault = as_fault(error).with_prefix(SERVICE_FAILED)
    if fault.code == f"{SERVICE_FAILED}.{MISSING_SOAP}":
        return XRoadError(_NO_MESSAGE, fault.message)
    return fault


def _message(
    media_type: str,
    content: bytes | AsyncGenerator[bytes, None],
    original_content_type: str,
) -> Response:
    """Return the answer; it also says what Content-Type the service's answer had."""
    original = original_content_type.encode("latin-1")
    return multipart_answer(media_type, content, (b"x-original-content-type", original))


def _text(http: Request, name: bytes) -> str | None:
    value = http.header(name)
    return None if value is None else value.decode("latin-1")
