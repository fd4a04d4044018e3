"""One exchange for all strangers who call or answer through us."""

from collections.abc import Iterator

import pytest

from kerege.sandbox.testing.exchange import Exchange


@pytest.fixture(scope="session")
def exchange() -> Iterator[Exchange]:
    with Exchange() as running:
        yield running
