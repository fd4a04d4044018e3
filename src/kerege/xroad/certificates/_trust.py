"""What a verifier trusts: the approved certification authorities of one instance.

Rules (`SharedParameters.ApprovedCA`, `SharedParametersCache.java`,
PR-GCONF "approvedCA"):

* An approved CA is a top CA certificate with any number of intermediates; each of them
  may have OCSP responders, with or without a certificate of their own.
* ``authenticationOnly``: its certificates may authenticate servers, not sign messages.
* ``certificateProfileInfo`` names the Java class that reads a member from a signing
  certificate; it holds for the top and for the intermediates.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography import x509

from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import (
    STRONG,
    AlgorithmPolicy,
    NameKey,
    certificate_der,
    name_keys,
)

MemberProfile: TypeAlias = Callable[[x509.Name, str], ClientId]
"""Reads the member from a signing certificate's subject; the text is the instance of
the member that the caller expects."""


@dataclass(frozen=True, slots=True)
class ApprovedCA:
    """A certification service that the instance's governing body approved."""

    name: str
    authentication_only: bool
    top: x509.Certificate
    """Where a certificate path may end."""
    intermediates: tuple[x509.Certificate, ...]
    ocsp_responders: Mapping[bytes, tuple[x509.Certificate, ...]]
    """DER of a CA certificate (top or intermediate) to the responder certificates that
    are configured for it."""
    profile: str
    """Java class name of the certificate profile, with or without its package."""

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """The top CA's certificate, then those of the intermediates."""
        return (self.top, *self.intermediates)


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """The approved CAs of one instance, and the rules for OCSP responses there."""

    instance: str
    authorities: tuple[ApprovedCA, ...]
    ocsp_freshness_seconds: int = 3600
    """How old ``thisUpdate`` may be."""
    verify_ocsp_next_update: bool = True
    """False where the global configuration's extension switches the check off."""
    algorithms: AlgorithmPolicy = STRONG
    """`LEGACY` only for verifiers of old documents."""
    profiles: Mapping[str, MemberProfile] = field(default_factory=dict)
    """National certificate profiles that are not among the standard ones: by the last
    part of the Java class name."""
    _by_subject: Mapping[NameKey, tuple[tuple[ApprovedCA, x509.Certificate], ...]] = (
        field(init=False, repr=False)
    )

    def __post_init__(self) -> None:
        index: dict[NameKey, tuple[tuple[ApprovedCA, x509.Certificate], ...]] = {}
        for authority in self.authorities:
            for certificate in authority.certificates:
                subject, _ = name_keys(certificate)
                index[subject] = (*index.get(subject, ()), (authority, certificate))
        object.__setattr__(self, "_by_subject", index)

    def named(
        self, subject: NameKey
    ) -> tuple[tuple[ApprovedCA, x509.Certificate], ...]:
        """Return the approved certificates with this subject; names can collide."""
        return self._by_subject.get(subject, ())

    @property
    def ca_certificates(self) -> tuple[x509.Certificate, ...]:
        """All approved CA certificates, tops and intermediates."""
        return tuple(c for ca in self.authorities for c in ca.certificates)

    @property
    def responder_certificates(self) -> tuple[x509.Certificate, ...]:
        """All OCSP responder certificates that are configured for some CA."""
        return tuple(
            certificate
            for authority in self.authorities
            for responders in authority.ocsp_responders.values()
            for certificate in responders
        )

    def responders_of(self, ca: x509.Certificate) -> tuple[x509.Certificate, ...]:
        """Return the OCSP responder certificates configured for this CA certificate."""
        der = certificate_der(ca)
        return tuple(
            certificate
            for authority in self.authorities
            for certificate in authority.ocsp_responders.get(der, ())
        )
