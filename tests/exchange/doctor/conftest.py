"""The instance that all tests of the doctor start from, built once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerege.sandbox.builder import build
from kerege.sandbox.layout import BANK, PORTAL, Files, Ports
from tests.exchange.doctor.world import Built, World, identity_of
from tests.ports import reserved_ports

FIRST_PORTS = Ports().shifted(10_000)


@pytest.fixture(scope="session")
def own_ports() -> Iterator[Ports]:
    """A set of ports that no other test run takes while they are free in between."""
    with reserved_ports(FIRST_PORTS) as ports:
        yield ports


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
