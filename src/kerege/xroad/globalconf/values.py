"""What shared parameters consist of. Certificates are DER bytes, as distributed.

Source: facts of ``shared-parameters.xsd`` V2 to V6 and ``SharedParameters.java``.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum

from kerege.xroad.algorithms import SHA1, SHA256, Digest
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, GlobalGroupId, SecurityServerId

MINIMUM_VERSION = 2
"""What a configuration without a version is."""
CURRENT_VERSION = 6
"""The newest version of X-Road 7.8."""
SOURCES_SINCE = 3
PROFILE_IDS_SINCE = 4
MAINTENANCE_SINCE = 5
COST_TYPES_SINCE = 6
SHA256_SINCE = 3


def certificate_digest_of(version: int) -> Digest:
    """Return the digest of ``authCertHash`` in this version."""
    return SHA256 if version >= SHA256_SINCE else SHA1


class CostType(Enum):
    """Whether a trust service costs money (V6)."""

    FREE = "FREE"
    PAID = "PAID"
    UNDEFINED = "UNDEFINED"


@dataclass(frozen=True, slots=True)
class CertHash:
    """A hash of an authentication certificate, or the certificate to hash.

    The central server has certificates and can write any version; who reads a
    configuration has the one hash that is in it (``CertHash.java``).
    """

    digest: Digest | None
    value: bytes
    """The hash, or the certificate (DER) if there is no ``digest``."""

    @classmethod
    def of_certificate(cls, der: bytes) -> "CertHash":
        """Return a value from which any digest can be had."""
        return cls(None, der)

    def by(self, digest: Digest) -> bytes:
        """Return the hash with this algorithm.

        Raises ``internal_error`` if only a hash with another one is known.
        """
        if self.digest is None:
            return hashlib.new(digest.hashlib_name, self.value).digest()
        if self.digest != digest:
            raise XRoadError(
                "internal_error",
                f"The certificate's hash is known in {self.digest.name}, "
                f"not in {digest.name}",
            )
        return self.value


@dataclass(frozen=True, slots=True)
class ConfigurationSource:
    """A central server node (V3)."""

    address: str
    internal_verification_certificates: tuple[bytes, ...] = ()
    external_verification_certificates: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class OCSPResponder:
    """An OCSP responder of one CA."""

    url: str
    certificate: bytes | None = None
    cost_type: CostType | None = None


@dataclass(frozen=True, slots=True)
class CAInfo:
    """A CA certificate and its responders."""

    certificate: bytes
    ocsp_responders: tuple[OCSPResponder, ...] = ()


@dataclass(frozen=True, slots=True)
class ACMEServer:
    """Where certificates can be ordered (V3; the profile ids V4)."""

    directory_url: str
    ip_address: str | None = None
    authentication_profile_id: str | None = None
    signing_profile_id: str | None = None


@dataclass(frozen=True, slots=True)
class CertificationService:
    """An approved certification service (``approvedCA``)."""

    name: str
    top_ca: CAInfo
    certificate_profile: str
    """Java class name that says how the subject names the member."""
    authentication_only: bool = False
    intermediate_cas: tuple[CAInfo, ...] = ()
    csr_format: str | None = None
    """``PEM`` or ``DER`` (V6)."""
    acme_server: ACMEServer | None = None

    @property
    def authorities(self) -> tuple[CAInfo, ...]:
        """The top CA and the intermediate ones."""
        return (self.top_ca, *self.intermediate_cas)


@dataclass(frozen=True, slots=True)
class TimestampingService:
    """An approved time-stamping service (``approvedTSA``)."""

    name: str
    url: str
    certificate: bytes
    cost_type: CostType | None = None


@dataclass(frozen=True, slots=True)
class MemberClass:
    """A member class of the instance."""

    code: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Subsystem:
    """A subsystem of a member; the name exists from V5 on."""

    code: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A member and its subsystems."""

    member_class: MemberClass
    code: str
    name: str
    subsystems: tuple[Subsystem, ...] = ()

    def id(self, instance: str) -> ClientId:
        """The member's identifier."""
        return ClientId(instance, self.member_class.code, self.code)

    def subsystem_id(self, instance: str, subsystem: Subsystem) -> ClientId:
        """The identifier of one of its subsystems."""
        return ClientId(instance, self.member_class.code, self.code, subsystem.code)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A security server is not to be called for now (V5)."""

    message: str | None = None
    """The administrator's words to consumers."""


@dataclass(frozen=True, slots=True)
class SecurityServer:
    """A registered security server."""

    owner: ClientId
    code: str
    address: str | None = None
    auth_certificate_hashes: tuple[CertHash, ...] = ()
    clients: tuple[ClientId, ...] = ()
    """Registered clients; the owner is one without being listed."""
    maintenance: Maintenance | None = None

    @property
    def id(self) -> SecurityServerId:
        """The server's identifier."""
        owner = self.owner
        return SecurityServerId(
            owner.instance, owner.member_class, owner.member_code, self.code
        )


@dataclass(frozen=True, slots=True)
class GlobalGroup:
    """A group of members and subsystems, maybe of several instances."""

    code: str
    description: str = ""
    members: tuple[ClientId, ...] = ()

    def id(self, instance: str) -> GlobalGroupId:
        """The group's identifier."""
        return GlobalGroupId(instance, self.code)
