"""The settings of operational monitoring."""

from dataclasses import dataclass

from kerege.exchange.opmonitor.policy import MonitoringPolicy
from kerege.exchange.security_server.setting_options import option

_DEFAULT = MonitoringPolicy()


@dataclass(frozen=True, slots=True)
class OpMonitoringSettings:
    """Operational monitoring: a record of every message, for who may ask for it."""

    buffer_records: int = option(
        _DEFAULT.buffer_records,
        "Most records of a worker that wait to be stored; above that the oldest go. "
        "0 switches operational monitoring off.",
        reference="op-monitor-buffer.size",
    )
    store_interval_seconds: float = option(
        _DEFAULT.store_interval_seconds,
        "Time between two storings of waiting records.",
        reference="op-monitor-buffer.sending-interval-seconds",
        least=0.1,
    )
    keep_records_days: float = option(
        _DEFAULT.keep_days,
        "Older records are removed.",
        reference="op-monitor.keep-records-for-days",
    )
    available_after_seconds: int = option(
        _DEFAULT.offset_seconds,
        "Younger records are not told to other servers yet.",
        reference="op-monitor.records-available-timestamp-offset-seconds",
    )
    max_records_in_answer: int = option(
        _DEFAULT.max_records,
        "Most records in an answer, but for those of its last second.",
        reference="op-monitor.max-records-in-payload",
        least=1,
    )
    health_period_seconds: int = option(
        _DEFAULT.health_period_seconds,
        "Health data are about so many last seconds.",
        reference="op-monitor.health-statistics-period-seconds",
        least=1,
    )
    limit_metrics_of_others: bool = option(
        False,
        "Tell the central monitoring client only of the operating system and the "
        "certificates of this machine; its owner is told of all.",
        reference="env-monitor.limit-remote-data-set",
    )

    @property
    def policy(self) -> MonitoringPolicy:
        """The same for who stores and answers."""
        return MonitoringPolicy(
            buffer_records=self.buffer_records,
            store_interval_seconds=self.store_interval_seconds,
            keep_days=self.keep_records_days,
            offset_seconds=self.available_after_seconds,
            max_records=self.max_records_in_answer,
            health_period_seconds=self.health_period_seconds,
        )
