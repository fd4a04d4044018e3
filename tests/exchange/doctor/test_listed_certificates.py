"""What the doctor says of certificates that are listed for clients."""

from datetime import timedelta

import pytest

from kerege.exchange.doctor.findings import Severity
from kerege.exchange.storage.server_configuration import (
    ConnectionType,
    add_client,
    add_client_certificate,
)
from kerege.sandbox.layout import PROVIDER
from kerege.trust.authority import Validity
from kerege.xroad.identifiers import ClientId
from tests.exchange.doctor.world import now, only
from tests.instances import sandbox_instance, spare_key

OTHER = ClientId(
    PROVIDER.instance, PROVIDER.member_class, PROVIDER.member_code, "archive"
)


def listed(world, begins: int, ends: int) -> None:
    """List a certificate of a service that is valid between these days from now."""
    at = now()
    validity = Validity(at + timedelta(days=begins), at + timedelta(days=ends))
    key = spare_key(6).public_key()
    ca = sandbox_instance().ca
    value = ca.issue_tls_server(key, "is.example", validity=validity)
    with world.database() as connection:
        add_client_certificate(connection, PROVIDER, value)


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [
        (-9, -2, "It expired on"),
        (-9, 3, "It ends on"),
        (3, 90, "It is not valid before"),
    ],
)
async def test_one_that_is_outside_its_time_or_soon_will_be(world, begins, ends, said):
    listed(world, begins, ends)
    async with world:
        found = await world.examine()
    warned = Severity.WARNING
    only(found, "D-CLIENT-CERTIFICATE", PROVIDER.path, said, severity=warned)


async def test_one_that_is_good_is_counted(world):
    listed(world, -9, 90)
    async with world:
        found = await world.examine()
    assert [f.code for f in found if f.code.startswith("D-CLIENT")] == []


async def test_a_client_that_must_show_one_and_has_none(world):
    with world.database() as connection:
        add_client(connection, OTHER, connection_type=ConnectionType.HTTPS_AUTH)
    async with world:
        found = await world.examine()
    assert "D-CLIENT-CERTIFICATE-NONE" in [f.code for f in found]
