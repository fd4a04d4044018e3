"""Tells applications under uvicorn which certificate the client showed.

uvicorn asks for it, but has no TLS extension of ASGI. Run it with this protocol::

    uvicorn.run(
        app, host="10.0.0.5", port=8443, http=PeerCertificateProtocol,
        ssl_certfile="service.crt", ssl_keyfile="service.key",
        ssl_ca_certs="internal.crt", ssl_cert_reqs=ssl.CERT_REQUIRED,
    )
"""

import asyncio
import ssl
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class PeerCertificateProtocol(H11Protocol):
    """HTTP/1.1 that fills in ``scope["extensions"]["tls"]``."""

    def connection_made(  # type: ignore[override]  # as in the base
        self, transport: asyncio.Transport
    ) -> None:
        """Take a connection."""
        super().connection_made(transport)
        self.app = _telling(self.app, _chain(transport))


def _chain(transport: asyncio.Transport) -> list[str]:
    connected = transport.get_extra_info("ssl_object")
    der = connected.getpeercert(binary_form=True) if connected else None
    return [ssl.DER_cert_to_PEM_cert(der)] if der else []


def _telling(app: Any, chain: list[str]) -> Any:  # noqa: ANN401 - as uvicorn has it
    async def application(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        extensions = {
            **scope.get("extensions", {}),
            "tls": {"client_cert_chain": chain},
        }
        await app({**scope, "extensions": extensions}, receive, send)

    return application
