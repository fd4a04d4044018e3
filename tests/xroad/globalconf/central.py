"""A central server in memory: what it would distribute, signed with keys made here.

The cast of an instance called KG: member GOV/1 runs server SS1 for its subsystem
``system``, member COM/2 runs SS2 for ``shop``.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from kerege.xroad.algorithms import (
    SHA512,
    SignatureAlgorithm,
    signature_algorithm_for,
)
from kerege.xroad.globalconf import (
    Anchor,
    AnchorSource,
    ManagementService,
    PrivateParameters,
    SharedParameters,
)
from kerege.xroad.globalconf.directory_builder import (
    DirectoryContent,
    DirectoryPart,
    build_signed_directory,
    version_path,
)
from kerege.xroad.globalconf.values import (
    CAInfo,
    CertHash,
    CertificationService,
    ConfigurationSource,
    CostType,
    GlobalGroup,
    Maintenance,
    Member,
    MemberClass,
    OCSPResponder,
    SecurityServer,
    Subsystem,
    TimestampingService,
)
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import certificate_der
from tests.xroad.certificates.pki import EJBCA, Identity, a_ca, issue

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
GOV = MemberClass("GOV", "government")
COM = MemberClass("COM", "business")
CA = issue("CN=CA", template=a_ca())
RESPONDER = issue("CN=OCSP", CA)
TSA = issue("CN=TSA", CA)
SS1_AUTH = issue("CN=SS1", CA)
SS2_AUTH = issue("CN=SS2", CA)


@dataclass(frozen=True)
class KeySigner:
    """Signs with a key in memory."""

    identity: Identity

    @property
    def certificate(self) -> x509.Certificate:
        return self.identity.certificate

    @property
    def algorithm(self) -> SignatureAlgorithm:
        return signature_algorithm_for(self.certificate.public_key(), SHA512)

    def sign(self, data: bytes) -> bytes:
        key = self.identity.key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(data, ec.ECDSA(hashes.SHA512()))
        return key.sign(data, padding.PKCS1v15(), hashes.SHA512())


def shared_parameters(instance: str = "KG") -> SharedParameters:
    """Say who is in the instance; can be written in every version."""
    gov, com = ClientId(instance, "GOV", "1"), ClientId(instance, "COM", "2")
    system = ClientId(instance, "GOV", "1", "system")
    shop = ClientId(instance, "COM", "2", "shop")
    return SharedParameters(
        version=6,
        instance=instance,
        ocsp_freshness_seconds=3600,
        sources=(ConfigurationSource("cs.example"),),
        certification_services=(
            CertificationService(
                "CA",
                CAInfo(
                    certificate_der(CA.certificate),
                    (
                        OCSPResponder(
                            "http://ocsp.example/",
                            certificate_der(RESPONDER.certificate),
                            CostType.FREE,
                        ),
                    ),
                ),
                EJBCA,
            ),
        ),
        timestamping_services=(
            TimestampingService(
                "TSA", "http://tsa.example/", certificate_der(TSA.certificate)
            ),
        ),
        members=(
            Member(GOV, "1", "Ministry", (Subsystem("system", "System"),)),
            Member(COM, "2", "Company", (Subsystem("shop"),)),
        ),
        security_servers=(
            SecurityServer(gov, "SS1", "127.0.0.11", (hash_of(SS1_AUTH),), (system,)),
            SecurityServer(com, "SS2", "127.0.0.12", (hash_of(SS2_AUTH),), (shop,)),
        ),
        global_groups=(GlobalGroup("all", "everybody", (system, com)),),
        member_classes=(GOV, COM),
    )


def hash_of(identity: Identity) -> CertHash:
    return CertHash.of_certificate(certificate_der(identity.certificate))


def in_maintenance(shared: SharedParameters, message: str | None) -> SharedParameters:
    """Put all servers into maintenance."""
    servers = tuple(
        replace(server, maintenance=Maintenance(message))
        for server in shared.security_servers
    )
    return replace(shared, security_servers=servers)


def private_parameters(
    instance: str = "KG", anchors: tuple[Anchor, ...] = ()
) -> PrivateParameters:
    """Say where management services are, and who is federated."""
    management = ManagementService(
        "https://cs.example:4001/managementservice/", ClientId(instance, "GOV", "1")
    )
    return PrivateParameters(instance, management, 60, anchors)


@dataclass
class CentralServer:
    """Signs and publishes; change it, then publish again."""

    instance: str = "KG"
    url: str = "http://cs.example/internalconf"
    version: int = 6
    key: Identity = field(default_factory=lambda: issue("CN=signing key"))
    shared: SharedParameters | None = None
    private: PrivateParameters | None = None
    extra: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Content identifier to file name and content."""
    generated_at: datetime = NOW

    def __post_init__(self) -> None:
        self.shared = self.shared or shared_parameters(self.instance)
        self.private = self.private or private_parameters(self.instance)

    @property
    def anchor(self) -> Anchor:
        source = AnchorSource(self.url, (certificate_der(self.key.certificate),))
        return Anchor(self.instance, (source,), self.generated_at)

    def parts(self) -> tuple[DirectoryPart, ...]:
        folder = version_path(self.version, self.generated_at)
        assert self.shared is not None
        found = [
            DirectoryPart(
                "SHARED-PARAMETERS",
                f"{folder}/shared-params.xml",
                self.shared.to_xml(version=self.version),
            )
        ]
        if self.private is not None:
            found.append(
                DirectoryPart(
                    "PRIVATE-PARAMETERS",
                    f"{folder}/private-params.xml",
                    self.private.to_xml(),
                )
            )
        found += [
            DirectoryPart(name, f"{folder}/{file_name}", content)
            for name, (file_name, content) in self.extra.items()
        ]
        return tuple(found)

    def directory(self, parts: tuple[DirectoryPart, ...] | None = None) -> bytes:
        content = DirectoryContent(
            self.instance,
            self.version,
            self.generated_at + timedelta(seconds=600),
            self.parts() if parts is None else parts,
        )
        return build_signed_directory(
            content,
            signer=KeySigner(self.key),
            boundaries=("outerouterouterouter", "innerinnerinnerinner"),
        )

    def publish(self) -> dict[str, bytes | int]:
        """Return what is served at which URL; newer versions are not there."""
        origin = "/".join(self.url.split("/")[:3])
        answers: dict[str, bytes | int] = {
            f"{self.url}?version={newer}": 404 for newer in range(self.version + 1, 7)
        }
        answers[f"{self.url}?version={self.version}"] = self.directory()
        answers |= {origin + part.location: part.data for part in self.parts()}
        return answers
