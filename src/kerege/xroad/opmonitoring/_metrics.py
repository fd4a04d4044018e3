"""Metrics of a server's environment, and the answer that carries them.

Source: ``monitoring.xsd``, ``ProxyMonitorServiceHandlerImpl.java``.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from lxml import etree

from kerege.xroad.identifiers import SecurityServerId
from kerege.xroad.opmonitoring._answers import MonitoringAnswer
from kerege.xroad.opmonitoring._requests import METRICS, METRICS_NAMESPACE

SYSTEM_METRICS = "systemMetrics"
"""The set whose metrics a request may name."""

_NS = f"{{{METRICS_NAMESPACE}}}"


@dataclass(frozen=True, slots=True)
class StringMetric:
    """A text."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class NumericMetric:
    """A number."""

    name: str
    value: int | Decimal


@dataclass(frozen=True, slots=True)
class HistogramMetric:
    """What was measured from time to time."""

    name: str
    updated: datetime
    """With its time zone."""
    minimum: float
    maximum: float
    mean: float
    median: float
    deviation: float
    """The standard deviation."""


@dataclass(frozen=True, slots=True)
class MetricSet:
    """Metrics under one name; sets too."""

    name: str
    metrics: "tuple[Metric, ...]"


Metric: TypeAlias = StringMetric | NumericMetric | HistogramMetric | MetricSet


def chosen(metrics: MetricSet, names: Collection[str]) -> MetricSet:
    """Return the metrics of a set that have one of these names; all if there is none."""
    if not names:
        return metrics
    found = tuple(metric for metric in metrics.metrics if metric.name in names)
    return MetricSet(metrics.name, found)


def metrics_answer(
    server: SecurityServerId, proxy_version: str, *sets: MetricSet
) -> MonitoringAnswer:
    """Return metrics as an answer.

    Args:
        server: Whose metrics these are.
        proxy_version: The version of the protocol that it speaks.
        sets: What was measured; empty ones are left out, as the schema demands.
    """
    root = etree.Element(f"{_NS}{METRICS}Response", nsmap={"m": METRICS_NAMESPACE})
    top = MetricSet(str(server), (StringMetric("proxyVersion", proxy_version), *sets))
    _write(root, top)
    return MonitoringAnswer(etree.tostring(root, encoding="UTF-8"))


def _write(parent: etree._Element, metric: Metric) -> None:
    if isinstance(metric, MetricSet):
        if metric.metrics:
            _add_set(parent, metric)
        return
    kind = {
        StringMetric: "stringMetric",
        NumericMetric: "numericMetric",
        HistogramMetric: "histogramMetric",
    }[type(metric)]
    element = etree.SubElement(parent, _NS + kind)
    for name, value in _values(metric):
        etree.SubElement(element, _NS + name).text = value


def _add_set(parent: etree._Element, metrics: MetricSet) -> None:
    element = etree.SubElement(parent, f"{_NS}metricSet")
    etree.SubElement(element, f"{_NS}name").text = metrics.name
    for metric in metrics.metrics:
        _write(element, metric)


def _values(
    metric: StringMetric | NumericMetric | HistogramMetric,
) -> Iterator[tuple[str, str]]:
    yield "name", metric.name
    if not isinstance(metric, HistogramMetric):
        yield "value", str(metric.value)
        return
    yield "updated", metric.updated.isoformat(timespec="milliseconds")
    for name, value in (
        ("min", metric.minimum),
        ("max", metric.maximum),
        ("mean", metric.mean),
        ("median", metric.median),
        ("stddev", metric.deviation),
    ):
        yield name, f"{Decimal(repr(value)):f}"  # xs:decimal has no exponent
