"""Read the X-Road header of a SOAP envelope, or the fault in it."""

from dataclasses import dataclass, field

from lxml import etree

from kerege.xroad import identifier_xml, xml
from kerege.xroad.faults import RelayedFaultError, XRoadError
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.rest import RepresentedParty

ENVELOPE_NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/"
XROAD_NAMESPACE = "http://x-road.eu/xsd/xroad.xsd"
REPRESENTATION_NAMESPACE = "http://x-road.eu/xsd/representation.xsd"
_ENCODING_NAMESPACE = "http://schemas.xmlsoap.org/soap/encoding/"

MAX_FAULT_CODE_CHARACTERS = 255
"""Codes end in a header and in monitoring records; real ones have about 60."""
MAX_FAULT_TEXT_CHARACTERS = 10_000
"""Texts end in answers and logs; a stack trace still fits."""

_ENV = f"{{{ENVELOPE_NAMESPACE}}}"
_XROAD = f"{{{XROAD_NAMESPACE}}}"
_REPR = f"{{{REPRESENTATION_NAMESPACE}}}"
_MEDIA_TYPES = frozenset({"text/xml", "application/xop+xml"})

_FIELDS = {
    f"{_XROAD}client": "client",
    f"{_XROAD}service": "service",
    f"{_XROAD}id": "id",
    f"{_XROAD}protocolVersion": "protocolVersion",
    f"{_XROAD}userId": "userId",
    f"{_XROAD}issue": "issue",
    f"{_XROAD}securityServer": "securityServer",
    f"{_XROAD}requestHash": "requestHash",
    f"{_REPR}representedParty": "representedParty",
}
_REQUIRED = ("protocolVersion", "client", "id", "service")
"""In the order in which the reference misses them."""


@dataclass(frozen=True, slots=True)
class SoapMessage:
    """What X-Road needs to know of an envelope that is not a fault."""

    client_id: ClientId
    service_id: ServiceId
    query_id: str
    protocol_version: str
    body_element: str
    """Local name of the only child of the Body."""
    user_id: str | None = field(default=None, repr=False)
    issue: str | None = field(default=None, repr=False)
    represented_party: RepresentedParty | None = field(default=None, repr=False)
    security_server: SecurityServerId | None = None
    request_hash: str | None = None
    """Base64, in responses only."""
    is_rpc: bool = False

    @property
    def is_response(self) -> bool:
        """Whether the body's element says that this is an answer."""
        return self.body_element.endswith("Response")


