"""The consumer's side of one SOAP message: from the client's request to the answer.

In the reference's order (`ClientMessageProcessor`): read the envelope, know the client
and how it connects, find the provider, send envelope and attachments while these arrive,
sign, log, read the answer, verify it, check that it answers this request, log it. Only
then a byte reaches the client.

What is wrong with the client's own message is a ``client.`` fault.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

from kerege.exchange.http import Request, Response
from kerege.exchange.messagelog import Direction
from kerege.exchange.security_server.consumer_steps import (
    Headers,
    admit,
    all_done,
    log_message,
    peer_headers,
    receive_answer,
    send,
    settle,
)
from kerege.exchange.security_server.failures import as_fault
from kerege.exchange.security_server.provider_connection import ProviderConnection
from kerege.exchange.security_server.received import ReceivedMessage
from kerege.exchange.security_server.records import Signed
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.security_server.soap.aside import aside
from kerege.exchange.security_server.soap.forward import (
    client_content_type,
    forwarded,
    spools_of_one_message,
)
from kerege.exchange.security_server.soap.incoming import IncomingSoap
from kerege.exchange.security_server.soap.outgoing import OutgoingSoap
from kerege.exchange.security_server.soap_request import SoapRequest
from kerege.exchange.security_server.trace import Trace
from kerege.exchange.spool import Spool
from kerege.xroad import soap
from kerege.xroad.faults import CLIENT, RelayedFaultError, XRoadError
from kerege.xroad.signature import Part, SignatureData
from kerege.xroad.soap import SoapMessage
from kerege.xroad.transport import Envelope, MessageKind, require_plain, require_uncut

AROUND_PARTS_BYTES = 64 * 1024
"""What a Content-Length may count besides envelope and attachments."""


@dataclass(slots=True)
class SoapConsumerExchange:
    """One message on the consumer's side."""

    runtime: Runtime
    http: Request
    trace: Trace
    request: SoapRequest | None = None
    """Set once the client's envelope could be read."""
    outgoing: OutgoingSoap | None = None
    received: ReceivedMessage | None = None
    """The provider's answer, as far as it is verified or not."""
    _soap_action: str | None = None
    _request_logged: Awaitable[object] | None = None

    async def run(self) -> Response:
        """Handle the message. Raises XRoadError, prefixed where it must be."""
        runtime = self.runtime
        configuration = runtime.require_current_configuration()
        incoming, envelope, request = await self._read_request()
        self.request = request
        admit(runtime, self.http, request, self.trace)
        self.trace.require_room(self.http.body.length, around=AROUND_PARTS_BYTES)
        incoming.limit(self.trace.request_bound)
        connection = ProviderConnection(runtime, configuration, request, self.trace)
        runtime.signing.signer(request.client_id)
        outgoing = self.outgoing = OutgoingSoap(
            MessageKind.SOAP,
            request.content,
            request.digest,
            seal=self._seal,
            ocsp_responses=connection.own_ocsp_responses(),
            headers=envelope.headers,
        )
        message = await outgoing.with_attachments(incoming.attachments())
        try:
            headers = self._headers(request, outgoing.content_type)
            answer = await send(connection, headers, message, outgoing)
            named = answer.response.header(b"x-original-content-type") or b""
            original = named.decode("latin-1")
            received = self.received = await receive_answer(
                runtime,
                answer,
                MessageKind.SOAP,
                _require_envelope,
                trace=self.trace,
                new_spool=spools_of_one_message(runtime, original),
            )
            self.trace.response_bytes = len(received.content)
            return await self._answer(request, received, original)
        except BaseException:
            if self.received is not None:
                self.received.discard()
            await settle(self._request_logged)
            raise

    @property
    def sizes(self) -> tuple[int, int]:
        """Bytes of both messages, as far as they came: envelopes and attachments."""
        asked = 0 if self.request is None else len(self.request.content)
        if self.outgoing is not None:
            asked += self.outgoing.attachment_bytes
        return asked, 0 if self.received is None else self.received.size

    @property
    def attachments(self) -> tuple[int, int]:
        """Attachments of both messages, as far as they came."""
        asked = 0 if self.outgoing is None else self.outgoing.attachment_count
        return asked, 0 if self.received is None else len(self.received.attachments)

    async def _read_request(self) -> tuple[IncomingSoap, Envelope, SoapRequest]:
        """Read the envelope; attachments are still to come."""
        try:
            incoming = self._incoming()
            envelope = await incoming.envelope()
            header = await aside(envelope.content, lambda: _header_of(envelope))
        except Exception as error:
            raise as_fault(error).with_prefix(CLIENT) from error
        request_id = self.runtime.new_id()
        request = SoapRequest.of(envelope.content, header, request_id)
        return incoming, envelope, request

    def _incoming(self) -> IncomingSoap:
        http = self.http
        self._soap_action = soap.check_soap_action(_text(http, b"soapaction"))
        content_type = _text(http, b"content-type")
        if content_type is None:
            raise XRoadError("invalid_request", "The request has no Content-Type")
        most = self.runtime.settings.limits.body_bytes
        return IncomingSoap(content_type, http.body, blamed=CLIENT, most_bytes=most)

    async def _seal(self, parts: list[Part], _: Spool | None) -> SignatureData:
        """Sign the request and start to log it."""
        request = self._known_request()
        now = self.runtime.clock()
        signature = await self.runtime.signing.sign(request.client_id, parts, now)
        signed = Signed(request.content, signature, None)
        logged = log_message(self.runtime, request, signed, Direction.REQUEST)
        self._request_logged = asyncio.ensure_future(logged)
        return signature

    def _headers(self, request: SoapRequest, content_type: str) -> Headers:
        headers = peer_headers(self.http, request, content_type)
        if self._soap_action is not None:
            action = self._soap_action.encode("latin-1")
            headers.append((b"x-original-soapaction", action))
        return headers

    async def _answer(
        self, request: SoapRequest, received: ReceivedMessage, original: str
    ) -> Response:
        """Verify, log, and only then let the answer out."""
        request_logged = self._request_logged
        if request_logged is None or received.soap is None:
            raise XRoadError(
                "service_failed.inconsistent_response",
                "The provider's server answered before it had the whole request",
            )
        provider = request.service_id.client_id
        verifiers = self.runtime.verifiers.for_instance(provider.instance)
        received.verify(provider, verifiers.signatures, self.runtime.clock())
        _require_answer_to(request, received.soap)
        answer = forwarded(received, original)
        _require_plain(answer.content_type, received)
        attachments = tuple(one.content for one in received.attachments)
        signature = received.signature_data
        signed = Signed(received.content, signature, None, attachments)
        logged = log_message(self.runtime, request, signed, Direction.RESPONSE)
        await all_done(request_logged, logged)
        media_type = client_content_type(answer.content_type)
        headers = [
            (b"Content-Type", media_type.encode("latin-1")),
            (b"Content-Length", str(answer.size).encode()),
        ]
        return Response(200, b"OK", headers, answer.content(received.discard))

    def _known_request(self) -> SoapRequest:
        if self.request is None:
            raise RuntimeError("There is no request yet")
        return self.request


