"""The services have addresses of their own, and the test's transaction stays open."""

from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections


@pytest.fixture(autouse=True)
def _addresses(settings) -> None:
    settings.ROOT_URLCONF = "kerege.apps.aimak.services.urls"
    settings.MIDDLEWARE = []
    settings.ALLOWED_HOSTS = ["*"]


@pytest.fixture(autouse=True)
def _connections() -> Iterator[None]:
    """At the end of a request Django closes connections that are in a transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
