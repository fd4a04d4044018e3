"""The 403 for who is not believed."""

import json
import logging

from kerege.exchange.provider.trust import NotBelievedError

STATUS = 403
HEADERS = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))

_application_log = logging.getLogger("kerege.provider")
"""Of the application that is served: no event of a Security Server."""


def refusal(error: NotBelievedError) -> bytes:
    """Return the body of the answer, and note why in the application's own log.

    Neither has a value of a header, a path or a query: only addresses.
    """
    _application_log.warning("refused: %s", error.reason)
    return json.dumps({"error": error.reason, "advice": error.advice}).encode()


def is_below(path: str, prefix: str) -> bool:
    """Whether a path is ``prefix`` or below it."""
    prefix = prefix.rstrip("/")
    return path == prefix or path.startswith(prefix + "/")
