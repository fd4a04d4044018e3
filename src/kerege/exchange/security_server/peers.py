"""Who is at the other end: judging a peer's authentication certificate.

The TLS handshake accepts any certificate (see the ADR on judging after the
handshake); nothing is sent to, or believed from, a peer before the checks here pass.
In the reference's order (`CertHelper.java`, `AuthTrustVerifier.java`):

1. it is an authentication certificate,
2. its chain leads to an approved CA of the instance, each link with a good OCSP
   response,
3. it is registered to a security server of which the member is owner or client.

A peer is judged for every message. On a connection that is kept, the last judgement
stands as long as nothing it was made from has changed: the configuration's snapshot,
the OCSP responses, and the time until which they hold.
"""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from weakref import WeakKeyDictionary

from cryptography import x509

from kerege.exchange.tls import peer_certificates
from kerege.xroad.certificates import (
    ChainVerifier,
    Trust,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import ClientId
from kerege.xroad.signature import SignatureVerifier
from kerege.xroad.x509 import subject_text

SSL_AUTHENTICATION_FAILED = "ssl_authentication_failed"
MAX_JUDGED_CLIENTS = 256
"""Clients remembered for one connection; a server that serves more is judged again."""
MAX_JUDGED_BYTES = 32 * 1024
"""Longest OCSP responses remembered for one client; real ones have 6 KB together."""


@dataclass(frozen=True, slots=True)
class InstanceVerifiers:
    """Verifiers that remember, for one instance and one state of its trust."""

    trust: Trust
    chains: ChainVerifier
    signatures: SignatureVerifier


@dataclass(frozen=True, slots=True)
class _Judgement:
    """That a peer may speak for a client, and what that was concluded from."""

    configuration: GlobalConf
    ocsp_responses: tuple[bytes, ...]
    valid_until: datetime


@dataclass(slots=True)
class Peer:
    """The other end of one TLS connection."""

    certificates: tuple[x509.Certificate, ...]
    """What it sent, its own certificate first; empty if it sent none."""
    known_in: GlobalConf | None = None
    """The snapshot in which its certificate was found."""
    address: str | None = None
    """Its server's address there."""
    judged: dict[ClientId, _Judgement] = field(default_factory=dict)


class Verifiers:
    """The verifiers of each instance, and the peers that they have judged."""

    def __init__(self, configuration: Callable[[], GlobalConf]) -> None:
        """Take the source of the current global configuration."""
        self._configuration = configuration
        self._by_instance: dict[str, InstanceVerifiers] = {}
        self._peers: WeakKeyDictionary[ssl.SSLObject, Peer] = WeakKeyDictionary()

    def for_instance(self, instance: str) -> InstanceVerifiers:
        """Return the verifiers for certificates of ``instance``."""
        trust = self._configuration().trust(instance)
        known = self._by_instance.get(instance)
        if known is not None and known.trust is trust:
            return known
        if known is not None and known.trust == trust:
            verifiers = replace(known, trust=trust)
        else:
            chains = ChainVerifier(trust)
            verifiers = InstanceVerifiers(
                trust, chains, SignatureVerifier(trust, chains)
            )
        self._by_instance[instance] = verifiers
        return verifiers

    def peer(self, ssl_object: ssl.SSLObject) -> Peer:
        """Return the peer of a connection.

        Raises ``ssl_authentication_failed.incorrect_certificate``.
        """
        known = self._peers.get(ssl_object)
        if known is None:
            try:
                certificates = peer_certificates(ssl_object)
            except XRoadError as error:
                raise error.with_prefix(SSL_AUTHENTICATION_FAILED) from error
            known = Peer(tuple(certificates))
            self._peers[ssl_object] = known
        return known

    def require_known(self, peer: Peer) -> None:
        """Refuse a peer whose certificate is in no shared parameters.

        The reference drops it in the handshake; ours gets a fault.

        Raises ``ssl_authentication_failed``.
        """
        if not peer.certificates:
            raise XRoadError(
                SSL_AUTHENTICATION_FAILED, "The peer showed no TLS certificate"
            )
        configuration = self._configuration()
        if peer.known_in is configuration:
            return
        server = configuration.server_of_auth_certificate(peer.certificates[0])
        if server is None:
            raise _not_registered(peer.certificates[0])
        peer.address = configuration.server_address(server)
        peer.known_in = configuration

    def authenticate(
        self,
        peer: Peer,
        ocsp_responses: Sequence[bytes],
        client: ClientId,
        at: datetime,
    ) -> None:
        """Check that a TLS peer may speak for ``client``.

        Args:
            peer: The other end.
            ocsp_responses: One for each of its certificates up to the root.
            client: The member or subsystem that the peer speaks for.
            at: Now.

        Raises:
            XRoadError: ``ssl_authentication_failed``, followed by the reason's code
                where the chain or an OCSP response is at fault.
        """
        configuration = self._configuration()
        responses = tuple(ocsp_responses)
        known = peer.judged.get(client)
        if (
            known is not None
            and known.configuration is configuration
            and known.ocsp_responses == responses
            and at <= known.valid_until
        ):
            return
        peer.judged.pop(client, None)
        valid_until = self._judge(peer, responses, client, at)
        if sum(map(len, responses)) > MAX_JUDGED_BYTES:
            return
        if len(peer.judged) >= MAX_JUDGED_CLIENTS:
            peer.judged.clear()
        peer.judged[client] = _Judgement(configuration, responses, valid_until)

    def _judge(
        self,
        peer: Peer,
        responses: tuple[bytes, ...],
        client: ClientId,
        at: datetime,
    ) -> datetime:
        chain = self.for_instance(client.instance).chains.verify_peer(
            peer.certificates, ocsp_responses=responses, at=at
        )
        self._require_registered(peer.certificates[0], client)
        return chain.valid_until

    def _require_registered(
        self, certificate: x509.Certificate, client: ClientId
    ) -> None:
        configuration = self._configuration()
        if configuration.auth_certificate_matches(certificate, client):
            return
        server = configuration.server_of_auth_certificate(certificate)
        if server is None:
            raise _not_registered(certificate)
        raise XRoadError(
            SSL_AUTHENTICATION_FAILED,
            f"Client '{client}' is not registered at security server {server}",
        )


def _not_registered(certificate: x509.Certificate) -> XRoadError:
    return XRoadError(
        SSL_AUTHENTICATION_FAILED,
        f"Authentication certificate {subject_text(certificate)} is not "
        "associated with any security server",
        advice="The peer's certificate is not registered (yet), or the configuration "
        "here is older than the registration.",
    )
