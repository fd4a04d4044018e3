"""Reading the sequences of shared parameters, each as its version has them."""

from collections.abc import Iterator
from contextlib import suppress

from lxml import etree

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._elements import Fields
from kerege.xroad.globalconf.values import (
    SOURCES_SINCE,
    ACMEServer,
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
    certificate_digest_of,
)
from kerege.xroad.identifier_xml import read_client_id
from kerege.xroad.identifiers import ClientId

_COST_TYPES = frozenset(cost.value for cost in CostType)
_CSR_FORMATS = frozenset({"PEM", "DER"})


class SharedReader:
    """Reads one document's parts, in the order in which the schema has them."""

    def __init__(self, fields: Fields, version: int) -> None:
        self._fields = fields
        self._version = version
        self._clients: dict[str, ClientId] = {}
        self.instance = fields.text("instanceIdentifier")

    def sources(self) -> tuple[ConfigurationSource, ...]:
        """Read the central server nodes; at least one from V3 on."""
        elements = self._fields.many("source")
        if not elements and self._version >= SOURCES_SINCE:
            self._fields.fail("there is no source")
        return tuple(_source(self._fields.inside(element)) for element in elements)

    def certification_services(self) -> tuple[CertificationService, ...]:
        """Read the approved certification services."""
        return tuple(
            _certification_service(self._fields.inside(element))
            for element in self._fields.many("approvedCA")
        )

    def timestamping_services(self) -> tuple[TimestampingService, ...]:
        """Read the approved time-stamping services."""
        return tuple(
            _timestamping_service(self._fields.inside(element))
            for element in self._fields.many("approvedTSA")
        )

    def members(self) -> tuple[Member, ...]:
        """Read the members; their identifiers are what servers refer to."""
        return tuple(self._member(e) for e in self._fields.many("member"))

    def security_servers(self) -> tuple[SecurityServer, ...]:
        """Read the security servers. The members must have been read."""
        return tuple(
            self._security_server(self._fields.inside(element))
            for element in self._fields.many("securityServer")
        )

    def global_groups(self) -> tuple[GlobalGroup, ...]:
        """Read the global groups."""
        return tuple(
            _global_group(self._fields.inside(element))
            for element in self._fields.many("globalGroup")
        )

    def settings(self) -> tuple[tuple[MemberClass, ...], int]:
        """Read the member classes and the age an OCSP response may have, seconds.

        Central services come before them; the reference has dropped these and so
        have we. From V3 on anything may follow.
        """
        self._fields.many("centralService")
        settings = self._fields.inside(self._fields.one("globalSettings"))
        classes = tuple(
            _member_class(settings.inside(element))
            for element in settings.many("memberClass")
        )
        freshness = settings.integer("ocspFreshnessSeconds")
        settings.end()
        if self._version < SOURCES_SINCE:
            self._fields.end()
        return classes, freshness

    def _member(self, element: etree._Element) -> Member:
        fields = self._fields.inside(element)
        member_class = _member_class(fields.inside(fields.one("memberClass")))
        code = fields.text("memberCode")
        name = fields.string("name")
        client = ClientId(self.instance, member_class.code, code)
        self._remember(element, client)
        subsystems = tuple(
            self._subsystem(child, client) for child in fields.many("subsystem")
        )
        fields.end()
        return Member(member_class, code, name, subsystems)

    def _subsystem(self, element: etree._Element, member: ClientId) -> Subsystem:
        fields = self._fields.inside(element)
        code = fields.text("subsystemCode")
        name = fields.maybe_text("subsystemName")
        fields.end()
        client = ClientId(
            member.instance, member.member_class, member.member_code, code
        )
        self._remember(element, client)
        return Subsystem(code, name)

    def _remember(self, element: etree._Element, client: ClientId) -> None:
        reference = (element.get("id") or "").strip()
        if not reference:
            return
        if reference in self._clients:
            self._fields.fail(f"the id {reference[:255]!r} is used twice")
        self._clients[reference] = client

    def _security_server(self, fields: Fields) -> SecurityServer:
        digest = certificate_digest_of(self._version)
        owner = self._client(fields, fields.one("owner"))
        if owner.subsystem_code:
            fields.fail(f"a security server is owned by a subsystem, {owner}")
        code = fields.text("serverCode")
        address = fields.maybe_text("address")
        server = SecurityServer(
            owner,
            code,
            address.strip() if address else None,
            tuple(CertHash(digest, h) for h in fields.all_data("authCertHash")),
            tuple(self._client(fields, e) for e in fields.many("client")),
            _maintenance(fields),
        )
        fields.end()
        return server

    def _client(self, fields: Fields, element: etree._Element) -> ClientId:
        reference = fields.text_of(element).strip()
        client = self._clients.get(reference)
        if client is None:
            fields.fail(
                f"{element.tag!s} refers to {reference[:255]!r}, which nobody is"
            )
        return client


