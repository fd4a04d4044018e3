"""The client: requests over pooled connections, resumed TLS sessions, fastest address.

Retry rule: a request on a kept connection that turns out to be closed is sent again,
once, on a fresh connection, if the peer cannot have received the whole of it and its
body can be sent again. In every other case the peer may have acted on it, and the
caller gets `PeerClosed`.
"""

import asyncio
import socket
import ssl as tls
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self

from kerege.exchange.http._client_connection import ClientConnection, ClientResponse
from kerege.exchange.http._connecting import Address, Connector, Memory
from kerege.exchange.http._limits import ClientLimits
from kerege.exchange.http._messages import Headers
from kerege.exchange.http._outgoing import Outgoing, build_request
from kerege.exchange.http._ticks import Ticker
from kerege.exchange.http.errors import ConnectFailed, PeerClosed
from kerege.exchange.tls import ResumingContext

OnConnect = Callable[[tls.SSLObject], Awaitable[None] | None]
"""Judges the peer of a new TLS connection, before anything is sent; raises to refuse."""
OnUse = Callable[[tls.SSLObject], None]
"""The same for every request, on new and kept connections."""

CONNECT_SECONDS = 30.0
"""`proxy.client-timeout` of the reference: to resolve, connect and shake hands."""
SHUTDOWN_SECONDS = 5.0
"""How long a peer may take to answer the end of TLS."""

_Key = tuple[Address, tls.SSLContext | None]


@dataclass(slots=True)
class _Route:
    """Where a request goes, and what must hold before it is sent."""

    addresses: tuple[Address, ...]
    ssl: tls.SSLContext | None
    on_connect: OnConnect | None
    on_use: OnUse | None
    connect_timeout: float
    reached: Address | None = None
    """The address that a connection was last made to, before TLS and judgement."""


