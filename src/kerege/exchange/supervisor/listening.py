"""The sockets that a server listens on: bound once, kept while workers come and go.

Each worker has sockets of its own on the same addresses, and the kernel spreads the
connections over them (SO_REUSEPORT, socket(7)). All of them stay open here as long as
the address is listened on, those of workers that are there no more too: closing one
would lose the connections that have arrived on it. See `lending`.
"""

import errno
import socket
import time
from collections.abc import Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, field

from kerege.exchange.security_server.settings import (
    Listen,
    Settings,
    options_of,
    split_address,
)

BACKLOG = 1024
"""Connections that the kernel holds for each worker before it accepts them."""
FREE_SECONDS = 5.0
"""How long a port of a supervisor that was killed may still be in the hands of its
workers, which are about to notice."""
_TRY_SECONDS = 0.05

ADMIN = "admin"
"""The port that the supervisor serves itself."""

_ADVICE = {
    errno.EADDRINUSE: "Another program uses it: stop that, or change [listen] in the "
    "settings file.",
    errno.EADDRNOTAVAIL: "This machine does not have the address: correct [listen] in "
    "the settings file.",
    errno.EACCES: "Ports below 1024 need a privilege: choose another, or allow "
    "CAP_NET_BIND_SERVICE.",
}


class CannotListenError(Exception):
    """An address cannot be listened on."""

    def __init__(self, address: str, error: OSError) -> None:
        super().__init__(f"Cannot listen on {address}")
        self.why = error.strerror or str(error)
        self.advice = _ADVICE.get(error.errno or 0, "")


@dataclass(slots=True)
class Port:
    """One address, with a socket for each worker."""

    address: str
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def real_address(self) -> str:
        """The address with the port that the system chose, if it was to choose."""
        number = self.sockets[0].getsockname()[1]
        return f"{self.address.rpartition(':')[0]}:{number}"

    def close(self) -> None:
        """Close all of them."""
        for each in self.sockets:
            each.close()


class Listening:
    """All ports of a server."""

    def __init__(self, ports: dict[str, Port]) -> None:
        """Keep ``ports``, by name of the setting."""
        self.ports = ports

    @property
    def addresses(self) -> dict[str, str]:
        """The addresses, by name of the setting, with the real ports."""
        return {name: port.real_address for name, port in self.ports.items()}

    @property
    def admin(self) -> socket.socket | None:
        """The supervisor's own socket, if it has one."""
        return self.ports[ADMIN].sockets[0] if ADMIN in self.ports else None

    def of_worker(self, number: int) -> dict[str, socket.socket]:
        """Return the sockets of one worker, counted from 1."""
        return {
            name: port.sockets[number - 1]
            for name, port in self.ports.items()
            if name != ADMIN
        }

    @property
    def sockets(self) -> set[socket.socket]:
        """All of them."""
        return {each for port in self.ports.values() for each in port.sockets}

    def close_all_but(self, kept: AbstractSet[socket.socket] = frozenset()) -> None:
        """Close every socket that is not to be kept; may be repeated."""
        for each in self.sockets - kept:
            each.close()


def listen(
    settings: Settings,
    *,
    before: Sequence[Listening] = (),
    wait_seconds: float = 0.0,
) -> Listening:
    """Listen on every address of the settings.

    Args:
        settings: Say which, and how many workers will accept.
        before: What is listened on already, the newest last: kept as far as it is
            still wanted.
        wait_seconds: How long a busy port is tried again.

    Raises:
        CannotListenError: naming the address; nothing new stays open.
    """
    ends = time.monotonic() + wait_seconds
    ports: dict[str, Port] = {}
    known = _open_sockets(before)
    try:
        for option in options_of(Listen):
            address = getattr(settings.listen, option.name)
            if not address:
                continue
            port = ports[option.name] = Port(address)
            count = 1 if option.name == ADMIN else settings.workers
            _fill(port, known.get(_key(option.name, address), {}), count, ends)
    except BaseException:
        kept = {each for listening in before for each in listening.sockets}
        Listening(ports).close_all_but(kept)
        raise
    return Listening(ports)


def _open_sockets(before: Sequence[Listening]) -> dict[str, dict[int, socket.socket]]:
    """Return what is open: by `_key`, then by place in the row of sockets."""
    found: dict[str, dict[int, socket.socket]] = {}
    for listening in before:
        for name, port in listening.ports.items():
            places = {i: s for i, s in enumerate(port.sockets) if s.fileno() >= 0}
            if places:
                number = next(iter(places.values())).getsockname()[1]
                real = f"{port.address.rpartition(':')[0]}:{number}"
                for key in (_key(name, port.address), real):
                    found.setdefault(key, {}).update(places)
    return found


def _key(name: str, address: str) -> str:
    """Return what tells one address from others; 0 stands for any free port."""
    return f"{name} {address}" if split_address(address)[1] == 0 else address


def _fill(
    port: Port, known: Mapping[int, socket.socket], count: int, ends: float
) -> None:
    """Give a port a socket for each worker, and for those there were before."""
    host, number = split_address(port.address)
    try:
        if known:
            number = next(iter(known.values())).getsockname()[1]
        else:
            _require_free(host, number, ends)
        for place in range(max(count, max(known, default=-1) + 1)):
            port.sockets.append(known.get(place) or _listener(host, number))
            number = port.sockets[0].getsockname()[1]
    except OSError as error:
        raise CannotListenError(port.address, error) from error


def _require_free(host: str, number: int, ends: float) -> None:
    """Raise if anybody listens there: our sockets would share the port with him."""
    while True:
        try:
            _bound(host, number, shared=False).close()
            return
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > ends:
                raise
        time.sleep(_TRY_SECONDS)


def _listener(host: str, number: int) -> socket.socket:
    made = _bound(host, number, shared=True)
    made.listen(BACKLOG)
    made.setblocking(False)
    return made


def _bound(host: str, number: int, *, shared: bool) -> socket.socket:
    family, kind, _, _, address = socket.getaddrinfo(
        host, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    made = socket.socket(family, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made
