"""The site's HTTP server: gunicorn, set up for an office."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from kerege.exchange.provider import LoopbackListener, MutualTLS, Trust

THREADS = 8
"""For each worker: an office has a handful of clerks; most of a request is the database."""
GRACE_SECONDS = 20
"""A request that is under way at a stop may take so long to end."""
REQUEST_SECONDS = 60
"""A worker that has not answered for so long is replaced."""


@dataclass(frozen=True, slots=True)
class MutualTLSFiles:
    """What a listener for a Security Server on another machine needs, as PEM files."""

    certificate: Path
    """The service's own."""
    key: Path
    security_server: Path
    """The Security Server's ``internal.crt``: nobody else is let in."""


class _Site(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> object:
        from kerege.portal.wsgi import application

        return application


class _Services(_Site):
    def __init__(self, options: dict[str, Any], trust: Trust) -> None:
        self._trust = trust
        super().__init__(options)

    def load(self) -> object:
        from kerege.apps.aimak.services.listener import Services

        return Services(self._trust)


def run(listen: str, *, workers: int = 1) -> None:
    """Serve the site until SIGTERM or SIGINT; does not return before."""
    _Site(_options(listen, workers, "kerege-portal")).run()


def run_services(
    listen: str, *, workers: int = 1, tls: MutualTLSFiles | None = None
) -> None:
    """Serve the register's services until SIGTERM or SIGINT.

    Args:
        listen: Address and port; without ``tls`` a loopback address.
        workers: Processes.
        tls: For a Security Server on another machine.

    Raises:
        OSError: A file cannot be read.
        ValueError: The Security Server's file has no certificate.
    """
    options = _options(listen, workers, "kerege-services")
    trust: Trust = LoopbackListener(int(listen.rpartition(":")[2]))
    if tls:
        trust = MutualTLS([tls.security_server])
        options |= {
            "certfile": str(tls.certificate),
            "keyfile": str(tls.key),
            "ca_certs": str(tls.security_server),
            "cert_reqs": ssl.CERT_REQUIRED,
        }
    _Services(options, trust).run()


def _options(listen: str, workers: int, name: str) -> dict[str, Any]:
    return {
        "bind": listen,
        "workers": workers,
        "threads": THREADS,
        "worker_class": "gthread",
        "graceful_timeout": GRACE_SECONDS,
        "timeout": REQUEST_SECONDS,
        "loglevel": "warning",
        "proc_name": name,
    }
