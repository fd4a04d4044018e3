"""Identifiers as XML elements, in headers, parameters and management requests.

Rules (``identifiers.xsd``, ``IdentifierTypeConverter.java``):

* The element's name is its user's; the codes are children in the identifiers
  namespace; attribute ``objectType``, in the same namespace, says what is named.
* Which codes a type has, and in which order they are written, is one table.
* MEMBER with a subsystem code and SUBSYSTEM without one are
  ``invalid_client_identifier``. Everything else that is wrong (no or unknown type, a
  code missing, empty, unknown or given twice) is the code that the caller names,
  ``invalid_xml`` by default. The order of the codes is not checked when reading.
"""

from typing import NamedTuple

from lxml import etree

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import (
    ClientId,
    GlobalGroupId,
    LocalGroupId,
    ObjectType,
    SecurityServerId,
    ServiceId,
    XRoadId,
)

IDENTIFIERS_NAMESPACE = "http://x-road.eu/xsd/identifiers"

_NS = f"{{{IDENTIFIERS_NAMESPACE}}}"
_OBJECT_TYPE = _NS + "objectType"
_INSTANCE = "xRoadInstance"
_MEMBER = (_INSTANCE, "memberClass", "memberCode")
_CODES: dict[ObjectType, tuple[str, ...]] = {
    ObjectType.MEMBER: _MEMBER,
    ObjectType.SUBSYSTEM: (*_MEMBER, "subsystemCode"),
    ObjectType.SERVER: (*_MEMBER, "serverCode"),
    ObjectType.SERVICE: (*_MEMBER, "subsystemCode", "serviceCode", "serviceVersion"),
    ObjectType.GLOBALGROUP: (_INSTANCE, "groupCode"),
    ObjectType.LOCALGROUP: ("groupCode",),
}
"""The codes of each type, in the order of the schema."""
_OPTIONAL = {ObjectType.SERVICE: ("subsystemCode", "serviceVersion")}


class Parts(NamedTuple):
    """What an identifier's element says, however it was parsed."""

    name: str
    """Local name of the element, for messages."""
    object_type: str | None
    codes: list[tuple[str, str]]
    """Name, as ``{namespace}local``, and text of each child."""


def read_identifier(
    element: etree._Element | Parts, *, code: str = "invalid_xml"
) -> XRoadId:
    """Read an identifier of any type.

    Args:
        element: The element with ``objectType`` and the codes, or what it says.
        code: The fault code for an element that is not an identifier.

    Raises:
        XRoadError: ``invalid_client_identifier`` if the type and the subsystem code
            do not go together, else ``code``.
    """
    parts = element if isinstance(element, Parts) else _parts_of(element)
    object_type = _object_type(parts, code)
    codes = _read_codes(parts, object_type, code)
    match object_type:
        case ObjectType.MEMBER | ObjectType.SUBSYSTEM:
            return ClientId(*_required(codes, object_type))
        case ObjectType.SERVER:
            return SecurityServerId(*_required(codes, object_type))
        case ObjectType.SERVICE:
            return _service_id(codes)
        case ObjectType.GLOBALGROUP:
            return GlobalGroupId(*_required(codes, object_type))
        case ObjectType.LOCALGROUP:
            return LocalGroupId(*_required(codes, object_type))


def read_client_id(
    element: etree._Element | Parts, *, code: str = "invalid_xml"
) -> ClientId:
    """Read a MEMBER or SUBSYSTEM. Raises as `read_identifier` does."""
    identifier = read_identifier(element, code=code)
    if not isinstance(identifier, ClientId):
        raise _unexpected(element, identifier, "MEMBER or SUBSYSTEM", code)
    return identifier


def read_service_id(
    element: etree._Element | Parts, *, code: str = "invalid_xml"
) -> ServiceId:
    """Read a SERVICE. Raises as `read_identifier` does."""
    identifier = read_identifier(element, code=code)
    if not isinstance(identifier, ServiceId):
        raise _unexpected(element, identifier, "SERVICE", code)
    return identifier