class ClientPool:
    """Sends requests. Also an async context manager. Use it on one event loop."""

    def __init__(self, limits: ClientLimits | None = None) -> None:
        self.limits = limits or ClientLimits()
        self._loop = asyncio.get_running_loop()
        self._ticker = Ticker(self._loop, self.limits.tick_seconds)
        self._connector = Connector(self._loop, self.limits)
        self._idle: dict[_Key, list[ClientConnection]] = {}
        self._idle_count = 0
        self._keys: dict[ClientConnection, _Key] = {}
        self._all_gone: asyncio.Future[None] | None = None
        self._resuming: OrderedDict[_Key, ResumingContext] = OrderedDict()
        self._fastest: Memory[tuple[Address, ...], Address] = Memory(
            self._loop, self.limits.remembered, self.limits.fastest_seconds
        )

    async def request(  # noqa: PLR0913  settings by name
        self,
        address: Address | Sequence[Address],
        *,
        method: str,
        target: bytes,
        headers: Headers = (),
        body: bytes | AsyncIterator[bytes] | None = None,
        chunked: bool = False,
        ssl: tls.SSLContext | None = None,
        on_connect: OnConnect | None = None,
        on_use: OnUse | None = None,
        connect_timeout: float = CONNECT_SECONDS,
        read_timeout: float | None = None,
    ) -> ClientResponse:
        """Send one request and return its answer when the head is there.

        Args:
            address: host and port, or several of one provider: the fastest is taken.
            method: upper-case letters.
            target: the request target, byte for byte.
            headers: in the order of the wire. Host and framing are added if missing.
            body: whole or streamed. A streamed one is chunked, unless the headers have
                a Content-Length. It may go on after the answer's head has come.
            chunked: send a whole body as one chunk.
            ssl: a client context, for HTTPS; TLS sessions are resumed.
            on_connect: judges the peer of a new TLS connection before it gets a byte.
            on_use: judges it before every request, on kept connections too.
            connect_timeout: seconds for name, connection, handshake and ``on_connect``.
            read_timeout: seconds that the peer may be silent; None for no end.

        Raises:
            ConnectFailed, PeerClosed, TimedOut, BadMessage: see there.
            ValueError: the arguments make no valid message.
            Whatever ``on_connect``, ``on_use`` or the stream of the body raise.
        """
        addresses = _addresses(address)
        if not addresses:
            raise ValueError("A request needs an address.")
        outgoing = build_request(
            method,
            target,
            headers,
            body,
            authority=addresses[0],
            is_tls=ssl is not None,
            chunked=chunked,
        )
        outgoing.read_timeout = read_timeout
        route = _Route(addresses, ssl, on_connect, on_use, connect_timeout)
        return await self._exchange(route, outgoing)

    async def close(self) -> None:
        """Close all connections, those at work too."""
        if self._keys:
            self._all_gone = self._loop.create_future()
            for connection in tuple(self._keys):
                connection.transport.abort()
            await asyncio.wait((self._all_gone,), timeout=SHUTDOWN_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def connection_count(self) -> int:
        """Connections open now."""
        return len(self._keys)

    @property
    def idle_count(self) -> int:
        """Connections kept for the next request."""
        return self._idle_count

    # Choosing a connection.

    async def _exchange(self, route: _Route, outgoing: Outgoing) -> ClientResponse:
        kept = self._take_kept(route)
        if kept is not None:
            try:
                self._judge_use(route, kept)
                return await kept.exchange(outgoing)
            except PeerClosed:
                if not kept.is_unprocessed or outgoing.stream is not None:
                    raise
        fresh = await self._connect(route)
        try:
            self._judge_use(route, fresh)
            response = await fresh.exchange(outgoing)
        except BaseException:
            fresh.transport.abort()
            raise
        self._keep_session(fresh)
        return response

    @staticmethod
    def _judge_use(route: _Route, connection: ClientConnection) -> None:
        if route.on_use is not None and connection.ssl_object is not None:
            try:
                route.on_use(connection.ssl_object)
            except BaseException:
                connection.transport.abort()
                raise

    def _take_kept(self, route: _Route) -> ClientConnection | None:
        """Return the connection that was used last, if one is still open."""
        for address in route.addresses:
            kept = self._idle.get((address, route.ssl))
            while kept:
                connection = kept.pop()
                self._idle_count -= 1
                if connection.is_usable():
                    return connection
                connection.idle_until = 0
                connection.transport.abort()
        return None

    # Making one.

    async def _connect(self, route: _Route) -> ClientConnection:
        """Connect to the fastest address; if it does not pass, to one of the others.

        If none passes, what was wrong with the last one that was reached is raised: it
        says more than that another is away.
        """
        wanted = route.addresses
        failure: Exception | None = None
        while True:
            try:
                connection = await self._connect_once(route)
            except Exception as error:  # noqa: BLE001  raised if it is the last
                if failure is None or route.reached is not None:
                    failure = error
                others = tuple(a for a in route.addresses if a != route.reached)
                if not others or others == route.addresses:
                    raise failure from failure.__cause__
                self._fastest.drop(wanted)
                route.addresses, route.reached = others, None
                continue
            if route.addresses != wanted and route.reached is not None:
                self._fastest.put(wanted, route.reached)
            return connection

    async def _connect_once(self, route: _Route) -> ClientConnection:
        if len(self._keys) >= self.limits.connections:
            raise ConnectFailed("There are too many connections.", why="exhausted")
        try:
            async with asyncio.timeout(route.connect_timeout):
                connection = await self._open(route)
                await self._judge_peer(route, connection)
                return connection
        except TimeoutError as error:
            where = ", ".join(f"{host}:{port}" for host, port in route.addresses)
            message = f"No connection to {where} in {route.connect_timeout:g} seconds."
            raise ConnectFailed(message, why="timeout") from error

    async def _open(self, route: _Route) -> ClientConnection:
        address, endpoint = await self._open_socket(route.addresses)
        route.reached = address
        key = (address, route.ssl)
        context = self._resuming_context(key)
        try:
            _, connection = await self._loop.create_connection(
                self._new_connection,
                sock=endpoint,
                ssl=context,
                server_hostname=address[0] if context is not None else None,
                ssl_handshake_timeout=route.connect_timeout if context else None,
                ssl_shutdown_timeout=SHUTDOWN_SECONDS if context else None,
            )
        except (OSError, ValueError) as error:  # UnicodeError is a ValueError
            endpoint.close()
            if isinstance(context, ResumingContext):
                context.forget()
            message = f"No connection with {address[0]}:{address[1]}: {error}."
            raise ConnectFailed(message, why="tls" if context else "network") from error
        except BaseException:
            endpoint.close()
            raise
        self._keys[connection] = key
        return connection

    async def _open_socket(
        self, addresses: tuple[Address, ...]
    ) -> tuple[Address, socket.socket]:
        """Return a connected socket, and which address it is connected to."""
        if len(addresses) == 1:
            return addresses[0], await self._connector.open(addresses[0])
        fastest = self._fastest.get(addresses)
        if fastest is not None:
            try:
                return fastest, await self._connector.open(fastest)
            except ConnectFailed:
                self._fastest.drop(addresses)
        address, endpoint = await self._connector.open_fastest(addresses)
        self._fastest.put(addresses, address)
        return address, endpoint

    async def _judge_peer(self, route: _Route, connection: ClientConnection) -> None:
        if route.on_connect is None or connection.ssl_object is None:
            return
        try:
            verdict = route.on_connect(connection.ssl_object)
            if verdict is not None:
                await verdict
        except BaseException:
            connection.transport.abort()
            raise

    def _new_connection(self) -> ClientConnection:
        return ClientConnection(
            self._loop,
            self._ticker,
            self.limits,
            on_free=self._keep,
            on_gone=self._forget,
        )

    # TLS sessions.

    def _resuming_context(self, key: _Key) -> tls.SSLContext | None:
        context = key[1]
        if context is None or isinstance(context, ResumingContext):
            return context
        resuming = self._resuming.get(key)
        if resuming is None:
            resuming = self._resuming[key] = ResumingContext(context)
            if len(self._resuming) > self.limits.remembered:
                self._resuming.popitem(last=False)
        self._resuming.move_to_end(key)
        return resuming

    def _keep_session(self, connection: ClientConnection) -> None:
        """Keep the session of a new connection that brought an answer."""
        key = self._keys.get(connection)
        if key is not None and connection.ssl_object is not None:
            context = self._resuming_context(key)
            if isinstance(context, ResumingContext):
                context.keep(connection.ssl_object)

    # What connections call.

    def _keep(self, connection: ClientConnection) -> None:
        """Keep a connection whose answer is complete."""
        limits = self.limits
        key = self._keys.get(connection)
        kept = self._idle.setdefault(key, []) if key is not None else None
        if (
            kept is None
            or len(kept) >= limits.idle_per_address
            or self._idle_count >= limits.idle_total
        ):
            connection.transport.close()
            return
        connection.idle_until = self._ticker.after(limits.idle_seconds)
        kept.append(connection)
        self._idle_count += 1

    def _forget(self, connection: ClientConnection) -> None:
        """Forget a connection that is gone."""
        key = self._keys.pop(connection, None)
        if key is None:
            return
        kept = self._idle.get(key)
        if kept is not None:
            if connection in kept:
                kept.remove(connection)
                self._idle_count -= 1
            if not kept:
                del self._idle[key]
        if not self._keys and self._all_gone is not None:
            self._all_gone.set_result(None)
            self._all_gone = None


def _addresses(address: Address | Sequence[Address]) -> tuple[Address, ...]:
    match address:
        case (str(host), int(port)):
            return ((host, port),)
        case _:
            return tuple(address)
