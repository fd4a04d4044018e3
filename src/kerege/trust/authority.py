"""One certificate authority: its key, what it issued, what it revoked.

NOT FOR PRODUCTION.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from kerege.trust.key_kinds import PrivateKey, PublicKey
from kerege.xroad.x509 import certificate_der, load_certificate


class CertificateUsage(Enum):
    """What a certificate is for; decides its extensions."""

    AUTHORITY = "authority"
    AUTHENTICATION = "authentication"
    SIGNING = "signing"
    OCSP_RESPONDER = "ocsp-responder"
    TIME_STAMPING = "time-stamping"
    TLS_SERVER = "tls-server"


@dataclass(frozen=True, slots=True)
class Validity:
    """When a certificate is valid."""

    not_before: datetime
    not_after: datetime

    @classmethod
    def days_from(cls, start: datetime, days: int) -> Self:
        """Return ``days`` days, beginning an hour early: clocks differ."""
        return cls(start - timedelta(hours=1), start + timedelta(days=days))

    @classmethod
    def already_expired(cls, at: datetime) -> Self:
        """Return a day that ended an hour before ``at``."""
        return cls(at - timedelta(days=1), at - timedelta(hours=1))

    @classmethod
    def not_yet_begun(cls, at: datetime) -> Self:
        """Return a day that begins an hour after ``at``."""
        return cls(at + timedelta(hours=1), at + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Order:
    """What to put into a certificate."""

    subject: x509.Name
    public_key: PublicKey
    usage: CertificateUsage
    validity: Validity
    hosts: tuple[str, ...] = ()
    """DNS names and IP addresses for the subject alternative name."""
    ocsp_url: str = ""
    """Put into the authority information access, if set."""


@dataclass(slots=True)
class Issued:
    """A certificate in an authority's register."""

    certificate: x509.Certificate
    revoked_at: datetime | None = None


@dataclass(slots=True)
class Authority:
    """A certificate authority of the sandbox. NOT FOR PRODUCTION."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)
    register: dict[int, Issued] = field(default_factory=dict)
    """Serial number to what was issued under it."""

    @classmethod
    def self_signed(
        cls, subject: x509.Name, key: PrivateKey, validity: Validity
    ) -> Self:
        """Make a root."""
        order = Order(subject, key.public_key(), CertificateUsage.AUTHORITY, validity)
        return cls(_certificate(order, subject, key), key)

    def issue(self, order: Order) -> x509.Certificate:
        """Issue what was ordered and enter it into the register."""
        certificate = _certificate(order, self.certificate.subject, self.key)
        self.register[certificate.serial_number] = Issued(certificate)
        return certificate

    def subordinate(
        self, subject: x509.Name, key: PrivateKey, validity: Validity
    ) -> "Authority":
        """Make an intermediate authority below this one."""
        order = Order(subject, key.public_key(), CertificateUsage.AUTHORITY, validity)
        return Authority(self.issue(order), key)

    def revoke(self, serial: int, *, at: datetime) -> None:
        """Mark a certificate revoked. Raises `KeyError` if it was not issued here."""
        self.register[serial].revoked_at = at


def _certificate(order: Order, issuer: x509.Name, key: PrivateKey) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(order.subject)
        .issuer_name(issuer)
        .public_key(order.public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(order.validity.not_before)
        .not_valid_after(order.validity.not_after)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(order.public_key), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
            critical=False,
        )
    )
    for extension, critical in _extensions(order):
        builder = builder.add_extension(extension, critical=critical)
    # Read back: its names, which may break limits, are then known without warnings.
    return load_certificate(certificate_der(builder.sign(key, hashes.SHA256())))


def _extensions(order: Order) -> list[tuple[x509.ExtensionType, bool]]:
    usage = order.usage
    is_authority = usage is CertificateUsage.AUTHORITY
    found: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=is_authority, path_length=None), is_authority),
        (_key_usage(usage, order.public_key), True),
    ]
    if usage in _EXTENDED:
        purposes, critical = _EXTENDED[usage]
        found.append((x509.ExtendedKeyUsage(purposes), critical))
    if usage is CertificateUsage.OCSP_RESPONDER:
        found.append((x509.OCSPNoCheck(), False))
    if order.hosts:
        found.append((x509.SubjectAlternativeName(map(_host, order.hosts)), False))
    if order.ocsp_url:
        location = x509.UniformResourceIdentifier(order.ocsp_url)
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, location)
        found.append((x509.AuthorityInformationAccess([access]), False))
    return found


_EXTENDED = {
    CertificateUsage.AUTHENTICATION: (
        [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH],
        False,
    ),
    CertificateUsage.OCSP_RESPONDER: ([ExtendedKeyUsageOID.OCSP_SIGNING], False),
    # RFC 3161, 2.3: the only purpose, and critical.
    CertificateUsage.TIME_STAMPING: ([ExtendedKeyUsageOID.TIME_STAMPING], True),
    CertificateUsage.TLS_SERVER: ([ExtendedKeyUsageOID.SERVER_AUTH], False),
}


def _key_usage(usage: CertificateUsage, public_key: PublicKey) -> x509.KeyUsage:
    transports_keys = isinstance(public_key, rsa.RSAPublicKey) and usage in (
        CertificateUsage.AUTHENTICATION,
        CertificateUsage.TLS_SERVER,
    )
    is_authority = usage is CertificateUsage.AUTHORITY
    signs_documents = usage is CertificateUsage.SIGNING
    return x509.KeyUsage(
        digital_signature=not (is_authority or signs_documents),
        content_commitment=signs_documents,
        key_encipherment=transports_keys,
        data_encipherment=transports_keys,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
