"""The server: listens, counts connections, and closes without cutting anybody off."""

import asyncio
import logging
import socket
import ssl as tls
import weakref
from collections.abc import Callable
from typing import Any, Self

from kerege.exchange.http._limits import Limits
from kerege.exchange.http._messages import Request
from kerege.exchange.http._server_connection import (
    ErrorHook,
    Handler,
    MethodHook,
    ServerConnection,
)
from kerege.exchange.http._ticks import Ticker

log = logging.getLogger(__name__)

BACKLOG = 1024
"""Connections that the kernel holds before we accept them."""
GRACE_SECONDS = 10.0
"""How long `Server.close` waits for answers under way."""
PATIENCE_STEP_SECONDS = 0.05
"""How often a patient `Server.close` looks whether everybody has left."""
SHUTDOWN_SECONDS = 5.0
"""How long a peer may take to answer the end of TLS."""


def log_failure(request: Request, error: Exception) -> None:
    """Log what a handler raised. The default hook; the client gets a bare 500.

    The request stays out of the log: its target may name a person.
    """
    log.error("A %s request failed.", request.method, exc_info=error)


class Server:
    """A listening server. Made by `serve`; also an async context manager."""

    def __init__(
        self,
        handler: Handler,
        limits: Limits,
        *,
        on_error: ErrorHook,
        add_date: bool,
        always_close: bool,
        on_unknown_method: MethodHook | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.ticker = Ticker(self.loop, limits.tick_seconds)
        self.handler = handler
        self.limits = limits
        self.on_error = on_error
        self.on_unknown_method = on_unknown_method
        self.add_date = add_date
        self.always_close = always_close
        self.is_closing = False
        self.turns_away = False
        self.on_refusal: Callable[[str], None] = lambda _: None
        """Hears why a request was refused by us, not by the handler: for metrics."""
        self._accepted_count = self._opened_count = 0
        self._accepted: weakref.WeakSet[ServerConnection] = weakref.WeakSet()
        self._open: set[ServerConnection] = set()
        self._all_closed: asyncio.Future[None] | None = None
        self._wait_ends: asyncio.TimerHandle | None = None
        self._patience_ends = self._grace_seconds = 0.0
        self._listener: asyncio.Server | None = None
        self._more_listeners: list[asyncio.Server] = []
        self._options: dict[str, Any] = {"backlog": BACKLOG}

    async def start(
        self,
        host: str | None,
        port: int,
        *,
        ssl: tls.SSLContext | None,
        sock: socket.socket | None,
        reuse_port: bool,
    ) -> None:
        """Listen."""
        options = self._options
        if ssl is not None:
            options |= {
                "ssl": ssl,
                "ssl_handshake_timeout": self.limits.handshake_seconds,
                "ssl_shutdown_timeout": SHUTDOWN_SECONDS,
            }
        where: dict[str, Any] = {"sock": sock}
        if sock is None:
            where = {"host": host, "port": port, "reuse_port": reuse_port}
        self._listener = await self.loop.create_server(self._accept, **options, **where)

    async def listen_also(self, sock: socket.socket) -> Callable[[], None]:
        """Accept on another listening socket too; return what ends that.

        The socket is the server's from now on. One that stops listening takes none.
        """
        listener = await self.loop.create_server(
            self._accept, sock=sock, **self._options
        )
        self._more_listeners.append(listener)
        if self.is_closing:
            listener.close()
        return listener.close

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        if self._listener is None or not self._listener.sockets:
            raise RuntimeError("The server does not listen.")
        name = self._listener.sockets[0].getsockname()
        return int(name[1]) if isinstance(name, tuple) else 0

    @property
    def lost_count(self) -> int:
        """Connections that ended before they were made: TLS handshakes that failed.

        One that still shakes hands, or whose remains Python has not cleared away, is
        not among them yet.
        """
        shaking_hands = len(self._accepted) - len(self._open)
        return self._accepted_count - self._opened_count - shaking_hands

    @property
    def connection_count(self) -> int:
        """Connections open now, those still at work for a client that left included."""
        return len(self._open)

    def stop_listening(self) -> None:
        """Accept nobody any more; what was accepted goes on."""
        if self._listener is not None:
            self._listener.close()
        for listener in self._more_listeners:
            listener.close()

    async def close(
        self, grace_seconds: float = GRACE_SECONDS, *, patience_seconds: float = 0.0
    ) -> None:
        """Stop listening, let answers under way finish, then close everything.

        Args:
            grace_seconds: What is not done after that is cancelled.
            patience_seconds: How long idle connections are left open. A client may be
                sending on one just now: its request is answered, as the last of that
                connection. Without patience they are closed at once.
        """
        self.is_closing = True
        self.stop_listening()
        self._grace_seconds = grace_seconds
        self._patience_ends = self.loop.time() + patience_seconds
        while self._accepted and self.loop.time() < self._patience_ends:  # noqa: ASYNC110 - who shakes hands is in a weak set only
            await asyncio.sleep(PATIENCE_STEP_SECONDS)
        self.turns_away = True
        for connection in tuple(self._open):
            connection.stop()
        await self._wait_until_closed(self._grace_seconds)
        for connection in tuple(self._open):
            connection.kill()
        await self._wait_until_closed(1.0)

    def hurry(self, grace_seconds: float) -> None:
        """Have a `close` under way take no longer than this, without patience."""
        self._patience_ends = 0.0
        self._grace_seconds = min(self._grace_seconds, grace_seconds)
        if self._all_closed is not None:
            self._end_wait_in(grace_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _wait_until_closed(self, seconds: float) -> None:
        if not self._open:
            return
        self._all_closed = self.loop.create_future()
        self._end_wait_in(seconds)
        try:
            await self._all_closed
        finally:
            self._all_closed = None
            if self._wait_ends is not None:
                self._wait_ends.cancel()
                self._wait_ends = None

    def _end_wait_in(self, seconds: float) -> None:
        """End `_wait_until_closed` in so many seconds, or sooner as said before."""
        when = self.loop.time() + seconds
        if self._wait_ends is not None:
            if self._wait_ends.when() <= when:
                return
            self._wait_ends.cancel()
        self._wait_ends = self.loop.call_at(when, self._end_wait)

    def _end_wait(self) -> None:
        if self._all_closed is not None and not self._all_closed.done():
            self._all_closed.set_result(None)

    # What connections call.

    def _accept(self) -> ServerConnection:
        connection = ServerConnection(self)
        self._accepted.add(connection)
        self._accepted_count += 1
        return connection

    def opened(self, connection: ServerConnection) -> bool:
        """Note a connection; false if there are too many, handshakes included."""
        self._open.add(connection)
        self._opened_count += 1
        return len(self._accepted) <= self.limits.connections

    def closed(self, connection: ServerConnection) -> None:
        """Forget a connection."""
        self._accepted.discard(connection)
        self._open.discard(connection)
        if not self._open:
            self._end_wait()


async def serve(  # noqa: PLR0913  settings by name
    handler: Handler,
    host: str | None,
    port: int,
    *,
    ssl: tls.SSLContext | None = None,
    limits: Limits | None = None,
    sock: socket.socket | None = None,
    reuse_port: bool = False,
    on_error: ErrorHook = log_failure,
    on_unknown_method: MethodHook | None = None,
    add_date: bool = False,
    connection_close: bool = False,
) -> Server:
    """Listen and answer every request with ``handler``.

    Args:
        handler: called once per request, in order on one connection.
        host: an address, or None for all.
        port: zero for one that the system chooses; see `Server.port`.
        ssl: a server context; see `kerege.exchange.tls`.
        limits: bounds; the defaults fit the message path.
        sock: a listening socket to use instead of ``host`` and ``port``.
        reuse_port: let several processes listen on one port.
        on_error: gets what the handler raised, gives the answer or None for 500.
        on_unknown_method: answers a request whose method is none of HTTP's (case
            counts); a bare 400 without it.
        add_date: add a Date header unless the answer has one.
        connection_close: close after every answer, as the reference does on 5500.
    """
    server = Server(
        handler,
        limits or Limits(),
        on_error=on_error,
        on_unknown_method=on_unknown_method,
        add_date=add_date,
        always_close=connection_close,
    )
    await server.start(host, port, ssl=ssl, sock=sock, reuse_port=reuse_port)
    return server
