"""Who is at the other end: judging a peer's authentication certificate.

The TLS handshake accepts any certificate (see the ADR on judging after the
handshake); nothing is sent to, or believed from, a peer before the checks here pass.
In the reference's order (`CertHelper.java`, `AuthTrustVerifier.java`):

1. it is an authentication certificate,
2. its chain leads to an approved CA of the instance, each link with a good OCSP
   response,
3. it is registered to a security server of which the member is owner or client.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509

from kerege.xroad.certificates import (
    ChainVerifier,
    Trust,
    require_authentication_certificate,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import ClientId
from kerege.xroad.signature import SignatureVerifier

SSL_AUTHENTICATION_FAILED = "ssl_authentication_failed"


@dataclass(frozen=True, slots=True)
class InstanceVerifiers:
    """Verifiers that remember, for one instance and one state of its trust."""

    trust: Trust
    chains: ChainVerifier
    """For authentication certificates."""
    signatures: SignatureVerifier


class Verifiers:
    """The verifiers of each instance; renewed when its trust changes."""

    def __init__(self, configuration: Callable[[], GlobalConf]) -> None:
        """Take the source of the current global configuration."""
        self._configuration = configuration
        self._by_instance: dict[str, InstanceVerifiers] = {}

    def for_instance(self, instance: str) -> InstanceVerifiers:
        """Return the verifiers for certificates of ``instance``."""
        trust = self._configuration().trust(instance)
        known = self._by_instance.get(instance)
        if known is not None and known.trust is trust:
            return known
        if known is not None and known.trust == trust:
            verifiers = replace(known, trust=trust)
        else:
            verifiers = InstanceVerifiers(
                trust, ChainVerifier(trust), SignatureVerifier(trust)
            )
        self._by_instance[instance] = verifiers
        return verifiers

    def authenticate(
        self,
        certificates: Sequence[x509.Certificate],
        ocsp_responses: Sequence[bytes],
        client: ClientId,
        at: datetime,
    ) -> None:
        """Check that a TLS peer may speak for ``client``.

        Args:
            certificates: What the peer sent, its own certificate first.
            ocsp_responses: One for each certificate up to the root.
            client: The member or subsystem that the peer speaks for.
            at: Now.

        Raises:
            XRoadError: ``ssl_authentication_failed``, followed by the reason's code
                where the chain or an OCSP response is at fault.
        """
        certificate = certificates[0]
        require_authentication_certificate(certificate)
        try:
            self.for_instance(client.instance).chains.verify(
                certificate,
                extra=certificates[1:],
                ocsp_responses=ocsp_responses,
                at=at,
            )
        except XRoadError as error:
            raise error.with_prefix(SSL_AUTHENTICATION_FAILED) from error
        self.require_registered(certificate, client)

    def require_registered(
        self, certificate: x509.Certificate, client: ClientId
    ) -> None:
        """Check that the certificate's server serves ``client``.

        Raises ``ssl_authentication_failed``.
        """
        configuration = self._configuration()
        if configuration.auth_certificate_matches(certificate, client):
            return
        server = configuration.server_of_auth_certificate(certificate)
        if server is None:
            raise XRoadError(
                SSL_AUTHENTICATION_FAILED,
                "Authentication certificate "
                f"{certificate.subject.rfc4514_string()} is not associated with any "
                "security server",
                advice="The peer's certificate is not registered (yet), or the "
                "configuration here is older than the registration.",
            )
        raise XRoadError(
            SSL_AUTHENTICATION_FAILED,
            f"Client '{client}' is not registered at security server {server}",
        )
