"""The instance that all tests of the doctor start from, built once."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kerege.sandbox.builder import build
from kerege.sandbox.layout import BANK, PORTAL, Files, Ports
from kerege.sandbox.ports import find_ports
from tests.exchange.doctor.world import Built, World, identity_of


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """An instance on disk."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    files = Files(tmp_path_factory.mktemp("doctor") / "instance")
    instance = build(files, find_ports(Ports().shifted(12_000 + 700 * int(worker))))
    return Built(
        files,
        files.pin.read_text(),
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
