"""What can go wrong on a connection, and whose fault it is.

    HttpError
     +-- ConnectFailed    no connection: no such host, refused, no route, TLS, too slow
     +-- PeerClosed       the peer closed or reset the connection in the middle
     +-- TimedOut         the peer stopped moving
     +-- BadMessage       the peer broke HTTP/1.1, or one of our bounds
     +-- BodyTooLarge     the body is longer than the reader wants

Names say what happened; that is why they do not end in Error.
"""

from typing import Literal

ConnectFailure = Literal[
    "unknown_host", "network", "tls", "timeout", "exhausted", "forbidden"
]
"""Why a connection could not be made: the name does not resolve; nobody answers at the
address; the handshake failed; it took too long; we have too many connections; all
addresses of the name are ones that may not be connected to."""


class HttpError(Exception):
    """The exchange of one message over HTTP failed. Always one of the children."""


class ConnectFailed(HttpError):  # noqa: N818  see the module
    """No connection could be made; nothing was sent."""

    def __init__(self, message: str, *, why: ConnectFailure = "network") -> None:
        super().__init__(message)
        self.why: ConnectFailure = why


class PeerClosed(HttpError):  # noqa: N818  see the module
    """The peer closed or reset the connection before the message was complete."""


class TimedOut(HttpError):  # noqa: N818  see the module
    """The peer sent nothing, or took nothing, for longer than allowed."""


class BadMessage(HttpError):  # noqa: N818  see the module
    """The peer sent something that is not HTTP/1.1, or is larger than our bounds."""


class BodyTooLarge(HttpError):  # noqa: N818  see the module
    """The body is longer than the limit that the reader named."""
