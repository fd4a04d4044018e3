"""Operational and environmental monitoring: records, what is asked, what is answered.

Rules (PR-OPMON, ``op-monitoring.xsd``, ``monitoring.xsd`` and the JSON schemas of the
reference's `op-monitor-core`):

* A record is one message on one side; texts are cut, times are Unix times.
* The server's owner and the central monitoring client see every record and all fields;
  another client sees records where it is client or provider, without the address of
  the server inside its network.
* Records of one second are answered together or not at all.

Source: X-Road 7.8, ``doc/OperationalMonitoring``, ``doc/EnvironmentalMonitoring``.
"""

from kerege.xroad.opmonitoring._answers import (
    RECORDS_CONTENT_ID,
    RECORDS_MEDIA_TYPE,
    Attachment,
    HealthData,
    MonitoringAnswer,
    ServiceHealth,
    Spread,
    health_data_answer,
    operational_data_answer,
)
from kerege.xroad.opmonitoring._metrics import (
    SYSTEM_METRICS,
    HistogramMetric,
    Metric,
    MetricSet,
    NumericMetric,
    StringMetric,
    chosen,
    metrics_answer,
)
from kerege.xroad.opmonitoring._record import (
    CLIENT,
    COLUMNS,
    FIELDS,
    JSON_NAMES,
    MAX_FAULT_STRING_CHARACTERS,
    MAX_STRING_CHARACTERS,
    PRODUCER,
    Field,
    OperationalRecord,
    as_json,
    cut,
    payload,
    read_record,
    read_records,
    require_stored,
    stored_answer,
)
from kerege.xroad.opmonitoring._requests import (
    HEALTH_DATA,
    METRICS,
    METRICS_NAMESPACE,
    NAMESPACE,
    OPERATIONAL_DATA,
    HealthDataRequest,
    MetricsRequest,
    OperationalDataRequest,
    read_health_data_request,
    read_metrics_request,
    read_operational_data_request,
    require_available,
)

__all__ = [
    "CLIENT",
    "COLUMNS",
    "FIELDS",
    "HEALTH_DATA",
    "JSON_NAMES",
    "MAX_FAULT_STRING_CHARACTERS",
    "MAX_STRING_CHARACTERS",
    "METRICS",
    "METRICS_NAMESPACE",
    "NAMESPACE",
    "OPERATIONAL_DATA",
    "PRODUCER",
    "RECORDS_CONTENT_ID",
    "RECORDS_MEDIA_TYPE",
    "SYSTEM_METRICS",
    "Attachment",
    "Field",
    "HealthData",
    "HealthDataRequest",
    "HistogramMetric",
    "Metric",
    "MetricSet",
    "MetricsRequest",
    "MonitoringAnswer",
    "NumericMetric",
    "OperationalDataRequest",
    "OperationalRecord",
    "ServiceHealth",
    "Spread",
    "StringMetric",
    "as_json",
    "chosen",
    "cut",
    "health_data_answer",
    "metrics_answer",
    "operational_data_answer",
    "payload",
    "read_health_data_request",
    "read_metrics_request",
    "read_operational_data_request",
    "read_record",
    "read_records",
    "require_available",
    "require_stored",
    "stored_answer",
]
