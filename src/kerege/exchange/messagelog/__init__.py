"""The message log: signed messages, their time-stamps, archives and downloads."""

from kerege.exchange.messagelog.log import MessageLog
from kerege.exchange.messagelog.timestamp_client import TimestampClient
from kerege.exchange.messagelog.values import (
    LargeBodies,
    LogPolicy,
    LogRecord,
    Timestamper,
)
from kerege.xroad.asic import Direction

__all__ = [
    "Direction",
    "LargeBodies",
    "LogPolicy",
    "LogRecord",
    "MessageLog",
    "TimestampClient",
    "Timestamper",
]
