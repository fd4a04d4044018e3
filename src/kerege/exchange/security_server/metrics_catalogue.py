"""Every metric that a server tells Prometheus, and what it means.

Names, units and suffixes follow Prometheus' conventions: seconds and bytes, ``_total``
for what only grows, an instant as Unix seconds under ``_timestamp_seconds``.
`docs/reference/metrics.md` is made from this module.

No personal data: identifiers of members and services, and codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds in seconds. A message takes some 10 ms by itself; services take what
they take."""


class Kind(Enum):
    """Prometheus' types, as its text format spells them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric."""

    name: str
    kind: Kind
    help: str
    """One sentence, without a full stop."""
    labels: tuple[str, ...] = ()
    is_sum: bool = False
    """A gauge of which each worker has its part; of others the newest value counts."""


def _counter(name: str, help_text: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, help_text, labels)


def _gauge(name: str, help_text: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, help_text, labels)


def _parts(name: str, help_text: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, help_text, labels, is_sum=True)


GROUPS: Mapping[str, tuple[Metric, ...]] = {
    "Messages": (
        _counter(
            "kerege_messages_total",
            "Messages that passed or were refused; verdict is a class of statuses "
            "(2xx to 5xx) or fault, and then code says which",
            "side",
            "verdict",
            "code",
        ),
        _counter(
            "kerege_messages_by_service_total",
            "The same by service; result is passed or fault",
            "side",
            "service",
            "result",
        ),
        _counter(
            "kerege_messages_by_client_total",
            "The same by the subsystem that asked; result is passed or fault",
            "side",
            "client",
            "result",
        ),
        Metric(
            "kerege_message_duration_seconds",
            Kind.HISTOGRAM,
            "Time from a request's head to its answer, the other server and the "
            "service included",
            ("side",),
        ),
        _counter(
            "kerege_message_body_bytes_total",
            "Bytes of messages' bodies; part is request or response",
            "side",
            "part",
        ),
        _counter(
            "kerege_messages_over_limit_total",
            "Messages that were refused because their client asked for more than it "
            "may; limit is rate, at_once, request_size or answer_size",
            "side",
            "client",
            "limit",
        ),
        _counter(
            "kerege_operational_records_stored_total",
            "Records of operational monitoring that were stored",
        ),
        _counter(
            "kerege_operational_records_dropped_total",
            "Records of operational monitoring that are lost, because too many waited "
            "for the database",
        ),
        _counter(
            "kerege_replayed_messages_total",
            "Messages from other servers that had been seen before; outcome is "
            "accepted or refused",
            "outcome",
        ),
    ),
    "Connections": (
        _parts(
            "kerege_open_connections",
            "Connections open now, by the name of the port's setting",
            "port",
        ),
        _counter(
            "kerege_http_refusals_total",
            "Requests that never became messages: headers too large or too slow, a "
            "body that stalls, too many connections, malformed HTTP",
            "port",
            "reason",
        ),
        _counter(
            "kerege_tls_handshakes_failed_total",
            "Connections that ended before TLS was agreed on: a certificate that is "
            "missing, a version or suite that is not allowed, silence, or no TLS at all",
            "port",
        ),
    ),
    "Message log and time-stamps": (
        _parts(
            "kerege_message_log_uncommitted_records",
            "Records that wait for their commit",
        ),
        _gauge(
            "kerege_message_log_unstamped_records",
            "Records that wait for a time-stamp, counted up to 100000",
        ),
        _gauge(
            "kerege_message_log_oldest_unstamped_age_seconds",
            "Age of the oldest record that waits for a time-stamp; 0 if none does",
        ),
        _gauge(
            "kerege_timestamping_last_success_timestamp_seconds",
            "When a time-stamp last came; missing if none ever did",
        ),
        _gauge(
            "kerege_timestamping_failing_seconds",
            "For how long time-stamping has been failing; 0 if it works",
        ),
        _gauge("kerege_database_size_bytes", "Size of the database"),
        _gauge(
            "kerege_disk_free_bytes",
            "Space that is left where this folder is",
            "folder",
        ),
    ),
    "Certificates and configuration": (
        _gauge(
            "kerege_certificate_expiry_timestamp_seconds",
            "When a certificate of this server expires; use is authentication or "
            "signing, owner the server or the member",
            "use",
            "owner",
            "serial",
        ),
        _gauge(
            "kerege_ocsp_response_issued_timestamp_seconds",
            "When the OCSP response in use was issued",
            "subject",
            "serial",
        ),
        _gauge(
            "kerege_ocsp_response_expiry_timestamp_seconds",
            "When the OCSP response in use ends; 0 if there is none",
            "subject",
            "serial",
        ),
        _gauge(
            "kerege_global_configuration_expiry_timestamp_seconds",
            "When the global configuration expires",
            "instance",
        ),
        _gauge(
            "kerege_global_configuration_last_success_timestamp_seconds",
            "When the global configuration was last downloaded",
            "instance",
        ),
    ),
    "Processes": (
        _gauge("kerege_workers", "Worker processes that run"),
        _counter(
            "kerege_worker_restarts_total",
            "Workers that ended by themselves and were started again",
        ),
        _gauge(
            "kerege_token_active",
            "1 if the token is logged in; without, every message is refused",
        ),
        _counter("kerege_process_cpu_seconds_total", "CPU time of the workers"),
        _parts("kerege_process_resident_memory_bytes", "Memory of the workers"),
        _parts("kerege_process_open_files", "Open files and sockets of the workers"),
        _gauge(
            "kerege_state_timestamp_seconds",
            "When a worker last looked at what is measured rather than counted",
        ),
        _gauge(
            "kerege_build_info",
            "Always 1; the version is in the labels",
            "version",
            "protocol",
        ),
    ),
}
"""As the reference shows them: title, metrics."""
METRICS: Mapping[str, Metric] = {
    metric.name: metric for group in GROUPS.values() for metric in group
}
"""By name."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A gauge's value now."""

    name: str
    value: float
    labels: tuple[str, ...] = ()
    """In the order of the metric's label names."""
