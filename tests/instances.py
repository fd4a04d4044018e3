"""Sandbox instances for tests: who is in them, their keys, their configuration.

`sandbox_instance` makes one with a consumer's and a provider's member and server; the
trust services are those of `kerege.trust`. Instances and keys are cached: RSA keys
take a tenth of a second each. What changes during a test (a revoked or unregistered
certificate, a server in maintenance, an old configuration) is made with
`Instance.global_conf`'s arguments, never on the shared instance; a CA whose
certificates a test revokes comes from ``sandbox_instance(fresh="a name")``.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509

from kerege.exchange.keys.signer import SoftwareSigner
from kerege.exchange.tls import Identity, load_identity
from kerege.trust.authority import CertificateUsage, Validity
from kerege.trust.ca import SandboxCA
from kerege.trust.key_kinds import PrivateKey, generate_key
from kerege.trust.ocsp_responder import ocsp_authorities, ocsp_response
from kerege.xroad.globalconf import (
    GlobalConf,
    InstanceConfiguration,
    ManagementService,
    PrivateParameters,
    SharedParameters,
)
from kerege.xroad.globalconf.values import (
    CAInfo,
    CertHash,
    CertificationService,
    GlobalGroup,
    Maintenance,
    Member,
    MemberClass,
    OCSPResponder,
    SecurityServer,
    Subsystem,
    TimestampingService,
)
from kerege.xroad.identifiers import ClientId, SecurityServerId
from kerege.xroad.ocsp import ocsp_request
from kerege.xroad.signature import Signer
from kerege.xroad.x509 import certificate_der

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OCSP_FRESHNESS_SECONDS = 3600


@dataclass(frozen=True)
class Signing:
    """One server: who it is, whom it serves, what it signs and shows."""

    server_id: SecurityServerId
    clients: tuple[ClientId, ...]
    """Subsystems of the owner that are registered at the server."""
    identity: Identity = field(repr=False)
    """Authentication certificate, intermediate CA, key."""
    signer: Signer = field(repr=False)
    """The owner's signing key."""


@dataclass(frozen=True)
class Instance:
    """An X-Road instance with two servers."""

    name: str
    at: datetime
    """Now, when certificates were made and tests begin."""
    ca: SandboxCA = field(repr=False)
    consumer: Signing
    provider: Signing

    def identity(
        self,
        server: SecurityServerId | None = None,
        *,
        validity: Validity | None = None,
        key: PrivateKey | None = None,
    ) -> Identity:
        """Issue an authentication certificate that nobody has registered.

        The subject names the consumer's server unless told otherwise.
        """
        key = key or spare_key(0)
        certificate = self.ca.issue_authentication(
            key.public_key(), server or self.consumer.server_id, validity=validity
        )
        return load_identity((certificate, *self.ca.chain), key)

    def signer(
        self,
        member: ClientId,
        *,
        usage: CertificateUsage = CertificateUsage.SIGNING,
        validity: Validity | None = None,
        key: PrivateKey | None = None,
    ) -> Signer:
        """Issue a signing certificate for any member, or one with a wrong usage."""
        key = key or spare_key(1)
        proper = self.ca.issue_signing(
            key.public_key(), member, self.consumer.server_id, validity=validity
        )
        if usage is CertificateUsage.SIGNING:
            return signer_of(proper, key)
        certificate = self.ca.issue(
            key.public_key(), proper.subject, usage, validity=validity
        )
        return signer_of(certificate, key)

    def ocsp_response(
        self,
        certificate: x509.Certificate,
        at: datetime,
        *,
        validity: timedelta | None = timedelta(hours=12),
    ) -> bytes:
        """Return what the CA's responder says about a certificate."""
        issuer = self.ca.intermediate.certificate
        if certificate.issuer != issuer.subject:
            issuer = self.ca.root.certificate
        return ocsp_response(
            ocsp_request(certificate, issuer),
            ocsp_authorities(self.ca),
            at=at,
            validity=validity,
        )

    def shared_parameters(
        self,
        *,
        addresses: tuple[str, ...] = ("127.0.0.1",),
        maintenance: Maintenance | None = None,
        groups: tuple[GlobalGroup, ...] = (),
    ) -> SharedParameters:
        """Return the instance's shared parameters; change them with `replace`.

        Args:
            addresses: Of the provider: for each one a server with its clients.
            maintenance: Of all the provider's servers.
            groups: Global groups.
        """
        first, *more = addresses
        provider = replace(_server(self.provider, first), maintenance=maintenance)
        servers = [
            replace(provider, code=f"{provider.code}-{number}", address=address)
            for number, address in enumerate(more, 2)
        ]
        return SharedParameters(
            version=6,
            instance=self.name,
            ocsp_freshness_seconds=OCSP_FRESHNESS_SECONDS,
            certification_services=(_certification_service(self.ca),),
            timestamping_services=(
                TimestampingService(
                    "TSA",
                    "http://127.0.0.1:1/",
                    certificate_der(self.ca.tsa.certificate),
                ),
            ),
            members=(_member(self.consumer), _member(self.provider)),
            security_servers=(
                _server(self.consumer, "127.0.0.1"),
                provider,
                *servers,
            ),
            global_groups=groups,
        )

    def global_conf(
        self,
        shared: SharedParameters | None = None,
        *,
        expires: datetime | None = None,
    ) -> GlobalConf:
        """Return the configuration as a server sees it.

        Args:
            shared: What `shared_parameters` gave, maybe changed.
            expires: When it expires; in ten years unless told otherwise.
        """
        private = PrivateParameters(
            self.name,
            ManagementService("https://127.0.0.1:1/", self.provider.server_id.owner),
            timestamping_interval_seconds=60,
        )
        configuration = InstanceConfiguration(
            shared or self.shared_parameters(),
            private,
            expires or self.at + timedelta(days=3650),
        )
        return GlobalConf(self.name, [configuration])


