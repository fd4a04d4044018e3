"""Writing the sequences of shared parameters, each as its version has them."""

from collections.abc import Iterable
from typing import NoReturn

from lxml import etree

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._elements import put, to_bytes, write_root
from kerege.xroad.globalconf.values import (
    COST_TYPES_SINCE,
    MAINTENANCE_SINCE,
    PROFILE_IDS_SINCE,
    SOURCES_SINCE,
    ACMEServer,
    CAInfo,
    CertificationService,
    ConfigurationSource,
    CostType,
    GlobalGroup,
    Member,
    MemberClass,
    SecurityServer,
    TimestampingService,
    certificate_digest_of,
)
from kerege.xroad.identifier_xml import write_identifier
from kerege.xroad.identifiers import ClientId


class SharedWriter:
    """Writes one document; its methods are called in the order of the schema."""

    def __init__(self, instance: str, version: int) -> None:
        self._version = version
        self._instance = _required(instance, "an instance identifier")
        self._root = write_root("conf")
        self._references: dict[ClientId, str] = {}
        put(self._root, "instanceIdentifier", self._instance)

    def sources(self, sources: Iterable[ConfigurationSource]) -> None:
        """Write the central server nodes, from V3 on."""
        if self._version < SOURCES_SINCE:
            return
        for source in sources:
            element = etree.SubElement(self._root, "source")
            put(element, "address", _required(source.address, "a source's address"))
            for certificate in source.internal_verification_certificates:
                put(element, "internalVerificationCert", certificate)
            for certificate in source.external_verification_certificates:
                put(element, "externalVerificationCert", certificate)
        if self._root.find("source") is None:
            _missing("a configuration source")

    def certification_services(self, services: Iterable[CertificationService]) -> None:
        """Write the approved certification services."""
        for service in services:
            element = etree.SubElement(self._root, "approvedCA")
            put(element, "name", service.name)
            put(element, "authenticationOnly", _boolean(service.authentication_only))
            self._ca_info(element, "topCA", service.top_ca)
            for authority in service.intermediate_cas:
                self._ca_info(element, "intermediateCA", authority)
            put(element, "certificateProfileInfo", service.certificate_profile)
            if self._version >= COST_TYPES_SINCE:
                put(element, "defaultCsrFormat", service.csr_format)
            if self._version >= SOURCES_SINCE and service.acme_server:
                self._acme_server(element, service.acme_server)

    def timestamping_services(self, services: Iterable[TimestampingService]) -> None:
        """Write the approved time-stamping services."""
        for service in services:
            element = etree.SubElement(self._root, "approvedTSA")
            put(element, "name", service.name)
            put(element, "url", service.url)
            put(element, "cert", service.certificate)
            self._cost_type(element, service.cost_type)

    def members(self, members: Iterable[Member]) -> None:
        """Write the members and number them and their subsystems."""
        for member in members:
            element = etree.SubElement(self._root, "member")
            self._number(element, member.id(self._instance))
            _member_class(element, member.member_class)
            put(element, "memberCode", member.code)
            put(element, "name", member.name)
            for subsystem in member.subsystems:
                child = etree.SubElement(element, "subsystem")
                self._number(child, member.subsystem_id(self._instance, subsystem))
                put(child, "subsystemCode", subsystem.code)
                if self._version >= MAINTENANCE_SINCE:
                    put(child, "subsystemName", subsystem.name)

    def security_servers(self, servers: Iterable[SecurityServer]) -> None:
        """Write the security servers. The members must have been written."""
        digest = certificate_digest_of(self._version)
        knows_maintenance = self._version >= MAINTENANCE_SINCE
        for server in servers:
            element = etree.SubElement(self._root, "securityServer")
            put(element, "owner", self._reference(server.owner))
            put(element, "serverCode", server.code)
            put(element, "address", server.address)
            for certificate_hash in server.auth_certificate_hashes:
                put(element, "authCertHash", certificate_hash.by(digest))
            for client in server.clients:
                hidden = server.maintenance and not knows_maintenance
                if client.subsystem_code is None or not hidden:
                    put(element, "client", self._reference(client))
            if knows_maintenance and server.maintenance:
                mode = etree.SubElement(element, "inMaintenanceMode")
                put(mode, "message", server.maintenance.message)

    def global_groups(self, groups: Iterable[GlobalGroup]) -> None:
        """Write the global groups."""
        for group in groups:
            element = etree.SubElement(self._root, "globalGroup")
            put(element, "groupCode", group.code)
            put(element, "description", group.description)
            for member in group.members:
                write_identifier(etree.SubElement(element, "groupMember"), member)

    def finish(
        self, member_classes: Iterable[MemberClass], ocsp_freshness_seconds: int
    ) -> bytes:
        """Write the settings and return the document."""
        if not ocsp_freshness_seconds or ocsp_freshness_seconds < 0:
            _missing("a time for which OCSP responses are fresh")
        settings = etree.SubElement(self._root, "globalSettings")
        for member_class in member_classes:
            _member_class(settings, member_class)
        put(settings, "ocspFreshnessSeconds", str(ocsp_freshness_seconds))
        return to_bytes(self._root)

    def _ca_info(self, parent: etree._Element, name: str, authority: CAInfo) -> None:
        element = etree.SubElement(parent, name)
        put(element, "cert", authority.certificate)
        for responder in authority.ocsp_responders:
            child = etree.SubElement(element, "ocsp")
            put(child, "url", responder.url)
            put(child, "cert", responder.certificate)
            self._cost_type(child, responder.cost_type)

    def _cost_type(self, element: etree._Element, cost: CostType | None) -> None:
        if self._version >= COST_TYPES_SINCE and cost:
            put(element, "costType", cost.value)

    def _acme_server(self, parent: etree._Element, server: ACMEServer) -> None:
        element = etree.SubElement(parent, "acmeServer")
        put(element, "directoryURL", server.directory_url)
        put(element, "ipAddress", server.ip_address)
        if self._version >= PROFILE_IDS_SINCE:
            put(
                element,
                "authenticationCertificateProfileId",
                server.authentication_profile_id,
            )
            put(element, "signingCertificateProfileId", server.signing_profile_id)

    def _number(self, element: etree._Element, client: ClientId) -> None:
        if client in self._references:
            raise XRoadError("malformed_global_conf", f"{client} is there twice")
        reference = f"id{len(self._references)}"
        self._references[client] = reference
        element.set("id", reference)

    def _reference(self, client: ClientId) -> str:
        try:
            return self._references[client]
        except KeyError:
            _missing(f"{client}, to which a security server refers,")


def _member_class(parent: etree._Element, member_class: MemberClass) -> None:
    element = etree.SubElement(parent, "memberClass")
    put(element, "code", member_class.code)
    put(element, "description", member_class.description)


def _boolean(value: bool) -> str:  # noqa: FBT001 -- the value, not a switch
    return "true" if value else "false"


def _required(value: str, what: str) -> str:
    if not value:
        _missing(what)
    return value


def _missing(what: str) -> NoReturn:
    raise XRoadError(
        "malformed_global_conf", f"Shared parameters lack {what}"
    ) from None
