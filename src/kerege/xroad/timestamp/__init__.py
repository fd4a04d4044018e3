"""Time-stamps of RFC 3161: asking for one, and judging it, now or years later."""

from kerege.xroad.timestamp._exchange import read_timestamp_response, timestamp_request
from kerege.xroad.timestamp._verify import Timestamp, verify_timestamp

__all__ = [
    "Timestamp",
    "read_timestamp_response",
    "timestamp_request",
    "verify_timestamp",
]
