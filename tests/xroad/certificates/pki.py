"""Certificates and OCSP responses made for a test, with EC keys because they are quick.

`NOW` is the time of every test. A certificate lives from a year before to a year after.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from asn1crypto import core, x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from kerege.xroad.certificates import ApprovedCA, Trust
from kerege.xroad.x509 import certificate_der

NOW = datetime(2026, 6, 1, 12, 0, 0, 500000, tzinfo=UTC)
YEAR = timedelta(days=365)
HOUR = timedelta(hours=1)
EJBCA = (
    "ee.ria.xroad.common.certificateprofile.impl.EjbcaCertificateProfileInfoProvider"
)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

OIDS = {
    "C": NameOID.COUNTRY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
    "businessCategory": NameOID.BUSINESS_CATEGORY,
    "2.5.4.97": NameOID.ORGANIZATION_IDENTIFIER,
}


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key


@dataclass
class Template:
    """What a certificate says; the default is a leaf for signing."""

    ca: bool = False
    basic: bool = True
    path_length: int | None = None
    usages: Sequence[str] | None = ("content_commitment",)
    extended: Sequence[x509.ObjectIdentifier] = ()
    not_before: datetime = NOW - YEAR
    not_after: datetime = NOW + YEAR
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = field(default_factory=list)
    digest: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)


def a_ca(**changes: object) -> Template:
    return Template(**{"ca": True, "usages": ("key_cert_sign",)} | changes)


def name(text: str) -> x509.Name:
    """Read "C=FI, CN=x"; lengths are not checked, as in national profiles."""
    pairs = [part.partition("=")[::2] for part in text.split(", ") if part]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.Name(
            [
                x509.NameAttribute(OIDS[kind], value, _validate=False)
                for kind, value in pairs
            ]
        )


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def issue(
    subject: str,
    issuer: Identity | None = None,
    template: Template | None = None,
    key: Key | None = None,
) -> Identity:
    """Issue a certificate; without an issuer it signs itself."""
    template = template or Template()
    key = key or new_key()
    issuer_name = issuer.certificate.subject if issuer else name(subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(template.not_before)
        .not_valid_after(template.not_after)
    )
    for extension, critical in _extensions(template):
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(issuer.key if issuer else key, template.digest)
    return Identity(certificate, key)


def _extensions(template: Template) -> Iterable[tuple[x509.ExtensionType, bool]]:
    if template.basic:
        yield x509.BasicConstraints(template.ca, template.path_length), True
    if template.usages is not None:
        yield key_usage(*template.usages), True
    if template.extended:
        yield x509.ExtendedKeyUsage(template.extended), False
    yield from template.extensions


def key_usage(*usages: str) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{each: each in usages for each in names})


def over_sha1(identity: Identity, issuer: Identity) -> Identity:
    """Sign a certificate again, over SHA-1: pyca/cryptography rightly will not."""
    assert isinstance(issuer.key, rsa.RSAPrivateKey)
    certificate = asn1_x509.Certificate.load(certificate_der(identity.certificate))
    algorithm = {"algorithm": "sha1_rsa"}
    certificate["tbs_certificate"]["signature"] = algorithm
    certificate["signature_algorithm"] = algorithm
    certificate["signature_value"] = issuer.key.sign(
        certificate["tbs_certificate"].dump(),
        padding.PKCS1v15(),
        hashes.SHA1(),  # noqa: S303
    )
    return Identity(x509.load_der_x509_certificate(certificate.dump()), identity.key)


def rewritten(certificate: x509.Certificate, old: str, new: str) -> x509.Certificate:
    """Put another object identifier of the same length in, wherever the old one is."""
    before, after = (core.ObjectIdentifier(oid).contents for oid in (old, new))
    assert len(before) == len(after)
    return x509.load_der_x509_certificate(
        certificate_der(certificate).replace(before, after)
    )


def root(subject: str = "CN=Root") -> Identity:
    return issue(subject, template=a_ca())


def trust_in(
    top: Identity,
    *intermediates: Identity,
    responders: Sequence[Identity] = (),
    profile: str = EJBCA,
    **rules: object,
) -> Trust:
    """Trust one approved CA; the responders are configured for each of its CAs."""
    certificates = tuple(each.certificate for each in responders)
    authorities = (top, *intermediates)
    authority = ApprovedCA(
        name="CA",
        authentication_only=False,
        top=top.certificate,
        intermediates=tuple(each.certificate for each in intermediates),
        ocsp_responders={
            certificate_der(each.certificate): certificates for each in authorities
        },
        profile=profile,
    )
    return Trust("TEST", (authority,), **rules)


@dataclass
class Answer:
    """What an OCSP response says; the default is good, and just made."""

    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD
    this_update: datetime = NOW
    next_update: datetime | None = None
    by_name: bool = False
    include: Sequence[x509.Certificate] = ()
    digest: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)
    cert_id_digest: hashes.HashAlgorithm = field(default_factory=hashes.SHA1)


def respond(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    responder: Identity,
    answer: Answer | None = None,
) -> bytes:
    """Make an OCSP response about ``certificate``."""
    answer = answer or Answer()
    revoked = answer.status is ocsp.OCSPCertStatus.REVOKED
    encoding = (
        ocsp.OCSPResponderEncoding.NAME
        if answer.by_name
        else ocsp.OCSPResponderEncoding.HASH
    )
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            certificate,
            issuer,
            answer.cert_id_digest,
            answer.status,
            answer.this_update.replace(microsecond=0),
            answer.next_update.replace(microsecond=0) if answer.next_update else None,
            answer.this_update.replace(microsecond=0) if revoked else None,
            None,
        )
        .responder_id(encoding, responder.certificate)
    )
    if answer.include:
        builder = builder.certificates(list(answer.include))
    return der(builder.sign(responder.key, answer.digest))


def der(response: ocsp.OCSPResponse) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return response.public_bytes(Encoding.DER)
