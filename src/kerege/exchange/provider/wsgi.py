"""Around a WSGI application (Flask, Django and others). Source: PEP 3333."""

import ssl
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from kerege.exchange.provider.headers import (
    XRoadHeaders,
    readable,
    single_fields,
)
from kerege.exchange.provider.refusal import HEADERS, STATUS, is_below, refusal
from kerege.exchange.provider.trust import (
    Connection,
    NotBelievedError,
    Trust,
    der_of,
)
from kerege.exchange.provider.views import KEY

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
_HEADER = "HTTP_"
_XROAD = "HTTP_X_ROAD_"
_SOCKETS = ("gunicorn.socket", "werkzeug.socket")
"""Where servers leave the connection's own socket: it cannot be mistaken."""


class XRoadWSGI:
    """Judges requests and hands on their X-Road headers (`headers_of`)."""

    def __init__(
        self,
        application: Application,
        trust: Trust,
        *,
        prefix: str = "/",
        required: bool = True,
    ) -> None:
        """Stand around ``application``.

        Args:
            application: Gets what is believed.
            trust: Which connections are the Security Server's.
            prefix: Judge only paths below it; others are passed on, without any
                X-Road header.
            required: Refuse requests without X-Road headers; not for SOAP, whose
                headers are in the envelope.
        """
        self._application = application
        self._trust = trust
        self._prefix = prefix
        self._required = required

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if not is_below(path, self._prefix):
            for name in [name for name in environ if name.startswith(_XROAD)]:
                del environ[name]
            return self._application(environ, start_response)
        try:
            environ[KEY] = checked(environ, self._trust, required=self._required)
        except NotBelievedError as error:
            start_response(f"{STATUS} Forbidden", list(HEADERS))
            return [refusal(error)]
        return self._application(environ, start_response)


def checked(
    environ: Environ, trust: Trust, *, required: bool = True
) -> XRoadHeaders | None:
    """Return the headers of a request, None if there are none and need not be.

    Raises `NotBelievedError`.
    """
    trust.judge(connection_of(environ))
    fields = single_fields(
        [
            (name.removeprefix(_HEADER).replace("_", "-"), _text(value))
            for name, value in environ.items()
            if name.startswith(_XROAD) and isinstance(value, str)
        ]
    )
    if not required and "x-road-client" not in fields:
        return None
    return XRoadHeaders.read(fields)


def connection_of(environ: Environ) -> Connection:
    """Return what a WSGI environment says of its connection."""
    names = (name for name in environ if name.startswith(_HEADER))
    headers = frozenset(
        name.removeprefix(_HEADER).replace("_", "-").lower() for name in names
    )
    peer, listener = environ.get("REMOTE_ADDR", ""), environ.get("SERVER_NAME", "")
    port = environ.get("SERVER_PORT", "")
    connected = next((environ[name] for name in _SOCKETS if name in environ), None)
    if connected is not None:
        peer, listener, port = _ends_of(connected)
    elif not listener.replace(".", "").isdigit() and ":" not in listener:
        listener = ""  # a name: it does not say which address was reached
    return Connection(
        peer,
        listener,
        int(port) if str(port).isdecimal() else None,
        _certificate(environ, connected),
        headers,
    )


def _ends_of(connected: Any) -> tuple[str, str, str]:  # noqa: ANN401 - a socket, or what wraps it
    """Return both addresses of a socket; empty for those that have none."""
    try:
        peer, listener = connected.getpeername(), connected.getsockname()
    except OSError:
        return "", "", ""
    if not isinstance(peer, tuple) or not isinstance(listener, tuple):
        return "", "", ""
    return str(peer[0]), str(listener[0]), str(listener[1])


def _certificate(environ: Environ, connected: object) -> bytes | None:
    """Return the client's certificate, from the socket or from Apache's mod_ssl."""
    if isinstance(connected, ssl.SSLSocket):
        return connected.getpeercert(binary_form=True)
    return der_of(environ.get("SSL_CLIENT_CERT", ""))


def _text(value: str) -> str:
    return readable(value.encode("latin-1", errors="replace"))
