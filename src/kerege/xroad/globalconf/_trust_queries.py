"""Questions about CAs, OCSP responders and time-stamping services."""

from cryptography import x509

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._lookup import Lookup
from kerege.xroad.globalconf.ocsp_urls import OCSPPriority, ocsp_url_of, ordered_urls
from kerege.xroad.globalconf.values import (
    CertificationService,
    CostType,
    OCSPResponder,
    TimestampingService,
)
from kerege.xroad.x509 import certificate_der, name_keys

MAX_CHAIN = 10
"""Longest chain of CAs followed; a loop of names would never end."""


class TrustQueries(Lookup):
    """Whom an instance trusts."""

    def certification_services(self, instance: str) -> tuple[CertificationService, ...]:
        """Return the approved certification services. Raises ``internal_error``."""
        return self.shared_parameters(instance).certification_services

    def timestamping_services(self, instance: str) -> tuple[TimestampingService, ...]:
        """Return the approved time-stamping services. Raises ``internal_error``."""
        return self.shared_parameters(instance).timestamping_services

    def tsa_urls(self, instance: str) -> tuple[str, ...]:
        """Return where time-stamps can be had. Raises ``internal_error``."""
        return tuple(s.url for s in self.timestamping_services(instance))

    def tsa_certificates(
        self, instance: str | None = None
    ) -> tuple[x509.Certificate, ...]:
        """Return the time-stamping certificates of one instance or of all."""
        return tuple(
            c for index in self._chosen(instance) for c in index.tsa_certificates
        )

    def issuer_of(
        self, certificate: x509.Certificate, instance: str | None = None
    ) -> x509.Certificate:
        """Return the approved CA that issued a certificate, in one instance or any.

        Raises ``internal_error`` if there is none, as the reference does.
        """
        for index in self._chosen(instance):
            issuer = index.issuer_of(certificate)
            if issuer is not None:
                return issuer
        raise XRoadError(
            "internal_error",
            "Certificate is not issued by approved certification service provider.",
        )

    def chain_of(
        self, certificate: x509.Certificate, instance: str
    ) -> tuple[x509.Certificate, ...]:
        """Return the certificate and the CAs above it as far as they are known."""
        index = self._index(instance)
        chain = [certificate]
        while len(chain) < MAX_CHAIN:
            subject, issuer_name = name_keys(chain[-1])
            issuer = None if subject == issuer_name else index.issuer_of(chain[-1])
            if issuer is None:
                break
            chain.append(issuer)
        return tuple(chain)

    def ocsp_responder_urls(self, ca: x509.Certificate) -> tuple[str, ...]:
        """Return where the status of certificates that ``ca`` issued can be asked.

        The configured responders, then the one that the CA's own certificate names.
        """
        return tuple(ordered_urls(self._responders(ca))) + ocsp_url_of(ca)

    def ocsp_urls_for(
        self,
        certificate: x509.Certificate,
        priority: OCSPPriority = OCSPPriority.NONE,
    ) -> tuple[str, ...]:
        """Return where the status of ``certificate`` can be asked, best first.

        Responders of its issuer by cost (V6), then the one the certificate names.
        """
        try:
            responders = self._responders(self.issuer_of(certificate))
        except XRoadError:
            responders = ()
        return tuple(ordered_urls(responders, priority)) + ocsp_url_of(certificate)

    def ocsp_costs(
        self, instance: str, ca: x509.Certificate
    ) -> dict[str, CostType | None]:
        """Return a CA's responders and what they cost. Raises ``internal_error``."""
        responders = self._index(instance).responders.get(certificate_der(ca), ())
        return {r.url: r.cost_type for r in responders if r.url}

    def verification_ca_certificates(self) -> tuple[x509.Certificate, ...]:
        """Return the CAs of all instances that may issue signing certificates."""
        return tuple(
            certificate
            for index in self._instances.values()
            for authority in index.trust.authorities
            if not authority.authentication_only
            for certificate in authority.certificates
        )

    def _responders(self, ca: x509.Certificate) -> tuple[OCSPResponder, ...]:
        der = certificate_der(ca)
        return tuple(
            responder
            for index in self._instances.values()
            for responder in index.responders.get(der, ())
        )
