"""The bounds of a server's ports, from its settings."""

from kerege.exchange.http import Limits
from kerege.exchange.security_server.settings import Settings


def http_limits(settings: Settings) -> Limits:
    """Return the bounds of every port."""
    chosen = settings.limits
    return Limits(
        head_bytes=chosen.header_bytes,
        head_seconds=chosen.header_seconds,
        idle_seconds=chosen.idle_seconds,
        body_stall_seconds=chosen.stall_seconds,
        connections=chosen.connections,
    )