def _header_of(envelope: Envelope) -> SoapMessage:
    """Return what a client's envelope says; one with a fault asks for nothing."""
    header = soap.read(envelope.content, envelope.content_type)
    if isinstance(header, RelayedFaultError):
        raise XRoadError(header.code.lower(), header.message, quotes=header.message)
    return header


def _require_answer_to(request: SoapRequest, response: SoapMessage) -> None:
    """Check that the response answers this request.

    Raises ``inconsistent_response``: the service's fault if it repeats the wrong
    header, its server's if the request hash is wrong.
    """
    try:
        soap.check_consistency(request.header, response)
    except XRoadError as error:
        raise XRoadError(
            "service_failed.inconsistent_response", error.message
        ) from error
    soap.check_request_hash(response, request.content)


def _require_plain(content_type: str, received: ReceivedMessage) -> None:
    """Check that the client reads the envelope that is in the log."""
    try:
        require_plain(content_type, received.headers)
        require_uncut(content_type, received.content)
    except XRoadError as error:
        raise error.with_prefix("service_failed") from error


def _require_envelope(message: ReceivedMessage) -> None:
    """Nothing to judge: the reader has read the envelope, the signature decides."""


def _text(http: Request, name: bytes) -> str | None:
    value = http.header(name)
    return None if value is None else value.decode("latin-1")
