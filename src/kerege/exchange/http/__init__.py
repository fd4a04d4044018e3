"""HTTP/1.1 for the message path: a server and a pooling client, on httptools.

Why our own: on the four hops of an exchange a general framework costs more processor
time than all RSA (docs/adr/0003). What it does, it does strictly; what it does not do
(cookies, redirects, proxies, compression, HTTP/2, trailers) the message path does not
need. `kerege.exchange.fetching` puts redirects on top, for the little that a server
fetches: aiohttp for that would cost every worker 12 MB. The client facade and the
sandbox use aiohttp.

    server = await serve(handler, "127.0.0.1", 8080)
    ...
    await server.close()
"""

from kerege.exchange.http._body import Body
from kerege.exchange.http._client_connection import ClientResponse
from kerege.exchange.http._connecting import Address
from kerege.exchange.http._limits import ClientLimits, Limits
from kerege.exchange.http._messages import Headers, Request, Response
from kerege.exchange.http._server_connection import ErrorHook, Handler, MethodHook
from kerege.exchange.http.errors import (
    BadMessage,
    BodyTooLarge,
    ConnectFailed,
    HttpError,
    PeerClosed,
    TimedOut,
)
from kerege.exchange.http.pool import ClientPool, OnConnect, OnUse
from kerege.exchange.http.server import Server, log_failure, serve

__all__ = [
    "Address",
    "BadMessage",
    "Body",
    "BodyTooLarge",
    "ClientLimits",
    "ClientPool",
    "ClientResponse",
    "ConnectFailed",
    "ErrorHook",
    "Handler",
    "Headers",
    "HttpError",
    "Limits",
    "MethodHook",
    "OnConnect",
    "OnUse",
    "PeerClosed",
    "Request",
    "Response",
    "Server",
    "TimedOut",
    "log_failure",
    "serve",
]
