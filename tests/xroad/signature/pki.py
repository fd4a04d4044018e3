"""A small instance with keys of its own: a CA, an intermediate, members, OCSP."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from kerege.xroad.algorithms import SignatureAlgorithm, signature_by_name
from kerege.xroad.certificates import ApprovedCA, Trust
from kerege.xroad.identifiers import ClientId

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
ALICE = ClientId("EE", "GOV", "Alice & <Sons>")
BOB = ClientId("EE", "GOV", "Bob")

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(curve: type[ec.EllipticCurve]) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


def name(common_name: str, organization: str = "GOV") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "EE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


@dataclass(frozen=True)
class Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(self, subject: x509.Name, key: Key, *, ca=False, signs=True):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=30))
            .not_valid_after(NOW + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
            .add_extension(usage(ca=ca, signs=signs), True)
        )
        return builder.sign(self.key, hashes.SHA256())

    def good(self, certificate: x509.Certificate) -> bytes:
        builder = ocsp.OCSPResponseBuilder().add_response(
            certificate,
            self.certificate,
            hashes.SHA1(),  # noqa: S303 - OCSP CertIDs
            ocsp.OCSPCertStatus.GOOD,
            NOW - timedelta(minutes=5),
            None,
            None,
            None,
        )
        builder = builder.responder_id(
            ocsp.OCSPResponderEncoding.HASH, self.certificate
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


def usage(*, ca: bool, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=signs,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


@cache
def root() -> Authority:
    key = ec_key(ec.SECP256R1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name('Root, "CA" & Co'))
        .issuer_name(name('Root, "CA" & Co'))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=300))
        .not_valid_after(NOW + timedelta(days=300))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(usage(ca=True, signs=False), True)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


@cache
def intermediate() -> Authority:
    key = ec_key(ec.SECP384R1)
    certificate = root().issue(name("Intermediate"), key, ca=True, signs=False)
    return Authority(certificate, key)


@cache
def trust() -> Trust:
    ca = ApprovedCA(
        name="CA",
        authentication_only=False,
        top=root().certificate,
        intermediates=(intermediate().certificate,),
        ocsp_responders={},
        profile="EjbcaCertificateProfileInfoProvider",
    )
    return Trust("EE", (ca,))


@dataclass(frozen=True)
class Member:
    """Signs; what kind of key decides how."""

    certificate: x509.Certificate
    key: Key
    algorithm: SignatureAlgorithm
    issuer: Authority = field(default_factory=root)

    def sign(self, data: bytes) -> bytes:
        digest = self.algorithm.digest.primitive
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(data, ec.ECDSA(digest))
        if self.algorithm.kind == "RSA-PSS":
            pad = padding.PSS(padding.MGF1(digest), digest.digest_size)
            return self.key.sign(data, pad, digest)
        return self.key.sign(data, padding.PKCS1v15(), digest)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        return () if self.issuer is root() else (self.issuer.certificate,)

    @property
    def ocsp_responses(self) -> list[bytes]:
        own = self.issuer.good(self.certificate)
        return [own, *(root().good(each) for each in self.chain)]


@cache
def member(
    client: ClientId = ALICE,
    algorithm: str = "SHA512withRSA",
    *,
    key: Key | None = None,
    below_intermediate: bool = False,
    signs: bool = True,
) -> Member:
    issuer = intermediate() if below_intermediate else root()
    key = key or rsa_key()
    subject = name(client.member_code, client.member_class)
    certificate = issuer.issue(subject, key, signs=signs)
    return Member(certificate, key, signature_by_name(algorithm), issuer)
