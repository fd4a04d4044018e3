"""The instance that all tests of the doctor start from, built once."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerege.sandbox.builder import build
from kerege.sandbox.layout import BANK, PORTAL, Files, Ports
from kerege.sandbox.ports import busy_addresses
from tests.exchange.doctor.world import Built, World, identity_of

FIRST_SHIFT, STEP, TRIES = 10_000, 100, 80
RESERVED = "127.0.0.9"
"""Nobody listens here; a bound port says that a set of ports is somebody's."""


@pytest.fixture(scope="session")
def own_ports() -> Iterator[Ports]:
    """A set of ports that no other test run takes while they are free in between."""
    for attempt in range(TRIES):
        ports = Ports().shifted(FIRST_SHIFT + attempt * STEP)
        with socket.socket() as reservation:
            try:
                reservation.bind((RESERVED, ports.peer))
            except OSError:
                continue
            if not busy_addresses(ports):
                yield ports
                return
    pytest.fail("no set of ports is free")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, own_ports: Ports) -> Built:
    """An instance on disk."""
    files = Files(tmp_path_factory.mktemp("doctor") / "instance")
    instance = build(files, own_ports)
    return Built(
        files,
        files.pin.read_text(),
        instance,
        {m.server_code: identity_of(files, m, instance) for m in (PORTAL, BANK)},
    )


@pytest.fixture
def world(built: Built, tmp_path: Path) -> World:
    """A healthy server's folder and world, not started yet."""
    return World(built, tmp_path)


@pytest.fixture
def make_world(built: Built, tmp_path: Path) -> Callable[..., World]:
    """Make a world that is different from the start."""
    return lambda **fields: World(built, tmp_path, **fields)
