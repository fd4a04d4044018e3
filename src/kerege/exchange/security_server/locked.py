"""A server whose token nobody has opened: it answers, and says what is missing.

Applications get status 503 with the fault ``server.clientproxy.token_not_active``.
Other servers get ``server.serverproxy.token_not_active`` as a SOAP fault, if they go so
far: without the authentication key the connection shows the certificate of port 8443,
which they have no reason to believe. For OCSP responses they are told that there are
none. The code is the reference's (`token_not_active`, `ErrorCode.java`); the status is
ours, so that balancers and monitoring see the difference.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping

from kerege.exchange.http import Handler, Request, Response, Server, serve
from kerege.exchange.security_server.http_limits import http_limits
from kerege.exchange.security_server.readiness import Problem
from kerege.exchange.security_server.runtime import new_uuid
from kerege.exchange.security_server.settings import Settings
from kerege.xroad.faults import (
    CLIENT_PROXY,
    SERVER_PROXY,
    XRoadError,
    rest_fault_body,
    rest_fault_media_type,
    soap_fault,
)

NOT_LOGGED_IN = "This server's token is not logged in"
ADVICE = "Log in with: kerege security-server login"


class LockedServer:
    """Listens in the place of a `SecurityServer`."""

    def __init__(
        self,
        settings: Settings,
        sockets: Mapping[str, socket.socket],
        context: ssl.SSLContext,
    ) -> None:
        """Do nothing yet.

        Args:
            settings: The server's.
            sockets: What to listen with, by name of the setting.
            context: For every port with TLS.
        """
        self._settings = settings
        self._sockets = sockets
        self._context = context
        self._ports: dict[str, Server] = {}

    async def start(self) -> None:
        """Listen."""
        await self._serve("client_http", self.client, None)
        await self._serve("client_https", self.client, self._context)
        await self._serve("peer", self.peer, self._context)
        await self._serve("ocsp", self.ocsp, None)

    async def stop(
        self, *, finish_seconds: float | None = None, patience_seconds: float = 0.0
    ) -> None:
        """Finish the answers under way; see `SecurityServer.stop`."""
        del patience_seconds  # who comes next is better served by the next worker
        seconds = self._settings.limits.finish_seconds
        if finish_seconds is not None:
            seconds = finish_seconds
        servers = tuple(self._ports.values())
        await asyncio.gather(*(server.close(seconds) for server in servers))
        self._ports.clear()

    def hurry(self, finish_seconds: float) -> None:
        """Take no longer than this; see `SecurityServer.hurry`."""
        for server in self._ports.values():
            server.hurry(finish_seconds)

    async def listen_also(self, name: str, sock: socket.socket) -> Callable[[], None]:
        """Accept on another socket for a port; see `SecurityServer.listen_also`."""
        server = self._ports.get(name)
        if server is not None:
            return await server.listen_also(sock)
        sock.close()
        return lambda: None

    async def problems(self) -> list[Problem]:
        """Return the one problem."""
        return [Problem(NOT_LOGGED_IN, ADVICE)]

    async def client(self, request: Request) -> Response:
        """Answer an information system."""
        fault = _fault(CLIENT_PROXY)
        if not request.target.startswith(b"/r1/"):
            return _answer(b"text/xml;charset=utf-8", fault, soap_fault(fault))
        accept = b",".join(v for n, v in request.headers if n.lower() == b"accept")
        media_type = rest_fault_media_type(accept.decode("latin-1"))
        body = rest_fault_body(fault, media_type)
        return _answer(media_type.encode(), fault, body)

    async def peer(self, request: Request) -> Response:
        """Answer another security server: a fault that it relays needs status 200."""
        del request
        headers = [(b"Content-Type", b"text/xml;charset=utf-8"), (b"SOAPAction", b"")]
        return Response(200, b"OK", headers, soap_fault(_fault(SERVER_PROXY)))

    async def ocsp(self, request: Request) -> Response:
        """Answer another security server that asks for OCSP responses."""
        del request
        return Response(503, b"Service Unavailable")

    async def _serve(
        self, name: str, handler: Handler, context: ssl.SSLContext | None
    ) -> None:
        if name in self._sockets:
            self._ports[name] = await serve(
                handler,
                None,
                0,
                ssl=context,
                limits=http_limits(self._settings),
                sock=self._sockets[name],
                add_date=True,
            )


def _fault(prefix: str) -> XRoadError:
    return XRoadError(
        f"{prefix}.token_not_active", NOT_LOGGED_IN, detail=new_uuid(), advice=ADVICE
    )


def _answer(media_type: bytes, fault: XRoadError, body: bytes) -> Response:
    headers = [(b"X-Road-Error", fault.code.encode()), (b"Content-Type", media_type)]
    return Response(503, b"Service Unavailable", headers, body)
