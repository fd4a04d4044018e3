"""The site's HTTP server: gunicorn, set up for an office."""

from typing import Any

from gunicorn.app.base import BaseApplication

THREADS = 8
"""For each worker: an office has a handful of clerks; most of a request is the database."""
GRACE_SECONDS = 20
"""A request that is under way at a stop may take so long to end."""
REQUEST_SECONDS = 60
"""A worker that has not answered for so long is replaced."""


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


def run(listen: str, *, workers: int = 1) -> None:
    """Serve until SIGTERM or SIGINT; does not return before."""
    _Site(
        {
            "bind": listen,
            "workers": workers,
            "threads": THREADS,
            "worker_class": "gthread",
            "graceful_timeout": GRACE_SECONDS,
            "timeout": REQUEST_SECONDS,
            "loglevel": "warning",
            "proc_name": "kerege-portal",
        }
    ).run()