def _source(fields: Fields) -> ConfigurationSource:
    source = ConfigurationSource(
        fields.string("address").strip(),
        fields.all_data("internalVerificationCert"),
        fields.all_data("externalVerificationCert"),
    )
    fields.end()
    return source


def _member_class(fields: Fields) -> MemberClass:
    member_class = MemberClass(fields.text("code"), fields.string("description"))
    fields.end()
    return member_class


def _global_group(fields: Fields) -> GlobalGroup:
    group = GlobalGroup(
        fields.text("groupCode"),
        fields.string("description"),
        tuple(_group_members(fields)),
    )
    fields.end()
    return group


def _group_members(fields: Fields) -> Iterator[ClientId]:
    """Yield the members; one that is not an identifier is left out.

    It could not get any right, and the reference does not fail on it either.
    """
    for element in fields.many("groupMember"):
        with suppress(XRoadError):
            yield read_client_id(element)


def _certification_service(fields: Fields) -> CertificationService:
    service = CertificationService(
        name=fields.string("name"),
        authentication_only=fields.maybe_boolean("authenticationOnly") or False,
        top_ca=_ca_info(fields.inside(fields.one("topCA"))),
        intermediate_cas=tuple(
            _ca_info(fields.inside(element))
            for element in fields.many("intermediateCA")
        ),
        certificate_profile=fields.text("certificateProfileInfo").strip(),
        csr_format=fields.choice("defaultCsrFormat", _CSR_FORMATS),
        acme_server=_acme_server(fields),
    )
    fields.end()
    return service


def _ca_info(fields: Fields) -> CAInfo:
    certificate = fields.data("cert")
    responders = tuple(
        _ocsp_responder(fields.inside(element)) for element in fields.many("ocsp")
    )
    fields.end()
    return CAInfo(certificate, responders)


def _ocsp_responder(fields: Fields) -> OCSPResponder:
    responder = OCSPResponder(
        fields.string("url").strip(),
        fields.maybe_data("cert"),
        _cost_type(fields),
    )
    fields.end()
    return responder


def _cost_type(fields: Fields) -> CostType | None:
    cost = fields.choice("costType", _COST_TYPES)
    return CostType(cost) if cost else None


def _acme_server(outer: Fields) -> ACMEServer | None:
    element = outer.maybe("acmeServer")
    if element is None:
        return None
    fields = outer.inside(element)
    server = ACMEServer(
        fields.text("directoryURL").strip(),
        fields.maybe_text("ipAddress"),
        fields.maybe_text("authenticationCertificateProfileId"),
        fields.maybe_text("signingCertificateProfileId"),
    )
    fields.end()
    return server


def _timestamping_service(fields: Fields) -> TimestampingService:
    service = TimestampingService(
        fields.string("name"),
        fields.text("url").strip(),
        fields.data("cert"),
        _cost_type(fields),
    )
    fields.end()
    return service


def _maintenance(outer: Fields) -> Maintenance | None:
    element = outer.maybe("inMaintenanceMode")
    if element is None:
        return None
    fields = outer.inside(element)
    message = fields.maybe_text("message")
    fields.end()
    return Maintenance(message)
