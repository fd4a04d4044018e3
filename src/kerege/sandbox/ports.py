"""Finding ports: the usual ones if they are free, else the next set that is."""

import errno
import socket

from kerege.sandbox.layout import MEMBERS, TRUST_ADDRESS, Ports

STEP = 100
TRIES = 20


class NoPortsError(Exception):
    """No set of ports is free."""


def find_ports(preferred: Ports) -> Ports:
    """Return ``preferred``, or the first set above it that is free everywhere.

    Raises `NoPortsError`, also where there are no addresses but 127.0.0.1.
    """
    for attempt in range(TRIES):
        ports = preferred.shifted(attempt * STEP)
        if not busy_addresses(ports):
            return ports
    msg = (
        f"No free set of ports between {preferred.peer} and "
        f"{preferred.peer + STEP * TRIES}: is another sandbox running?"
    )
    raise NoPortsError(msg)


def busy_addresses(ports: Ports) -> list[str]:
    """Return the addresses of an instance with these ports that are taken."""
    server_ports = (
        ports.client_http,
        ports.client_https,
        ports.peer,
        ports.ocsp,
        ports.admin,
    )
    trust_ports = (
        ports.configuration,
        ports.ca_ocsp,
        ports.tsa,
        ports.provider,
        ports.site,
    )
    wanted = [(member.address, port) for member in MEMBERS for port in server_ports]
    wanted += [(TRUST_ADDRESS, port) for port in trust_ports]
    return [f"{host}:{port}" for host, port in wanted if not _is_free(host, port)]


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise NoPortsError(no_address(host)) from None
            return False
    return True


def no_address(host: str) -> str:
    """Return what is said on machines whose only loopback address is 127.0.0.1."""
    return (
        f"This machine has no address {host}: sandboxes need Linux, where all of "
        "127.0.0.0/8 is there"
    )
