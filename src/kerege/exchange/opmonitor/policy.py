"""How operational monitoring keeps and tells its records; the reference's defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MonitoringPolicy:
    """The settings, as far as storing and answering go."""

    buffer_records: int = 20_000
    """Most records that wait to be stored; 0 switches operational monitoring off."""
    store_interval_seconds: float = 1.0
    """How often waiting records are stored."""
    keep_days: float = 7.0
    """Older records are removed."""
    offset_seconds: int = 60
    """Records younger than this are not told to other servers: some may not be there
    yet."""
    max_records: int = 10_000
    """Most records in an answer, but for those of its last second."""
    health_period_seconds: int = 600
    """What health data are about."""
