"""Ports for a sandbox instance that no other test run takes, at the same time or later.

Between looking for free ports and listening on them minutes may pass. A port that is
bound on an address that nobody uses says that a set of ports is somebody's.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kerege.sandbox.layout import Ports
from kerege.sandbox.ports import busy_addresses

STEP, TRIES = 100, 80
RESERVED = "127.0.0.9"


@contextmanager
def reserved_ports(first: Ports) -> Iterator[Ports]:
    """Give ``first``, or the next set of ports above it that is free and nobody's."""
    for attempt in range(TRIES):
        ports = first.shifted(attempt * STEP)
        with socket.socket() as reservation:
            try:
                reservation.bind((RESERVED, ports.peer))
            except OSError:
                continue
            if not busy_addresses(ports):
                yield ports
                return
    pytest.fail("no set of ports is free")
