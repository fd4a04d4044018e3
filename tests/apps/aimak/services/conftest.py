"""The services have addresses of their own."""

import pytest


@pytest.fixture(autouse=True)
def _addresses(settings) -> None:
    settings.ROOT_URLCONF = "kerege.apps.aimak.services.urls"
    settings.MIDDLEWARE = []
    settings.ALLOWED_HOSTS = ["*"]
