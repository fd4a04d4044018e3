"""From addresses to a connected socket.

Rules (X-Road 7.8, `FastestSocketSelector.java`, `FastestConnectionSelecting...`):

* A provider may have several addresses. All are tried at once, the first that answers
  is taken, and remembered for a while.
* Addresses that do not resolve are skipped.
* No reverse look-ups: a lone failing name server would stall every connection.
"""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from kerege.exchange.http._limits import ClientLimits
from kerege.exchange.http.errors import ConnectFailed

Address = tuple[str, int]
"""Host name or IP address, and port."""
_SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
_Info = tuple[int, _SocketAddress]
"""Address family and socket address, as `getaddrinfo` gives them."""

_MAX_IPS = 8
"""IP addresses of one host name that are tried, one after the other."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Remembers a bounded number of values for a while."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, most: int, seconds: float
    ) -> None:
        self._loop = loop
        self._most = most
        self._seconds = seconds
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return what is remembered, if it is not too old."""
        found = self._values.get(key)
        if found is None or self._loop.time() >= found[0]:
            return None
        return found[1]

    def put(self, key: K, value: V) -> None:
        """Remember; the oldest is forgotten if there is no room."""
        self._values[key] = (self._loop.time() + self._seconds, value)
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget."""
        self._values.pop(key, None)


class Connector:
    """Resolves names and opens sockets."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: ClientLimits) -> None:
        self._loop = loop
        self._limits = limits
        self._names: Memory[Address, tuple[_Info, ...]] = Memory(
            loop, limits.remembered, limits.resolve_seconds
        )

    async def open(self, address: Address) -> socket.socket:
        """Return a socket that is connected to ``address``.

        Raises:
            ConnectFailed: the name does not resolve, or none of its addresses answers.
        """
        failure: OSError | None = None
        for family, target in await self._resolve(address):
            try:
                return await self._connect(family, target)
            except OSError as error:
                failure = error
        self._names.drop(address)
        message = f"Cannot connect to {address[0]}:{address[1]}: {failure}."
        raise ConnectFailed(message)

    async def open_fastest(
        self, addresses: Sequence[Address]
    ) -> tuple[Address, socket.socket]:
        """Return the address that answers first, and a socket connected to it.

        Raises:
            ConnectFailed: none answers.
        """
        tasks = {
            self._loop.create_task(self.open(address)): address
            for address in addresses[: self._limits.addresses]
        }
        failures: dict[Address, ConnectFailed] = {}
        waiting = set(tasks)
        try:
            while waiting:
                done, waiting = await asyncio.wait(
                    waiting, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    failure = task.exception()
                    if failure is None:
                        return tasks.pop(task), task.result()
                    if not isinstance(failure, ConnectFailed):
                        raise failure
                    failures[tasks[task]] = failure
        finally:
            await _end(tasks)
        raise _summary([failures[a] for a in addresses if a in failures])

    async def _connect(self, family: int, target: _SocketAddress) -> socket.socket:
        endpoint = socket.socket(family, socket.SOCK_STREAM)
        try:
            endpoint.setblocking(False)
            await self._loop.sock_connect(endpoint, target)
        except BaseException:
            endpoint.close()
            raise
        return endpoint

    async def _resolve(self, address: Address) -> tuple[_Info, ...]:
        known = self._names.get(address)
        if known is not None:
            return known
        host, port = address
        try:
            found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            message = f"The host name {host!r} does not resolve: {error}."
            raise ConnectFailed(message, why="unknown_host") from error
        infos = tuple((family, target) for family, _, _, _, target in found[:_MAX_IPS])
        judge = self._limits.may_connect
        if judge is not None:
            infos = tuple(info for info in infos if judge(str(info[1][0])))
            if not infos:
                message = f"No address of {host!r} may be connected to from here."
                raise ConnectFailed(message, why="forbidden")
        self._names.put(address, infos)
        return infos


async def _end(tasks: "dict[asyncio.Task[socket.socket], Address]") -> None:
    """Close the sockets of those who lost the race."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, socket.socket):
            result.close()


def _summary(failures: list[ConnectFailed]) -> ConnectFailed:
    if not failures:
        return ConnectFailed("There is no address to connect to.", why="unknown_host")
    reasons = " ".join(str(failure) for failure in failures)
    is_unknown = all(failure.why == "unknown_host" for failure in failures)
    return ConnectFailed(reasons, why="unknown_host" if is_unknown else "network")
