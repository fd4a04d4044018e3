"""Monitoring of a running server, operational and environmental: its parts together."""

import socket
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes

from kerege.exchange.opmonitor.answering import About, MonitoringServices
from kerege.exchange.opmonitor.environment import CertificateInfo, Environment
from kerege.exchange.opmonitor.storing import MonitoringStore
from kerege.exchange.security_server.known_names import KnownNames
from kerege.exchange.security_server.monitoring_pages import MonitoringPages
from kerege.exchange.security_server.monitoring_service import MonitoringService
from kerege.exchange.security_server.operational import OperationalRecorder
from kerege.exchange.security_server.runtime import PROXY_VERSION, ServerKeys
from kerege.exchange.security_server.settings import Settings, split_address
from kerege.exchange.security_server.turns import Turns
from kerege.exchange.storage import Database
from kerege.exchange.storage.server_configuration import ServerConfiguration
from kerege.xroad.globalconf import GlobalConf

UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 - what the reference records then
_ELSEWHERE = ("192.0.2.1", 9)
"""An address of nobody (RFC 5737): the kernel is asked how it would go there."""


class Monitoring:
    """What records messages, keeps the records, measures the machine, and answers."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        configuration: Callable[[], GlobalConf],
        rights: Callable[[], ServerConfiguration],
        clock: Callable[[], datetime],
        keys: ServerKeys,
    ) -> None:
        """Keep records in ``database``, which the caller closes."""
        policy = settings.op_monitoring.policy
        self.store = MonitoringStore(database, policy, clock)
        self.environment = Environment(
            lambda: _certificates(keys),
            clock,
            limits_others=settings.op_monitoring.limit_metrics_of_others,
        )
        started = server_started(settings, clock())
        about = About(
            settings.server_id,
            started,
            PROXY_VERSION,
            clock,
            lambda: configuration().monitoring_client,
            self.environment.metrics,
            lambda service: rights().service(service) is not None,
        )
        names = KnownNames(configuration, rights)
        self.pages = MonitoringPages(database, policy, clock, names, started)
        self.service = MonitoringService(MonitoringServices(database, policy, about))
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

    def start(
        self,
        run: Callable[[Coroutine[Any, Any, None]], None],
        turns: Turns,
        count: Callable[[str, float], None],
    ) -> None:
        """Begin to store, to clean and to measure.

        Args:
            run: Keeps a task for as long as the server runs.
            turns: Jobs that one process of a server does.
            count: Adds to a counter of the metrics.
        """
        self.store.count = count
        run(self.store.run())
        run(self.environment.run())
        turns.add(lead=self.store.clean)


def _certificates(keys: ServerKeys) -> Iterator[CertificateInfo]:
    found = [(certificate, "AUTH") for certificate in keys.authentication_chain[:1]]
    found += [(signer.certificate, "SIGN") for signer in keys.signers.values()]
    for certificate, kind in found:
        yield CertificateInfo(
            certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303 - a name
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            kind,
        )


def server_started(settings: Settings, now: datetime) -> datetime:
    """Return since when the server runs, reloads and new workers not counted.

    Its lock was taken then; who has no lock begins now.
    """
    try:
        taken = settings.lock_file.stat().st_mtime
    except OSError:
        return now
    return min(datetime.fromtimestamp(taken, UTC), now)


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
