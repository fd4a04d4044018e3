"""What monitoring is asked: the bodies of three SOAP requests.

Rules (``op-monitoring.xsd``, ``OperationalDataRequestHandler.java``):

* What the schema does not allow is ``client.invalid_request``. Here that also is a
  missing ``searchCriteria``, over which the reference stumbles with an internal error.
* Both ends of the time belong to it. It may end in the future, but not begin where
  records are not available yet.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from lxml import etree

from kerege.xroad import xml
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifier_xml import read_client_id
from kerege.xroad.identifiers import ClientId
from kerege.xroad.opmonitoring._record import (
    FIELDS,
    MAX_INTEGER,
    MAX_STRING_CHARACTERS,
    require_known_fields,
)

OPERATIONAL_DATA = "getSecurityServerOperationalData"
HEALTH_DATA = "getSecurityServerHealthData"
METRICS = "getSecurityServerMetrics"

NAMESPACE = "http://x-road.eu/xsd/op-monitoring.xsd"
METRICS_NAMESPACE = "http://x-road.eu/xsd/monitoring"
MAX_METRIC_NAMES = 1000
"""Names in a request for metrics; servers have some dozens."""

_ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
_NS = f"{{{NAMESPACE}}}"
_CODE = "client.invalid_request"

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class OperationalDataRequest:
    """Which records are asked for."""

    records_from: int
    """Seconds since 1970."""
    records_to: int
    """The last second that belongs to it."""
    provider: ClientId | None = None
    """Only messages to services of this one."""
    output_fields: frozenset[str] = field(default_factory=frozenset)
    """Names of JSON; none means all."""


@dataclass(frozen=True, slots=True)
class HealthDataRequest:
    """Whose services' health is asked for."""

    provider: ClientId | None = None
    """Only this one's services; None means all."""


@dataclass(frozen=True, slots=True)
class MetricsRequest:
    """Which metrics are asked for."""

    names: frozenset[str] = field(default_factory=frozenset)
    """None means all."""


def read_operational_data_request(content: bytes) -> OperationalDataRequest:
    """Read the request in a SOAP message.

    Args:
        content: The SOAP message, whose header somebody else reads.

    Raises:
        XRoadError: ``client.invalid_request`` if the body does not fit the schema or
            names an unknown field; ``invalid_soap`` if it is no SOAP message.
    """
    children = _children(_body_element(content, OPERATIONAL_DATA))
    criteria = _needed(children, "searchCriteria", _children)
    request = OperationalDataRequest(
        records_from=_needed(criteria, "recordsFrom", _integer),
        records_to=_needed(criteria, "recordsTo", _integer),
        provider=_maybe(criteria, "client", _client),
        output_fields=_maybe(children, "outputSpec", _names) or frozenset(),
    )
    _require_nothing_else(criteria)
    _require_nothing_else(children)
    require_known_fields(request.output_fields)
    return request


def read_health_data_request(content: bytes) -> HealthDataRequest:
    """Read the request in a SOAP message; raises as for operational data."""
    children = _children(_body_element(content, HEALTH_DATA))
    criteria = _maybe(children, "filterCriteria", _children) or {}
    request = HealthDataRequest(_maybe(criteria, "client", _client))
    _require_nothing_else(criteria)
    _require_nothing_else(children)
    return request


def read_metrics_request(content: bytes) -> MetricsRequest:
    """Read the request in a SOAP message.

    Only ``outputField`` elements matter, wherever they are, as in the reference: its
    own test asks with a body of another namespace.

    Raises:
        XRoadError: ``client.invalid_request`` if there are too many or one is empty;
            ``invalid_soap`` if it is no SOAP message.
    """
    body = _body_element(content)
    found = set()
    for element in body.iter(f"{{{METRICS_NAMESPACE}}}outputField"):
        found.add(_name(element))
        if len(found) > MAX_METRIC_NAMES:
            raise XRoadError(_CODE, f"More than {MAX_METRIC_NAMES} metrics are named")
    return MetricsRequest(frozenset(found))


def require_available(request: OperationalDataRequest, available_before: int) -> None:
    """Check the time of a request.

    Args:
        request: What is asked.
        available_before: The first second whose records may not all be stored yet.

    Raises:
        XRoadError: ``client.invalid_request``.
    """
    if request.records_from < 0:
        raise XRoadError(_CODE, "Records from timestamp is a negative number")
    if request.records_to < 0:
        raise XRoadError(_CODE, "Records to timestamp is a negative number")
    if request.records_to < request.records_from:
        raise XRoadError(
            _CODE, "Records to timestamp is earlier than records from timestamp"
        )
    if request.records_from >= available_before:
        raise XRoadError(
            _CODE, f"Records not available from {request.records_from} yet"
        )


def _body_element(content: bytes, name: str | None = None) -> etree._Element:
    envelope = xml.parse(content, code="invalid_soap", what="The SOAP message")
    element = envelope.find(f"{_ENVELOPE}Body/*")
    if element is None:
        raise XRoadError("invalid_soap", "The SOAP message has nothing in its Body")
    if name is not None and element.tag != _NS + name:
        raise XRoadError(
            _CODE, f"The body must be {name} of the namespace {NAMESPACE!r}"
        )
    return element


def _children(element: etree._Element) -> "dict[str, etree._Element]":
    """Return children by name; what is read is taken out of them."""
    found: dict[str, etree._Element] = {}
    for child in element.iterchildren(tag=etree.Element):
        name = str(child.tag).removeprefix(_NS)
        if name in found:
            raise _of(child, "is there twice")
        found[name] = child
    return found


def _maybe(
    children: "dict[str, etree._Element]",
    name: str,
    read: Callable[[etree._Element], Read],
) -> Read | None:
    element = children.pop(name, None)
    return None if element is None else read(element)


def _needed(
    children: "dict[str, etree._Element]",
    name: str,
    read: Callable[[etree._Element], Read],
) -> Read:
    element = children.pop(name, None)
    if element is None:
        raise XRoadError(_CODE, f"{name} is missing")
    return read(element)


def _require_nothing_else(children: "dict[str, etree._Element]") -> None:
    for element in children.values():
        raise _of(element, "is not expected here")


def _integer(element: etree._Element) -> int:
    text = _text(element).strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19):
        raise _of(element, "is not an integer")
    value = int(text)
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise _of(element, "is too large")
    return value


def _client(element: etree._Element) -> ClientId:
    try:
        return read_client_id(element)
    except XRoadError as error:
        raise XRoadError(_CODE, error.message) from error


def _names(element: etree._Element) -> frozenset[str]:
    names = set()
    for child in element.iterchildren(tag=etree.Element):
        if child.tag != f"{_NS}outputField":
            raise _of(child, "is not expected here")
        names.add(_text(child).strip())
        if len(names) > len(FIELDS):
            break  # one of them is unknown, and will be named
    return frozenset(names)


def _name(element: etree._Element) -> str:
    name = _text(element).strip()
    if not name:
        raise XRoadError(_CODE, "An outputField is empty")
    return name[:MAX_STRING_CHARACTERS]


def _of(element: etree._Element, problem: str) -> XRoadError:
    name = _shown(element)
    return XRoadError(_CODE, f"{name} {problem}", quotes=name)


def _shown(element: etree._Element) -> str:
    return etree.QName(element).localname[:MAX_STRING_CHARACTERS]


def _text(element: etree._Element) -> str:
    """The element's own text; comments and processing instructions do not count."""
    return (element.text or "") + "".join([child.tail or "" for child in element])
