"""Operational monitoring of a running server: its parts, put together."""

import socket
from collections.abc import Callable
from datetime import datetime

from kerege.exchange.opmonitor.storing import MonitoringStore
from kerege.exchange.security_server.operational import OperationalRecorder
from kerege.exchange.security_server.runtime import PROXY_VERSION
from kerege.exchange.security_server.settings import Settings, split_address
from kerege.exchange.storage import Database
from kerege.exchange.storage.server_configuration import ServerConfiguration
from kerege.xroad.globalconf import GlobalConf

UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 - what the reference records then
_ELSEWHERE = ("192.0.2.1", 9)
"""An address of nobody (RFC 5737): the kernel is asked how it would go there."""


class Monitoring:
    """What records messages, and keeps the records."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        configuration: Callable[[], GlobalConf],
        rights: Callable[[], ServerConfiguration],
        clock: Callable[[], datetime],
    ) -> None:
        """Keep records in ``database``, which the caller closes."""
        policy = settings.op_monitoring.policy
        self.store = MonitoringStore(database, policy, clock)
        self.recorder: OperationalRecorder | None = None
        """None if operational monitoring is switched off."""
        if policy.buffer_records:
            self.recorder = OperationalRecorder(
                self.store.buffer.add,
                settings.server_id,
                configuration,
                rights,
                PROXY_VERSION,
                internal_address(settings.listen.peer),
            )


def internal_address(listening: str) -> str:
    """Return this machine's address inside its network.

    Args:
        listening: Where other servers connect, ``host:port``; if that is one address,
            it is this. Nothing is sent to find another one.
    """
    host = split_address(listening)[0] if listening else ""
    if _is_one_address(host):
        return host
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.connect(_ELSEWHERE)
            return str(asking.getsockname()[0])
    except OSError:
        return UNKNOWN_ADDRESS


def _is_one_address(host: str) -> bool:
    try:
        return socket.inet_aton(host) != bytes(4)
    except OSError:
        return False
