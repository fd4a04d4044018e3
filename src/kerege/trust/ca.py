"""A whole certification service for one X-Road instance. NOT FOR PRODUCTION.

A root, an intermediate that issues, an OCSP responder for each of the two, and a TSA:
what the shared parameters of a sandbox name as approved trust services.

Keys lie unprotected (mode 0600) in the folder they are saved to, nobody checks who asks
for a certificate, and the subjects say so.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

import structlog
from cryptography import x509

from kerege.trust import NOT_FOR_PRODUCTION
from kerege.trust.authority import Authority, CertificateUsage, Order, Validity
from kerege.trust.key_kinds import (
    KeyKind,
    PrivateKey,
    generate_key,
    require_supported,
)
from kerege.trust.subjects import (
    FIVRK_PROFILE,
    PROFILES,
    authentication_subject,
    service_subject,
    signing_subject,
    tls_subject,
)
from kerege.xroad.certificates import ApprovedCA, Trust
from kerege.xroad.identifiers import ClientId, SecurityServerId
from kerege.xroad.x509 import certificate_der, quiet

CA_DAYS = 3650
LEAF_DAYS = 730
"""Short enough that nobody forgets what this is."""

_log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """Return the time; the default clock of the sandbox's services."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A service's certificate with its key."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


@dataclass(slots=True)
class SandboxCA:
    """The trust services of a sandbox instance. NOT FOR PRODUCTION."""

    instance: str
    root: Authority
    intermediate: Authority
    """Issues every certificate but its own."""
    root_ocsp: ServiceKey
    """Answers for the intermediate."""
    ocsp: ServiceKey
    """Answers for what the intermediate issued."""
    tsa: ServiceKey
    profile: str = FIVRK_PROFILE
    clock: Callable[[], datetime] = utc_now
    ocsp_url: str = ""
    """Where the responder is served; put into certificates, if set."""

    @classmethod
    def create(
        cls,
        instance: str,
        *,
        profile: str = FIVRK_PROFILE,
        kind: KeyKind = KeyKind.RSA_2048,
        clock: Callable[[], datetime] = utc_now,
    ) -> Self:
        """Make new authorities and services, all with keys of ``kind``.

        Raises `ValueError` if the sandbox does not issue by ``profile``.
        """
        if profile not in PROFILES:
            msg = f"Unknown profile {profile!r}; known: {PROFILES}"
            raise ValueError(msg)
        validity = Validity.days_from(clock(), CA_DAYS)
        root, intermediate = _authorities(instance, kind, validity)

        def service(
            issuer: Authority, what: str, usage: CertificateUsage
        ) -> ServiceKey:
            key = generate_key(kind)
            subject = service_subject(instance, what)
            order = Order(subject, key.public_key(), usage, validity)
            return ServiceKey(issuer.issue(order), key)

        responder = CertificateUsage.OCSP_RESPONDER
        made = cls(
            instance,
            root,
            intermediate,
            service(root, "Sandbox Root OCSP", responder),
            service(intermediate, "Sandbox OCSP", responder),
            service(intermediate, "Sandbox TSA", CertificateUsage.TIME_STAMPING),
            profile,
            clock,
        )
        _log.warning("sandbox_ca_created", warning=NOT_FOR_PRODUCTION)
        return made

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The certificates between what is issued and the root; the root is not in."""
        return (self.intermediate.certificate,)

    def approved(self) -> ApprovedCA:
        """Return the entry for these services that shared parameters would have."""
        return ApprovedCA(
            name=f"{NOT_FOR_PRODUCTION}: {self.instance}",
            authentication_only=False,
            top=self.root.certificate,
            intermediates=self.chain,
            ocsp_responders={
                certificate_der(self.root.certificate): (self.root_ocsp.certificate,),
                certificate_der(self.intermediate.certificate): (
                    self.ocsp.certificate,
                ),
            },
            profile=self.profile,
        )

    def trust(self) -> Trust:
        """Return the trust of a verifier in an instance that approved only these."""
        return Trust(self.instance, (self.approved(),))

    def issue_authentication(
        self,
        public_key: object,
        server: SecurityServerId,
        *,
        host: str = "localhost",
        validity: Validity | None = None,
    ) -> x509.Certificate:
        """Issue a security server's authentication certificate for ``host``."""
        subject = authentication_subject(self.profile, server, host=host)
        usage = CertificateUsage.AUTHENTICATION
        return self.issue(public_key, subject, usage, hosts=(host,), validity=validity)

    def issue_signing(
        self,
        public_key: object,
        member: ClientId,
        server: SecurityServerId,
        *,
        validity: Validity | None = None,
    ) -> x509.Certificate:
        """Issue a member's signing certificate for use on ``server``."""
        subject = signing_subject(self.profile, member.member, server)
        usage = CertificateUsage.SIGNING
        return self.issue(public_key, subject, usage, validity=validity)

    def issue_tls_server(
        self, public_key: object, *hosts: str, validity: Validity | None = None
    ) -> x509.Certificate:
        """Issue a certificate for a TLS server that answers to ``hosts``."""
        if not hosts:
            raise ValueError("A TLS server certificate needs at least one host")
        subject = tls_subject(hosts[0])
        usage = CertificateUsage.TLS_SERVER
        return self.issue(public_key, subject, usage, hosts=hosts, validity=validity)

    def issue_from_request(
        self,
        request: bytes,
        usage: CertificateUsage,
        *,
        validity: Validity | None = None,
    ) -> x509.Certificate:
        """Issue what a certificate request (PEM or DER) asks for: its subject, its key.

        Nobody is asked whether the requester may have that name. NOT FOR PRODUCTION.

        Raises:
            ValueError: the request cannot be read, or its signature does not fit.
        """
        csr = (
            x509.load_pem_x509_csr(request)
            if request.lstrip().startswith(b"-----BEGIN")
            else x509.load_der_x509_csr(request)
        )
        if not csr.is_signature_valid:
            raise ValueError("The signature of the certificate request does not fit")
        with quiet():
            subject = csr.subject
        return self.issue(
            csr.public_key(),
            subject,
            usage,
            hosts=_requested_hosts(csr),
            validity=validity,
        )

    def issue(
        self,
        public_key: object,
        subject: x509.Name,
        usage: CertificateUsage,
        *,
        hosts: tuple[str, ...] = (),
        validity: Validity | None = None,
    ) -> x509.Certificate:
        """Issue any certificate; tests make the wrong ones with it.

        Raises `TypeError` if the key is neither RSA nor EC.
        """
        order = Order(
            subject,
            require_supported(public_key),
            usage,
            validity or Validity.days_from(self.clock(), LEAF_DAYS),
            hosts,
            self.ocsp_url,
        )
        certificate = self.intermediate.issue(order)
        _log.info(
            "sandbox_certificate_issued",
            usage=usage.value,
            serial=certificate.serial_number,
            warning=NOT_FOR_PRODUCTION,
        )
        return certificate

    def revoke(self, serial: int) -> None:
        """Revoke a certificate of either authority.

        Raises `KeyError` if neither issued it.
        """
        for authority in (self.intermediate, self.root):
            if serial in authority.register:
                authority.revoke(serial, at=self.clock())
                return
        msg = f"No certificate with serial number {serial} was issued here"
        raise KeyError(msg)


def _authorities(
    instance: str, kind: KeyKind, validity: Validity
) -> tuple[Authority, Authority]:
    """Return a new root and an intermediate below it."""
    root = Authority.self_signed(
        service_subject(instance, "Sandbox Root CA"), generate_key(kind), validity
    )
    subject = service_subject(instance, "Sandbox Issuing CA")
    return root, root.subordinate(subject, generate_key(kind), validity)


def _requested_hosts(csr: x509.CertificateSigningRequest) -> tuple[str, ...]:
    try:
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    dns = names.value.get_values_for_type(x509.DNSName)
    addresses = names.value.get_values_for_type(x509.IPAddress)
    return (*dns, *map(str, addresses))