def read(content: bytes, content_type: str) -> SoapMessage | RelayedFaultError:
    """Read a SOAP message.

    Args:
        content: The bytes as received; a byte-order mark may come first.
        content_type: The Content-Type of the message or of its part.

    Returns:
        The X-Road header, or the fault if the body has one.

    Raises:
        XRoadError: ``invalid_content_type``, ``invalid_soap`` (not XML, no
            envelope), ``missing_header``, ``missing_header_field``,
            ``duplicate_header_field``, ``invalid_protocol_version``,
            ``missing_body``, ``invalid_body``, ``inconsistent_headers``; for
            identifiers ``invalid_xml`` and ``invalid_client_identifier``.
    """
    media_type = content_type.split(";", 1)[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        raise XRoadError(
            "invalid_content_type",
            f"{content_type[:255]!r} is not a Content-Type of SOAP messages",
        )
    envelope = _envelope(content)
    fault = _find_fault(envelope)
    if fault is not None:
        return _read_fault(fault, content)
    return _read_message(envelope)


def read_fault(content: bytes) -> RelayedFaultError:
    """Read a SOAP fault.

    Raises:
        XRoadError: ``invalid_soap``, or ``invalid_message`` if it is no fault.
    """
    fault = _find_fault(_envelope(content))
    if fault is None:
        raise XRoadError("invalid_message", "The SOAP message is not a fault")
    return _read_fault(fault, content)


def check_consistency(request: SoapMessage, response: SoapMessage) -> None:
    """Check that the response repeats the header of the request.

    Source: `SoapUtils.checkConsistency` and the fields marked in `SoapHeader`.
    The request hash is compared elsewhere.

    Raises:
        XRoadError: ``inconsistent_headers``.
    """
    for name, asked, answered in (
        ("client", request.client_id, response.client_id),
        ("service", request.service_id, response.service_id),
        ("userId", request.user_id, response.user_id),
        ("representedParty", request.represented_party, response.represented_party),
        ("issue", request.issue, response.issue),
        ("id", request.query_id, response.query_id),
    ):
        if asked != answered:
            raise XRoadError(
                "inconsistent_headers",
                f"The answer does not belong to the request: {name} differs",
            )


def _envelope(content: bytes) -> etree._Element:
    root = xml.parse(content, code="invalid_soap", what="The SOAP message")
    if root.tag != f"{_ENV}Envelope":
        raise XRoadError(
            "invalid_soap", f"Expected a SOAP 1.1 envelope, got {str(root.tag)[:255]!r}"
        )
    return root


def _find_fault(envelope: etree._Element) -> etree._Element | None:
    return envelope.find(f"{_ENV}Body/{_ENV}Fault")


def _read_fault(fault: etree._Element, content: bytes) -> RelayedFaultError:
    texts: dict[str, str] = {}
    for child in fault.iterchildren(tag=etree.Element):
        name = etree.QName(child).localname
        texts[name] = _fault_detail(child) if name == "detail" else _text(child)
    code = texts.get("faultcode", "").strip()[:MAX_FAULT_CODE_CHARACTERS]
    if not code:
        raise XRoadError("invalid_soap", "The SOAP fault has no faultcode")
    return RelayedFaultError(
        # The code becomes a header field of the answer to a REST client.
        "".join([c if " " <= c <= "~" else "?" for c in code]),
        texts.get("faultstring", "")[:MAX_FAULT_TEXT_CHARACTERS],
        detail=texts.get("detail", "")[:MAX_FAULT_TEXT_CHARACTERS],
        xml=content,
    )


def _fault_detail(detail: etree._Element) -> str:
    """Return the text of faultDetail, in any namespace, or else of detail itself."""
    found = ""
    for child in detail.iterchildren(tag=etree.Element):
        if etree.QName(child).localname == "faultDetail":
            found = _text(child)
    return found or _text(detail).strip()


def _read_message(envelope: etree._Element) -> SoapMessage:
    fields = _header_fields(envelope)
    body_element = _body_element(envelope)
    service_id = identifier_xml.read_service_id(fields["service"])
    if not body_element.startswith(service_id.service_code):
        raise XRoadError(
            "inconsistent_headers",
            f"The body's element {body_element[:255]!r} does not start with the "
            f"service code {service_id.service_code[:255]!r}",
        )
    server = fields.get("securityServer")
    encoding_style = envelope.get(f"{_ENV}encodingStyle")
    return SoapMessage(
        client_id=identifier_xml.read_client_id(fields["client"]),
        service_id=service_id,
        query_id=_text(fields["id"]),
        protocol_version=_protocol_version(fields["protocolVersion"]),
        body_element=body_element,
        user_id=_optional_text(fields, "userId"),
        issue=_optional_text(fields, "issue"),
        represented_party=_represented_party(fields.get("representedParty")),
        security_server=(
            None if server is None else identifier_xml.read_server_id(server)
        ),
        request_hash=_optional_text(fields, "requestHash"),
        is_rpc=encoding_style == _ENCODING_NAMESPACE,
    )


def _header_fields(envelope: etree._Element) -> dict[str, etree._Element]:
    """Return the X-Road elements of the Header, or Headers, by their names."""
    headers = envelope.findall(f"{_ENV}Header")
    if not headers:
        raise XRoadError("missing_header", "The SOAP message has no Header")
    fields: dict[str, etree._Element] = {}
    for header in headers:
        for child in header.iterchildren(tag=etree.Element):
            name = _FIELDS.get(str(child.tag))
            if name is None:
                continue
            if name in fields:
                raise XRoadError(
                    "duplicate_header_field", f"The SOAP header has {name} twice"
                )
            fields[name] = child
    for name in _REQUIRED:
        if name not in fields:
            raise XRoadError("missing_header_field", f"The SOAP header has no {name}")
    return fields


def _body_element(envelope: etree._Element) -> str:
    bodies = envelope.findall(f"{_ENV}Body")
    if not bodies:
        raise XRoadError("missing_body", "The SOAP message has no Body")
    children = [c for body in bodies for c in body.iterchildren(tag=etree.Element)]
    if len(bodies) != 1 or len(children) != 1:
        raise XRoadError(
            "invalid_body",
            "A SOAP message has one Body with one child element, "
            f"got {len(bodies)} with {len(children)}",
        )
    return etree.QName(children[0]).localname


def _protocol_version(element: etree._Element) -> str:
    version = _text(element)
    if not version.startswith("4."):
        raise XRoadError(
            "invalid_protocol_version",
            f"Message protocol {version[:32]!r} is not supported, only 4.x",
        )
    return version


def _represented_party(element: etree._Element | None) -> RepresentedParty | None:
    if element is None:
        return None
    texts: dict[str, str] = {}
    for child in element.iterchildren(tag=etree.Element):
        name = str(child.tag).removeprefix(_REPR)
        if name in texts:
            raise XRoadError(
                "duplicate_header_field", f"The representedParty has {name} twice"
            )
        texts[name] = _text(child)
    return RepresentedParty(texts.get("partyCode", ""), texts.get("partyClass"))


def _optional_text(fields: dict[str, etree._Element], name: str) -> str | None:
    element = fields.get(name)
    return None if element is None else _text(element)


def _text(element: etree._Element) -> str:
    """The element's own text; comments and processing instructions do not count."""
    return (element.text or "") + "".join([child.tail or "" for child in element])
