"""Shared parameters: who belongs to an instance, whom it trusts. Versions 2 to 6.

Rules (``shared-parameters.xsd``, facts of the central server's generator):

* Children are not namespace-qualified and stand in one fixed order. What a version
  added is written from it on, and read wherever it is: central servers of pre-release
  versions wrote it too early.
* ``owner`` and ``client`` refer to the ``id`` of a member or subsystem.
* ``authCertHash`` is SHA-1 in V2 and SHA-256 from V3 on.
* The version is not in the document: it comes from the signed directory.
"""

from dataclasses import dataclass

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._elements import read_root
from kerege.xroad.globalconf._shared_reader import SharedReader
from kerege.xroad.globalconf._shared_writer import SharedWriter
from kerege.xroad.globalconf.values import (
    CURRENT_VERSION,
    MINIMUM_VERSION,
    CertificationService,
    ConfigurationSource,
    GlobalGroup,
    Member,
    MemberClass,
    SecurityServer,
    TimestampingService,
)

MALFORMED = "malformed_global_conf"


@dataclass(frozen=True, slots=True)
class SharedParameters:
    """The shared parameters of one instance."""

    version: int
    """2 to 6: the version of the document that was read, or is meant to be written."""
    instance: str
    ocsp_freshness_seconds: int
    """How old an OCSP response may be."""
    sources: tuple[ConfigurationSource, ...] = ()
    certification_services: tuple[CertificationService, ...] = ()
    timestamping_services: tuple[TimestampingService, ...] = ()
    members: tuple[Member, ...] = ()
    security_servers: tuple[SecurityServer, ...] = ()
    global_groups: tuple[GlobalGroup, ...] = ()
    member_classes: tuple[MemberClass, ...] = ()

    @classmethod
    def from_xml(
        cls, data: bytes, *, version: int = CURRENT_VERSION
    ) -> "SharedParameters":
        """Read ``shared-params.xml``.

        Args:
            data: The document.
            version: The version that its signed directory gives.

        Raises:
            XRoadError: ``malformed_global_conf``.
        """
        require_version(version)
        fields = read_root(data, "conf", code=MALFORMED, what="Shared parameters")
        reader = SharedReader(fields, version)
        sources = reader.sources()
        certification_services = reader.certification_services()
        timestamping_services = reader.timestamping_services()
        members = reader.members()
        security_servers = reader.security_servers()
        global_groups = reader.global_groups()
        member_classes, ocsp_freshness_seconds = reader.settings()
        return cls(
            version,
            reader.instance,
            ocsp_freshness_seconds,
            sources,
            certification_services,
            timestamping_services,
            members,
            security_servers,
            global_groups,
            member_classes,
        )

    def to_xml(self, *, version: int | None = None) -> bytes:
        """Write the document in ``version``, or in this value's own.

        Versions below 5 do not know maintenance: a server in it keeps its members
        and loses its subsystems, so that nobody calls it, as in the reference.

        Raises ``malformed_global_conf`` if something that the schema wants is missing,
        ``internal_error`` if a certificate hash is not known in the right algorithm.
        """
        version = self.version if version is None else version
        require_version(version)
        writer = SharedWriter(self.instance, version)
        writer.sources(self.sources)
        writer.certification_services(self.certification_services)
        writer.timestamping_services(self.timestamping_services)
        writer.members(self.members)
        writer.security_servers(self.security_servers)
        writer.global_groups(self.global_groups)
        return writer.finish(self.member_classes, self.ocsp_freshness_seconds)


def require_version(version: int) -> None:
    """Refuse a version that we cannot read. Raises ``malformed_global_conf``."""
    if not MINIMUM_VERSION <= version <= CURRENT_VERSION:
        raise XRoadError(
            MALFORMED,
            f"Global configuration version {version} is not one of "
            f"{MINIMUM_VERSION} to {CURRENT_VERSION}",
        )