def sandbox_instance(
    name: str = "TEST",
    *,
    consumer: tuple[str, ...] = ("COM/1234", "Client", "Other"),
    provider: tuple[str, ...] = ("GOV/5678", "Service", "Register"),
    servers: tuple[str, str] = ("SS1", "SS2"),
    at: datetime = NOON,
    fresh: str = "",
) -> Instance:
    """Return an instance, from the cache if the same was asked for before.

    Args:
        name: Its identifier.
        consumer: Owner of the first server (member class and code), then its
            subsystems, all registered there.
        provider: The same of the second one.
        servers: Their codes.
        at: Certificates are valid from then on.
        fresh: A word that makes it another instance with another CA.
    """
    return _instance(name, (consumer, provider), servers, at, fresh)


@cache
def _instance(
    name: str,
    plans: tuple[tuple[str, ...], tuple[str, ...]],
    servers: tuple[str, str],
    at: datetime,
    fresh: str,
) -> Instance:
    del fresh
    ca = SandboxCA.create(name, clock=lambda: at)

    def made(plan: tuple[str, ...], code: str, key: int) -> Signing:
        member, *subsystems = plan
        owner = ClientId.from_path(f"{name}/{member}")
        server = SecurityServerId.from_path(f"{name}/{member}/{code}")
        authentication, signing = spare_key(key), spare_key(key + 1)
        certificate = ca.issue_authentication(authentication.public_key(), server)
        return Signing(
            server,
            tuple(replace(owner, subsystem_code=s) for s in subsystems),
            load_identity((certificate, *ca.chain), authentication),
            signer_of(ca.issue_signing(signing.public_key(), owner, server), signing),
        )

    return Instance(
        name,
        at,
        ca,
        made(plans[0], servers[0], 2),
        made(plans[1], servers[1], 4),
    )


@cache
def spare_key(number: int) -> PrivateKey:
    """Return an RSA key, for each number another; 0 to 5 are in use by this module."""
    del number
    return generate_key()


def signer_of(certificate: x509.Certificate, key: PrivateKey) -> Signer:
    """Return a signer with this key."""
    return SoftwareSigner(certificate, "key", {"key": key})


def _certification_service(ca: SandboxCA) -> CertificationService:
    def info(certificate: x509.Certificate, responder: x509.Certificate) -> CAInfo:
        ocsp = OCSPResponder("http://127.0.0.1:1/", certificate_der(responder))
        return CAInfo(certificate_der(certificate), (ocsp,))

    return CertificationService(
        "CA",
        info(ca.root.certificate, ca.root_ocsp.certificate),
        ca.profile,
        intermediate_cas=(info(ca.intermediate.certificate, ca.ocsp.certificate),),
    )


def _member(signing: Signing) -> Member:
    owner = signing.server_id.owner
    return Member(
        MemberClass(owner.member_class),
        owner.member_code,
        owner.member_code,
        tuple(Subsystem(c.subsystem_code or "") for c in signing.clients),
    )


def _server(signing: Signing, address: str) -> SecurityServer:
    server = signing.server_id
    certificate = certificate_der(signing.identity.certificates[0])
    return SecurityServer(
        server.owner,
        server.server_code,
        address,
        (CertHash.of_certificate(certificate),),
        signing.clients,
    )
