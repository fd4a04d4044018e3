"""The way to the provider's security server: where it is, and whether it is the one.

Nothing is sent before the peer's certificate has passed `Verifiers.authenticate`, on
new connections and on kept ones alike. OCSP responses that no longer pass are asked for
again, so that growing old fails no message; what then does not pass is refused.
"""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cryptography import x509

from kerege.exchange.http import ClientResponse
from kerege.exchange.security_server.asked import Asked
from kerege.exchange.security_server.peers import Peer
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.security_server.trace import Trace
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf, available

SSL_AUTHENTICATION_FAILED = "ssl_authentication_failed"


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """The HTTP answer of the provider's server."""

    response: ClientResponse

    def release(self) -> None:
        """Give the connection back: the body is read to its end."""
        self.response.release()


class ProviderConnection:
    """Sends one message to a provider's server."""

    def __init__(
        self,
        runtime: Runtime,
        configuration: GlobalConf,
        request: Asked,
        trace: Trace,
    ) -> None:
        """Find the provider.

        Raises ``unknown_member``, ``invalid_security_server``, ``maintenance_mode``.
        """
        self._runtime = runtime
        self._provider = request.service_id.client_id
        found = available(
            configuration.addresses_of(self._provider, request.target_security_server)
        )
        port = runtime.settings.peers.port
        self._addresses = [(server.address, port) for server in found]
        self._kept_was_refused = False
        self._trace = trace
        trace.other_address = found[0].address if found else None

    def own_ocsp_responses(self) -> tuple[bytes, ...]:
        """Return the OCSP responses that go with our authentication certificate.

        Raises ``ssl_authentication_failed`` if one is missing.
        """
        chain = self._runtime.keys.authentication_chain
        if not chain:
            raise XRoadError(
                SSL_AUTHENTICATION_FAILED,
                "Security server has no authentication certificate",
                advice="Import one: kerege security-server keys import",
            )
        responses = self._runtime.own_ocsp.responses(chain)
        if responses is None:
            raise XRoadError(
                SSL_AUTHENTICATION_FAILED,
                "No valid OCSP response for this server's authentication certificate",
                advice="Check that the CA's OCSP responder can be reached.",
            )
        return responses

    async def send(
        self, headers: list[tuple[bytes, bytes]], message: bytes | AsyncIterator[bytes]
    ) -> ProviderAnswer:
        """Send the message. Raises HTTP errors, and XRoadError for a wrong peer.

        A kept connection whose peer does not pass any more is closed before anything
        was sent, and the next one is tried; a new one is judged from the beginning.
        """
        self._trace.sent()
        while True:
            self._kept_was_refused = False
            try:
                response = await self._request(headers, message)
                self._trace.answered()
                return ProviderAnswer(response)
            except XRoadError:
                if not self._kept_was_refused:
                    raise

    async def _request(
        self, headers: list[tuple[bytes, bytes]], message: bytes | AsyncIterator[bytes]
    ) -> ClientResponse:
        is_new = False

        async def judge_new(ssl_object: ssl.SSLObject) -> None:
            nonlocal is_new
            is_new = True
            await self._judge_new(ssl_object)

        def judge_use(ssl_object: ssl.SSLObject) -> None:
            self._trace.other_address = ssl_object.server_hostname
            if is_new:
                return  # just now, from the beginning
            self._kept_was_refused = True
            self._judge_kept(ssl_object)
            self._kept_was_refused = False

        peers = self._runtime.settings.peers
        return await self._runtime.pool.request(
            self._addresses,
            method="POST",
            target=b"/",
            headers=headers,
            body=message,
            chunked=True,
            ssl=self._runtime.keys.peer_client,
            on_connect=judge_new,
            on_use=judge_use,
            connect_timeout=peers.connect_timeout_seconds,
            read_timeout=peers.answer_timeout_seconds or None,
        )

    async def _judge_new(self, ssl_object: ssl.SSLObject) -> None:
        """Check the peer of a new connection; its OCSP responses are asked for."""
        peer = self._runtime.verifiers.peer(ssl_object)
        chain = self._checked_certificates(peer)
        host = ssl_object.server_hostname or ""
        responses = await self._ask(host, chain)
        try:
            self._authenticate(peer, responses)
        except XRoadError:
            self._runtime.peer_ocsp.forget(chain)
            renewed = await self._ask(host, chain)
            if renewed == responses:
                self._runtime.peer_ocsp.forget(chain)
                raise
            self._authenticate(peer, renewed)

    async def _ask(
        self, host: str, chain: tuple[x509.Certificate, ...]
    ) -> tuple[bytes, ...]:
        now = self._runtime.clock()
        try:
            return await self._runtime.peer_ocsp.responses(host, chain, now)
        except XRoadError as error:
            raise error.with_prefix(SSL_AUTHENTICATION_FAILED) from error

    def _judge_kept(self, ssl_object: ssl.SSLObject) -> None:
        """Check the peer again, before each message."""
        peer = self._runtime.verifiers.peer(ssl_object)
        chain = self._checked_certificates(peer)
        host = ssl_object.server_hostname or ""
        responses = self._runtime.peer_ocsp.known(host, chain, self._runtime.clock())
        self._authenticate(peer, responses)

    def _authenticate(self, peer: Peer, responses: tuple[bytes, ...]) -> None:
        self._runtime.verifiers.authenticate(
            peer, responses, self._provider, self._runtime.clock()
        )

    def _checked_certificates(self, peer: Peer) -> tuple[x509.Certificate, ...]:
        """Return what needs an OCSP response: the chain without its root."""
        if not peer.certificates:
            raise XRoadError(
                SSL_AUTHENTICATION_FAILED, "The provider's server has no certificate"
            )
        return self._runtime.chains.without_root(
            peer.certificates[0], self._provider.instance
        )
