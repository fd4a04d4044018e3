"""Fixtures that tests anywhere may ask for by name, and what holds for all of them."""

import logging
import os
import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.postgres import (
    database,
    database_url,
    postgres_database,
    postgres_server,
    postgres_url,
    sqlite_database,
)

__all__ = [
    "database",
    "database_url",
    "postgres_database",
    "postgres_server",
    "postgres_url",
    "sqlite_database",
]

settings.register_profile(
    "kerege",
    deadline=None,  # a busy machine is no reason to fail
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("kerege")


@pytest.fixture(autouse=True)
def attempts_stay_in_their_test() -> Iterator[None]:
    """What a test's rolled-back transaction tried is not written by the next test."""
    yield
    if writer := sys.modules.get("kerege.apps.common.audit.record"):
        writer._pending.acts.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Drive the browser last: while it is open its event loop is this thread's."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(autouse=True)
def environment_is_put_back() -> Iterator[None]:
    """Commands of the portal name its folder and settings in the environment."""
    before = dict(os.environ)
    yield
    for name in (before.keys() | os.environ.keys()) - {"PYTEST_CURRENT_TEST"}:
        if name not in before:
            del os.environ[name]
        elif os.environ.get(name) != before[name]:
            os.environ[name] = before[name]


@pytest.fixture(autouse=True)
def logs_are_put_back() -> Iterator[None]:
    """Commands configure the logs of the whole process; the next test needs all."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    was = structlog.get_config() if structlog.is_configured() else None
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    if was:
        structlog.configure(**was)
    else:
        structlog.reset_defaults()
