"""One HTTP request to a service that an installation has chosen, within bounds."""

import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 10
"""A job waits so long for one step; then it is tried again later."""
MAX_ANSWER_BYTES = 1_048_576
"""Time-stamps and receipts have a few kilobytes."""


class OutgoingError(Exception):
    """A service could not be asked, or refused; the text says which and why.

    Args:
        host: Who was asked, without path and password.
        why: What happened.
        status: The answer's status; 0 if there was none.
    """

    def __init__(self, host: str, why: str, status: int = 0) -> None:
        super().__init__(f"{host}: {why}")
        self.status = status


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Send a body and return the answer's.

    Redirects are not followed: an address is what the installation has chosen.

    Raises:
        OutgoingError: There is no answer, it is too long, or its status is not 2xx.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise OutgoingError(host or "the address", "it is no http or https address")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(parts.scheme, host, parts.port)
    try:
        connection.request("POST", target, body, dict(headers))
        response = connection.getresponse()
        answer = response.read(MAX_ANSWER_BYTES + 1)
    except (OSError, HTTPException) as error:
        raise OutgoingError(host, _reason(error)) from error
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        why = f"it answered with the status {response.status}"
        raise OutgoingError(host, why, response.status)
    if len(answer) > MAX_ANSWER_BYTES:
        raise OutgoingError(host, f"its answer has over {MAX_ANSWER_BYTES} bytes")
    return answer


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
    return HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