def read_server_id(
    element: etree._Element | Parts, *, code: str = "invalid_xml"
) -> SecurityServerId:
    """Read a SERVER. Raises as `read_identifier` does."""
    identifier = read_identifier(element, code=code)
    if not isinstance(identifier, SecurityServerId):
        raise _unexpected(element, identifier, "SERVER", code)
    return identifier


def write_identifier(element: etree._Element, identifier: XRoadId) -> None:
    """Put the type and the codes of ``identifier`` into an empty ``element``."""
    element.set(_OBJECT_TYPE, identifier.object_type.value)
    for name, value in codes_of(identifier):
        etree.SubElement(element, _NS + name).text = value


def codes_of(identifier: XRoadId) -> list[tuple[str, str]]:
    """Return the elements of an identifier: local names and codes, in their order."""
    names = _CODES[identifier.object_type]
    if not isinstance(identifier, ServiceId):
        return list(zip(names, identifier.codes, strict=True))
    values = (
        *identifier.client_id.member.codes,
        identifier.subsystem_code,
        identifier.service_code,
        identifier.service_version,
    )
    return [(n, v) for n, v in zip(names, values, strict=True) if v]


def _parts_of(element: etree._Element) -> Parts:
    children = element.iterchildren(tag=etree.Element)
    codes = [(str(child.tag), _text(child)) for child in children]
    return Parts(etree.QName(element).localname, element.get(_OBJECT_TYPE), codes)


def _object_type(element: Parts, code: str) -> ObjectType:
    value = element.object_type
    if value is None:
        raise XRoadError(code, f"Element {element.name} has no objectType attribute")
    try:
        return ObjectType(value)
    except ValueError:
        raise XRoadError(
            code,
            f"Element {element.name} has unknown objectType {value[:255]!r}",
            quotes=repr(value[:255]),
        ) from None


def _read_codes(element: Parts, object_type: ObjectType, code: str) -> dict[str, str]:
    codes: dict[str, str] = {}
    for tag, text in element.codes:
        name = tag.removeprefix(_NS)
        _require_known(element, name, object_type, code)
        if name in codes:
            raise XRoadError(code, f"Element {element.name} has {name} twice")
        codes[name] = text
        if not text.strip():
            raise XRoadError(code, f"Element {element.name} has an empty {name}")
    for name in _CODES[object_type]:
        if name not in codes and name not in _OPTIONAL.get(object_type, ()):
            raise _missing(element, name, object_type, code)
    return codes


def _require_known(
    element: Parts, name: str, object_type: ObjectType, code: str
) -> None:
    if name in _CODES[object_type]:
        return
    if object_type is ObjectType.MEMBER and name == "subsystemCode":
        raise XRoadError(
            "invalid_client_identifier",
            f"Element {element.name} names a MEMBER and has a subsystemCode",
        )
    raise XRoadError(
        code,
        f"Element {element.name} names a {object_type.value} "
        f"and has unexpected {name[:255]!r}",
        quotes=repr(name[:255]),
    )


def _missing(
    element: Parts, name: str, object_type: ObjectType, code: str
) -> XRoadError:
    if object_type is ObjectType.SUBSYSTEM and name == "subsystemCode":
        code = "invalid_client_identifier"
    return XRoadError(
        code, f"Element {element.name} names a {object_type.value} without {name}"
    )


def _required(codes: dict[str, str], object_type: ObjectType) -> list[str]:
    return [codes[name] for name in _CODES[object_type]]


def _service_id(codes: dict[str, str]) -> ServiceId:
    instance, member_class, member_code = (codes[name] for name in _MEMBER)
    return ServiceId(
        instance,
        member_class,
        member_code,
        codes.get("subsystemCode"),
        codes["serviceCode"],
        codes.get("serviceVersion"),
    )


def _unexpected(
    element: etree._Element | Parts, identifier: XRoadId, wanted: str, code: str
) -> XRoadError:
    name = (
        element.name if isinstance(element, Parts) else etree.QName(element).localname
    )
    return XRoadError(
        code,
        f"Element {name} must name a {wanted}, not a {identifier.object_type.value}",
    )


def _text(element: etree._Element) -> str:
    """The element's own text; comments and processing instructions do not count."""
    return (element.text or "") + "".join(child.tail or "" for child in element)
