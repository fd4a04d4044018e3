"""Limits of clients in the database: of own ones, and of those of other servers."""

import pytest

from kerege.exchange.storage import Database
from kerege.exchange.storage.server_configuration import (
    ClientLimits,
    Side,
    load_server_configuration,
    remove_client_limits,
    set_client_limits,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId

BANK = ClientId("central-server", "COM", "60000001", "banking")
OWNER = ClientId("central-server", "COM", "60000001")


def limits_in(database: Database) -> dict[tuple[Side, ClientId], ClientLimits]:
    return dict(load_server_configuration(database).client_limits)


def test_limits_are_set_and_changed_one_by_one(database: Database):
    with database.write() as connection:
        for limits in (
            ClientLimits(messages_per_second=0.5),
            ClientLimits(request_bytes=2**40, burst=3),
        ):
            set_client_limits(connection, Side.SERVER, BANK, limits)
    assert limits_in(database) == {
        (Side.SERVER, BANK): ClientLimits(2**40, None, 0.5, 3, None)
    }


def test_each_side_has_its_own_and_so_has_a_member(database: Database):
    with database.write() as connection:
        set_client_limits(connection, Side.SERVER, BANK, ClientLimits(burst=1))
        set_client_limits(connection, Side.CLIENT, BANK, ClientLimits(answer_bytes=0))
        set_client_limits(connection, Side.CLIENT, OWNER, ClientLimits(answer_bytes=9))
        remove_client_limits(connection, Side.SERVER, BANK)
    assert limits_in(database) == {
        (Side.CLIENT, BANK): ClientLimits(answer_bytes=0),
        (Side.CLIENT, OWNER): ClientLimits(answer_bytes=9),
    }


def test_what_is_not_there_cannot_be_removed(database: Database):
    with (
        pytest.raises(XRoadError, match="A limit of") as caught,
        database.write() as connection,
    ):
        remove_client_limits(connection, Side.SERVER, BANK)
    assert caught.value.code == "not_found"


def test_a_code_that_nobody_may_have_is_refused(database: Database):
    wrong = ClientId("central-server", "COM", "6000;0001")
    with (
        pytest.raises(XRoadError) as caught,
        database.write() as connection,
    ):
        set_client_limits(connection, Side.SERVER, wrong, ClientLimits(burst=1))
    assert caught.value.code == "invalid_characters"
