"""Ports for an exchange for tests: any that are free, held from the first moment.

Several runs on one machine, or the workers of one run, never meet: nobody looks for a
free port and binds it later.
"""

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from kerege.sandbox.layout import TRUST_ADDRESS, MemberPlan, Ports
from kerege.sandbox.ports import NoPortsError, no_address

TRIES = 100
"""Servers of an instance share the numbers of two ports; a number is seldom taken."""


@dataclass(frozen=True, slots=True)
class Sockets:
    """Bound sockets, not listening yet."""

    ports: Ports
    """Of both servers: shared numbers, and 0 where each has its own."""
    servers: Mapping[str, Mapping[str, socket.socket]]
    """By server code and name of the setting."""
    trust: Mapping[str, socket.socket]
    """By name in `Ports`."""

    @classmethod
    def opened(cls, members: tuple[MemberPlan, ...]) -> Self:
        """Bind everything. Raises `NoPortsError`."""
        servers: dict[str, dict[str, socket.socket]] = {
            member.server_code: {
                name: _bound(member.address) for name in ("client_http", "client_https")
            }
            for member in members
        }
        for name in ("peer", "ocsp"):
            same = _same_number([member.address for member in members])
            for member, bound in zip(members, same, strict=True):
                servers[member.server_code][name] = bound
        trust = {
            name: _bound(TRUST_ADDRESS) for name in ("configuration", "ca_ocsp", "tsa")
        }
        first = servers[members[0].server_code]
        ports = Ports(
            peer=_port(first["peer"]),
            ocsp=_port(first["ocsp"]),
            client_http=0,
            client_https=0,
            configuration=_port(trust["configuration"]),
            ca_ocsp=_port(trust["ca_ocsp"]),
            tsa=_port(trust["tsa"]),
            provider=0,
            admin=0,
        )
        return cls(ports, servers, trust)

    def of(self, member: MemberPlan) -> Mapping[str, socket.socket]:
        """Return one server's sockets."""
        return self.servers[member.server_code]

    def url(self, member: MemberPlan) -> str:
        """Return where information systems reach a member's server."""
        port = _port(self.servers[member.server_code]["client_http"])
        return f"http://{member.address}:{port}"


def _same_number(addresses: list[str]) -> list[socket.socket]:
    """Bind the same free port at every address."""
    for _ in range(TRIES):
        bound = [_bound(addresses[0])]
        try:
            bound += [_bound(each, _port(bound[0])) for each in addresses[1:]]
        except OSError:
            bound[0].close()
            continue
        return bound
    raise NoPortsError("No port is free at both servers' addresses")


def _bound(address: str, port: int = 0) -> socket.socket:
    made = socket.socket()
    try:
        made.bind((address, port))
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise NoPortsError(no_address(address)) from None
        raise
    return made


def _port(bound: socket.socket) -> int:
    port = bound.getsockname()[1]
    return int(port)
