"""Downloads on the client side's ports: `/verificationconf` (and `/asic`).

Source: ug-sigdoc, `AsicContainerClientRequestProcessor.java`. Errors are plain text.
"""

import io
import json
import zipfile
from collections.abc import Awaitable, Callable

from kerege.exchange.configuration import configuration_files
from kerege.exchange.http import Request, Response
from kerege.exchange.messagelog import MessageLog
from kerege.exchange.security_server.runtime import Runtime


class Downloads:
    """Answers downloads."""

    def __init__(self, runtime: Runtime, log: MessageLog) -> None:
        """Serve from the log and the global configuration of ``runtime``."""
        self._runtime = runtime
        self._log = log

    def by_path(self) -> dict[bytes, Callable[[Request], Awaitable[Response]]]:
        """Return the handlers by path."""
        return {}


__all__ = ["Downloads", "configuration_files", "io", "json", "zipfile"]
