"""The ports that a Security Server listens on, from the first to the last message."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from functools import partial

from kerege.exchange.http import Handler, MethodHook, Server, serve
from kerege.exchange.security_server.http_limits import http_limits
from kerege.exchange.security_server.settings import Settings, split_address


class Ports:
    """Named as the settings of `Listen` that give their addresses."""

    def __init__(
        self, settings: Settings, sockets: Mapping[str, socket.socket] | None
    ) -> None:
        """Listen on nothing yet.

        Args:
            settings: Where, and within which limits.
            sockets: What to listen with, by name; without them ports are opened.
        """
        self._settings = settings
        self._sockets = sockets
        self._servers: dict[str, Server] = {}

    @property
    def numbers(self) -> tuple[int, ...]:
        """The ports, in the order in which they were opened."""
        return tuple(server.port for server in self._servers.values())

    async def open(
        self,
        name: str,
        handler: Handler,
        context: ssl.SSLContext | None,
        on_unknown_method: MethodHook | None = None,
    ) -> None:
        """Listen on a port, unless its setting is empty.

        Raises:
            OSError: The address cannot be listened on.
        """
        address = getattr(self._settings.listen, name)
        if not address:
            return
        host, port = split_address(address)
        self._servers[name] = await serve(
            handler,
            host,
            port,
            ssl=context,
            limits=http_limits(self._settings),
            sock=self._sockets[name] if self._sockets is not None else None,
            on_unknown_method=on_unknown_method,
            add_date=True,
        )

    def on_refusal(self, count: Callable[[str, str], None]) -> None:
        """Have ``count`` told of each refused request: the port's name, and why."""
        for name, server in self._servers.items():
            server.on_refusal = partial(count, name)

    async def listen_also(self, name: str, sock: socket.socket) -> Callable[[], None]:
        """Accept on another socket for a port; return what ends that.

        Args:
            name: Of the setting.
            sock: Listens; it is this server's from now on.
        """
        server = self._servers.get(name)
        if server is not None:
            return await server.listen_also(sock)
        sock.close()  # it has stopped
        return lambda: None

    async def close(self, finish_seconds: float, patience_seconds: float) -> None:
        """Finish what was accepted, then close; see `SecurityServer.stop`."""
        servers = list(self._servers.values())
        for server in servers:
            server.stop_listening()
        await asyncio.gather(
            *[
                server.close(finish_seconds, patience_seconds=patience_seconds)
                for server in servers
            ]
        )
        self._servers.clear()

    def hurry(self, finish_seconds: float) -> None:
        """Have a `close` under way take no longer than this, without patience."""
        for server in self._servers.values():
            server.hurry(finish_seconds)

    def connections(self) -> dict[str, int]:
        """Return how many there are."""
        return {name: one.connection_count for name, one in self._servers.items()}

    def failed_handshakes(self) -> dict[str, int]:
        """Return how many connections were lost before their first request."""
        return {name: one.lost_count for name, one in self._servers.items()}
