"""Around an ASGI application (FastAPI, Starlette, Django and others).

Source: ASGI 3.0, its HTTP specification and its TLS extension.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from kerege.exchange.provider.headers import (
    PREFIX,
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

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
_XROAD = PREFIX.encode()


class XRoadASGI:
    """Judges requests and hands on their X-Road headers (`headers_of`)."""

    def __init__(
        self,
        app: Application,
        trust: Trust,
        *,
        prefix: str = "/",
        required: bool = True,
    ) -> None:
        """Stand around ``app``; the arguments are those of `XRoadWSGI`."""
        self._app = app
        self._trust = trust
        self._prefix = prefix
        self._required = required

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        if not is_below(scope["path"], self._prefix):
            headers = scope["headers"]
            kept = [h for h in headers if not h[0].lower().startswith(_XROAD)]
            return await self._app({**scope, "headers": kept}, receive, send)
        try:
            found = checked(scope, self._trust, required=self._required)
        except NotBelievedError as error:
            return await _refuse(scope, send, error)
        return await self._app({**scope, KEY: found}, receive, send)


def checked(
    scope: Scope, trust: Trust, *, required: bool = True
) -> XRoadHeaders | None:
    """Return the headers of a request, None if there are none and need not be.

    Raises `NotBelievedError`.
    """
    if scope["type"] == "websocket":
        raise NotBelievedError("X-Road has no WebSockets", "Call the service by HTTP.")
    trust.judge(connection_of(scope))
    fields = single_fields(
        [
            (name.decode("latin-1"), readable(value))
            for name, value in scope["headers"]
            if name.lower().startswith(_XROAD)
        ]
    )
    if not required and "x-road-client" not in fields:
        return None
    return XRoadHeaders.read(fields)


def connection_of(scope: Scope) -> Connection:
    """Return what an ASGI scope says of its connection."""
    peer, listener = scope.get("client"), scope.get("server")
    tls = (scope.get("extensions") or {}).get("tls") or {}
    chain = tls.get("client_cert_chain") or ()
    return Connection(
        str(peer[0]) if peer else "",
        str(listener[0]) if listener else "",
        listener[1] if listener else None,
        der_of(chain[0]) if chain else None,
        frozenset(name.decode("latin-1").lower() for name, _ in scope["headers"]),
    )


async def _refuse(scope: Scope, send: Send, error: NotBelievedError) -> None:
    body = refusal(error)
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": STATUS, "headers": headers})
    await send({"type": "http.response.body", "body": body})
