"""Private parameters: what only members of the instance need to know.

Federation partners' anchors, the management services, the time-stamping interval.
V3 to V6 are the same; V2 lets nothing follow after the last field.

Source: ``private-parameters.xsd``, ``PrivateParametersV3Converter.java``.
"""

from dataclasses import dataclass

from lxml import etree

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._elements import (
    MAX_INTEGER,
    Fields,
    put,
    read_root,
    to_bytes,
    write_root,
)
from kerege.xroad.globalconf.anchor import (
    ANCHOR_ROOT,
    Anchor,
    read_anchor,
    write_anchor,
)
from kerege.xroad.globalconf.values import CURRENT_VERSION, SOURCES_SINCE
from kerege.xroad.identifier_xml import read_client_id, write_identifier
from kerege.xroad.identifiers import ClientId

MALFORMED = "malformed_global_conf"


@dataclass(frozen=True, slots=True)
class ManagementService:
    """Where security servers register certificates and clients."""

    address: str
    """URL of the authentication certificate registration service."""
    provider: ClientId
    """Provider of the management services."""
    tls_certificate: bytes | None = None
    """The registration service's TLS certificate (DER)."""


@dataclass(frozen=True, slots=True)
class PrivateParameters:
    """The private parameters of one instance."""

    instance: str
    management_service: ManagementService
    timestamping_interval_seconds: int
    """After this time at the latest a logged signature is time-stamped."""
    anchors: tuple[Anchor, ...] = ()
    """Anchors of federated instances."""

    @classmethod
    def from_xml(
        cls, data: bytes, *, version: int = CURRENT_VERSION
    ) -> "PrivateParameters":
        """Read ``private-params.xml`` of this version.

        Raises ``malformed_global_conf``, or ``invalid_client_identifier`` for a
        provider whose type and codes disagree.
        """
        fields = read_root(data, "conf", code=MALFORMED, what="Private parameters")
        instance = fields.text("instanceIdentifier")
        anchors = tuple(
            read_anchor(fields.inside(element)) for element in fields.many(ANCHOR_ROOT)
        )
        management = _read_management(fields.inside(fields.one("managementService")))
        interval = fields.integer("timeStampingIntervalSeconds")
        if interval < 0:
            fields.fail("timeStampingIntervalSeconds is negative")
        if version < SOURCES_SINCE:
            fields.end()
        return cls(instance, management, interval, anchors)

    def to_xml(self) -> bytes:
        """Write the document; it is valid in every version.

        Raises ``malformed_global_conf`` if something that the schema wants is missing.
        """
        if not self.instance or not 0 <= self.timestamping_interval_seconds <= (
            MAX_INTEGER
        ):
            raise XRoadError(MALFORMED, "Private parameters are not complete")
        root = write_root("conf")
        put(root, "instanceIdentifier", self.instance)
        for anchor in self.anchors:
            write_anchor(etree.SubElement(root, ANCHOR_ROOT), anchor)
        management = etree.SubElement(root, "managementService")
        service = self.management_service
        put(management, "authCertRegServiceAddress", service.address)
        put(management, "authCertRegServiceCert", service.tls_certificate)
        provider = etree.SubElement(management, "managementRequestServiceProviderId")
        write_identifier(provider, service.provider)
        put(
            root, "timeStampingIntervalSeconds", str(self.timestamping_interval_seconds)
        )
        return to_bytes(root)


def _read_management(fields: Fields) -> ManagementService:
    address = fields.string("authCertRegServiceAddress").strip()
    certificate = fields.maybe_data("authCertRegServiceCert")
    provider = read_client_id(
        fields.one("managementRequestServiceProviderId"), code=MALFORMED
    )
    fields.end()
    return ManagementService(address, provider, certificate)
