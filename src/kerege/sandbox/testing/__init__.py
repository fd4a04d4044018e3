"""A whole X-Road exchange for the tests of your own service or client: a pytest plugin.

    def test_an_address_is_found(xroad_exchange, xroad_client):
        service = xroad_exchange.offer("address", app)
        answer = xroad_client.get(service, ("20101196379439",))
        assert answer.json()["city"] == "с. Кек-Джар"

Two Security Servers with signatures, time-stamps, OCSP and access rights stand between
the two; nothing is mocked. pytest finds this module by its entry point. What it needs
is imported when a fixture is asked for, so runs without do not pay for it.

NOT FOR PRODUCTION.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from kerege.sandbox.testing.plan import Plan

if TYPE_CHECKING:
    from kerege.exchange.client import Client
    from kerege.sandbox.testing.exchange import Exchange

__all__ = ["Plan", "xroad_client", "xroad_exchange", "xroad_plan"]


@pytest.fixture(scope="session")
def xroad_plan() -> Plan:
    """Who takes part in `xroad_exchange`; override it to choose identifiers."""
    return Plan()


@pytest.fixture(scope="session")
def xroad_exchange(xroad_plan: Plan) -> "Iterator[Exchange]":
    """Two Security Servers and trust services, for the whole run: `Exchange`."""
    from kerege.sandbox.testing.exchange import Exchange

    with Exchange(xroad_plan) as exchange:
        yield exchange


@pytest.fixture(scope="session")
def xroad_client(xroad_exchange: "Exchange") -> "Iterator[Client]":
    """A `kerege.exchange.client.Client` of the consumer."""
    with xroad_exchange.client() as client:
        yield client
