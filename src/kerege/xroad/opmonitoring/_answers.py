"""What monitoring answers: the one element of a SOAP body, and perhaps an attachment."""

from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from kerege.xroad.identifier_xml import IDENTIFIERS_NAMESPACE, write_identifier
from kerege.xroad.identifiers import ServiceId
from kerege.xroad.opmonitoring._requests import (
    HEALTH_DATA,
    NAMESPACE,
    OPERATIONAL_DATA,
)

RECORDS_CONTENT_ID = "operational-monitoring-data.json.gz"
"""Of the attachment: ``<...>`` in its ``Content-ID``, after ``cid:`` in the body."""
RECORDS_MEDIA_TYPE = "application/gzip"

_NS = f"{{{NAMESPACE}}}"
_NAMESPACES = {"om": NAMESPACE, "id": IDENTIFIERS_NAMESPACE}


@dataclass(frozen=True, slots=True)
class Attachment:
    """Content beside the SOAP message."""

    content_id: str
    """Without angle brackets."""
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class MonitoringAnswer:
    """What goes into the answer's body, and beside it."""

    body: bytes
    """One element, in UTF-8, with its namespace declarations."""
    attachment: Attachment | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """How a quantity of several messages was spread."""

    minimum: int
    average: float
    maximum: int
    deviation: float
    """The standard deviation."""


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """How a service does that this server provides."""

    service_id: ServiceId
    successful: int
    """Messages of the period."""
    unsuccessful: int
    service_type: str | None = None
    last_successful: int | None = None
    """Milliseconds since 1970, when its answer left."""
    last_unsuccessful: int | None = None
    duration: Spread | None = None
    """Milliseconds; this and the sizes are of successful messages of the period."""
    request_size: Spread | None = None
    """Bytes."""
    response_size: Spread | None = None


@dataclass(frozen=True, slots=True)
class HealthData:
    """How the services of a server do."""

    started: int
    """Milliseconds since 1970, when monitoring began."""
    period_seconds: int
    services: tuple[ServiceHealth, ...] = ()


def operational_data_answer(
    count: int, payload_gzip: bytes, next_records_from: int | None
) -> MonitoringAnswer:
    """Return records as an answer.

    Args:
        count: How many records.
        payload_gzip: Their JSON, compressed.
        next_records_from: Where the next request goes on, in seconds since 1970; None
            if there is nothing more.
    """
    root = _root(OPERATIONAL_DATA)
    _add(root, "recordsCount", count)
    _add(root, "records", f"cid:{RECORDS_CONTENT_ID}")
    if next_records_from is not None:
        _add(root, "nextRecordsFrom", next_records_from)
    attachment = Attachment(RECORDS_CONTENT_ID, RECORDS_MEDIA_TYPE, payload_gzip)
    return MonitoringAnswer(etree.tostring(root, encoding="UTF-8"), attachment)


def health_data_answer(health: HealthData) -> MonitoringAnswer:
    """Return health data as an answer."""
    root = _root(HEALTH_DATA)
    _add(root, "monitoringStartupTimestamp", health.started)
    _add(root, "statisticsPeriodSeconds", health.period_seconds)
    _add_services(etree.SubElement(root, f"{_NS}servicesEvents"), health.services)
    return MonitoringAnswer(etree.tostring(root, encoding="UTF-8"))


def _add_services(parent: etree._Element, services: Iterable[ServiceHealth]) -> None:
    for service in services:
        element = etree.SubElement(parent, f"{_NS}serviceEvents")
        identifier = etree.SubElement(element, f"{_NS}service")
        write_identifier(identifier, service.service_id)
        _add(element, "lastSuccessfulRequestTimestamp", service.last_successful)
        _add(element, "lastUnsuccessfulRequestTimestamp", service.last_unsuccessful)
        _add(element, "serviceType", service.service_type)
        statistics = etree.SubElement(element, f"{_NS}lastPeriodStatistics")
        _add(statistics, "successfulRequestCount", service.successful)
        _add(statistics, "unsuccessfulRequestCount", service.unsuccessful)
        _add_spread(statistics, "request", "Duration", service.duration)
        _add_spread(statistics, "request", "Size", service.request_size)
        _add_spread(statistics, "response", "Size", service.response_size)


def _add_spread(
    parent: etree._Element, whose: str, what: str, spread: Spread | None
) -> None:
    if spread is not None:
        _add(parent, f"{whose}Min{what}", spread.minimum)
        _add(parent, f"{whose}Average{what}", spread.average)
        _add(parent, f"{whose}Max{what}", spread.maximum)
        _add(parent, f"{whose}{what}StdDev", spread.deviation)


def _root(code: str) -> etree._Element:
    return etree.Element(f"{_NS}{code}Response", nsmap=_NAMESPACES)


def _add(parent: etree._Element, name: str, value: float | str | None) -> None:
    if value is not None:
        etree.SubElement(parent, _NS + name).text = str(value)
