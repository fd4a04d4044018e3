"""WSDL 1.1 descriptions: the services in them, and a copy without its address.

Source: `WsdlParser.java` (ports with SOAP over HTTP, 1.1 and 1.2; the operation's
``version`` element in any namespace; imports are not followed) and
`MetadataServiceHandlerImpl.java` with `OverwriteAttributeFilter.java` (every
``soap:address`` of SOAP 1.1 gets the same made-up location).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from kerege.xroad import xml
from kerege.xroad.faults import XRoadError
from kerege.xroad.metadata._openapi import MAX_DESCRIPTION_BYTES, MAX_TEXT

SHOWN_ADDRESS = "http://example.org/xroad-endpoint"
"""Where getWsdl says that services are."""
MAX_OPERATIONS = 2000
"""Operations of one WSDL; national registers have a few hundred."""
MAX_PORTS = 200
"""Ports of one WSDL; most have one or two."""
MAX_MARKS = 500_000
"""Tags and attributes of a WSDL, counted before they take memory: 60 MB. Real ones have
one in 20 bytes, so the largest have so many."""

_WSDL_NAMESPACE = "http://schemas.xmlsoap.org/wsdl/"
_WSDL = f"{{{_WSDL_NAMESPACE}}}"
_SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"
_SOAP12 = "{http://schemas.xmlsoap.org/wsdl/soap12/}"
_HTTP_TRANSPORT = "http://schemas.xmlsoap.org/soap/http"
_WHAT = "The WSDL"


@dataclass(frozen=True, slots=True)
class WsdlOperation:
    """One operation: a service of X-Road."""

    service_code: str
    service_version: str | None
    title: str
    url: str
    """Where it is, of the port's ``soap:address``."""


@dataclass(frozen=True, slots=True)
class WsdlDescription:
    """What X-Road needs of a WSDL."""

    title: str
    operations: tuple[WsdlOperation, ...]
    """Each code and version once, in the order of the document."""
    problems: tuple[str, ...]


def anonymised_wsdl(content: bytes, *, code: str = "internal_error") -> bytes:
    """Return a WSDL whose ``soap:address`` elements have the location that is shown.

    Nothing else changes, comments included.

    Raises:
        XRoadError: ``code``, for what is not XML, or has a DOCTYPE.
    """
    return with_address(content, SHOWN_ADDRESS, code=code)


def with_address(content: bytes, location: str, *, code: str) -> bytes:
    """Return a WSDL with another location in every ``soap:address``."""
    root = _parse(content, code)
    for address in root.iter(f"{_SOAP}address"):
        if "location" in address.attrib:
            address.set("location", location)
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")


def read_wsdl(content: bytes) -> WsdlDescription:
    """Read the services of a WSDL.

    Raises:
        XRoadError: ``invalid_xml`` for what is not XML or has a DOCTYPE,
            ``validation_error`` for what is no WSDL or has no SOAP service.
    """
    root = _parse(content, "invalid_xml")
    if root.tag != f"{_WSDL}definitions":
        raise XRoadError(
            "validation_error", f"{_WHAT} does not begin with wsdl:definitions"
        )
    reader = _Reader(root)
    operations = tuple(reader.operations())
    if not operations:
        raise XRoadError(
            "validation_error", f"{_WHAT} has no service with SOAP over HTTP"
        )
    return WsdlDescription(
        title=(root.get("name") or "")[:MAX_TEXT],
        operations=operations,
        problems=tuple(reader.problems),
    )


def _parse(content: bytes, code: str) -> etree._Element:
    if len(content) > MAX_DESCRIPTION_BYTES:
        raise XRoadError(code, f"{_WHAT} is larger than {MAX_DESCRIPTION_BYTES} bytes")
    start = content.lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n")[:2]
    if b"<" not in start:  # else the count below could be deceived
        raise XRoadError(code, f"{_WHAT} does not begin as XML in Unicode does")
    if content.count(b"<") + content.count(b"=") > MAX_MARKS:
        raise XRoadError(
            code, f"{_WHAT} has more than {MAX_MARKS} elements and attributes"
        )
    return xml.parse(content, code=code, what=_WHAT)


class _Reader:
    """Finds the operations of a WSDL."""

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self._target = root.get("targetNamespace", "")
        self._bindings = _by_name(root, "binding")
        self._port_types = _by_name(root, "portType")
        self.problems: list[str] = []

    def operations(self) -> Iterator[WsdlOperation]:
        seen: set[tuple[str, str | None]] = set()
        ports = self._root.findall(f"{_WSDL}service/{_WSDL}port")
        if len(ports) > MAX_PORTS:
            raise XRoadError(
                "validation_error", f"{_WHAT} has more than {MAX_PORTS} ports"
            )
        for port in ports:
            binding = self._found(self._bindings, port, "binding")
            if binding is None or not _is_soap_over_http(binding):
                continue
            url = _address(port)
            titles = self._titles(binding)
            for operation in binding.iterfind(f"{_WSDL}operation"):
                code, version = operation.get("name", ""), _version(operation)
                if not code:
                    raise XRoadError(
                        "validation_error", f"{_WHAT} has an operation without a name"
                    )
                if (code, version) in seen:
                    continue
                seen.add((code, version))
                if len(seen) > MAX_OPERATIONS:
                    raise XRoadError(
                        "validation_error",
                        f"{_WHAT} has more than {MAX_OPERATIONS} operations",
                    )
                yield WsdlOperation(code, version, titles.get(code, ""), url)

    def _titles(self, binding: etree._Element) -> dict[str, str]:
        port_type = self._found(self._port_types, binding, "type")
        titles: dict[str, str] = {}
        if port_type is None:
            return titles
        for operation in port_type.iterfind(f"{_WSDL}operation"):
            documentation = operation.find(f"{_WSDL}documentation")
            if documentation is None:
                continue
            for child in documentation.iterchildren(tag=etree.Element):
                if etree.QName(child).localname == "title":
                    title = (child.text or "").strip()[:MAX_TEXT]
                    titles[operation.get("name", "")] = title
        return titles

    def _found(
        self, known: dict[str, etree._Element], element: etree._Element, attribute: str
    ) -> etree._Element | None:
        """Return what a qualified name of this WSDL stands for."""
        prefix, _, local = element.get(attribute, "").strip().rpartition(":")
        namespace = element.nsmap.get(prefix or None, "")
        found = known.get(local)
        if namespace != self._target or found is None:
            name = f"{prefix}:{local}" if prefix else local
            self.problems.append(f"The {attribute} {name[:255]!r} is not in this WSDL")
            return None
        return found


def _by_name(root: etree._Element, tag: str) -> dict[str, etree._Element]:
    return {one.get("name", ""): one for one in root.iterfind(f"{_WSDL}{tag}")}


def _is_soap_over_http(binding: etree._Element) -> bool:
    for child in binding.iterchildren(f"{_SOAP}binding", f"{_SOAP12}binding"):
        return child.get("transport") == _HTTP_TRANSPORT
    return False


def _address(port: etree._Element) -> str:
    for child in port.iterchildren(f"{_SOAP}address", f"{_SOAP12}address"):
        return child.get("location", "").strip()
    return ""


def _version(operation: etree._Element) -> str | None:
    for child in operation.iterchildren(tag=etree.Element):
        name = etree.QName(child)
        if name.localname == "version" and name.namespace != _WSDL_NAMESPACE:
            return (child.text or "").strip() or None
    return None
