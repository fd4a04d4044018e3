"""Other servers, clients, rights and services that are wrong, each alone."""

import asyncio
from dataclasses import replace

from kerege.exchange.doctor import Severity
from kerege.exchange.http import serve
from kerege.exchange.storage import open_database
from kerege.exchange.storage.server_configuration import (
    ClientStatus,
    ConnectionType,
    add_client,
    change_client,
    change_service,
    grant,
    load_server_configuration,
    revoke,
)
from kerege.exchange.storage.server_configuration_tables import services
from kerege.exchange.tls import client_side_context
from kerege.sandbox.layout import (
    BANK,
    BANK_CLIENT,
    PORTAL,
    PORTAL_CLIENT,
    PROVIDER,
    REGISTER,
    SERVICES,
    TRUST_ADDRESS,
)
from kerege.xroad.globalconf.values import Maintenance
from kerege.xroad.identifiers import GlobalGroupId
from tests.exchange.doctor.world import _nothing_is_sent, only
from tests.exchange.identities import identity

WARNING = Severity.WARNING
ADDRESS_FACT, FAMILY = SERVICES


async def test_another_server_that_is_down(make_world):
    world = make_world(without={"SS1", "SS1-ocsp"})
    async with world:
        found = await world.examine()
    only(
        *(found, "D-PEER-UNREACHABLE", "GOV/70000001/SS1 at 127.0.0.11"),
        f"Port {world.ports.peer} does not answer: Connection refused",
        severity=WARNING,
    )


async def test_all_other_servers_are_away(make_world):
    world = make_world(without={"SS1", "SS1-ocsp", "SS3", "SS3-ocsp"})
    async with world:
        found = await world.examine()
    wrong = only(found, "D-PEERS-UNREACHABLE", "other servers", "None of 2 answers")
    assert "this side" in wrong.advice


async def test_another_server_without_ocsp_port(make_world):
    world = make_world(without={"SS3-ocsp"})
    async with world:
        found = await world.examine()
    only(
        *(found, "D-PEER-OCSP", "COM/60000001/SS3", "Could not get all OCSP"),
        severity=WARNING,
    )


async def test_another_server_with_another_certificate(make_world, built):
    world = make_world()
    exchanged = {"SS1": built.identities["SS3"], "SS3": built.identities["SS3"]}
    world.built = replace(built, identities=exchanged)
    async with world:
        found = await world.examine()
    only(
        *(found, "D-PEER-CERTIFICATE", "GOV/70000001/SS1", "not registered for it"),
        severity=WARNING,
    )


async def test_another_program_in_the_place_of_a_server(make_world):
    world = make_world(without={"SS1"})

    async def greet(_reader, writer):
        writer.write(b"220 mail.example.kg ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(greet, PORTAL.address, world.ports.peer)
    async with server, world:
        found = await world.examine()
    only(
        *(found, "D-PEER-CERTIFICATE", "GOV/70000001/SS1"),
        "does not speak TLS as a security server",
        severity=WARNING,
    )


async def test_a_server_in_maintenance_is_not_asked(make_world):
    world = make_world(without={"SS1", "SS1-ocsp"}, change_shared=_maintained)
    async with world:
        found = await world.examine()
    assert [f.code for f in found] == ["D-SERVER-DOWN"]


# Clients.


async def test_a_client_that_is_not_registered(world):
    with world.database() as connection:
        add_client(
            connection,
            REGISTER.subsystem("new"),
            connection_type=ConnectionType.HTTP,
            status=ClientStatus.REGISTERED,
        )
    async with world:
        found = await world.examine()
    only(
        *(found, "D-CLIENT-REGISTRATION", "GOV/70000050/new"),
        "It is not registered for central-server/GOV/70000050/SS2",
    )


async def test_a_client_that_is_only_saved(world):
    with world.database() as connection:
        change_client(connection, PROVIDER, status=ClientStatus.SAVED)
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-CLIENT-STATUS", PROVIDER.path, "status here is 'saved'; it is"),
        severity=WARNING,
    )
    assert "client change ID --status registered" in wrong.advice


async def test_a_client_that_others_look_for_here(make_world):
    world = make_world(change_shared=_with_bank_here)
    async with world:
        found = await world.examine()
    only(
        *(found, "D-CLIENT-UNKNOWN", BANK_CLIENT.path, "does not serve it"),
        severity=WARNING,
    )


# Rights and services.


async def test_a_service_that_nobody_may_call(world):
    with world.database() as connection:
        revoke(connection, FAMILY.service_id, PORTAL_CLIENT)
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-SERVICE-RIGHTS", FAMILY.service_id.path, "Nobody has a right"),
        severity=WARNING,
    )
    assert "access grant" in wrong.advice


async def test_a_right_of_somebody_who_is_not_there(world):
    nobody = replace(BANK_CLIENT, subsystem_code="bancing")
    with world.database() as connection:
        grant(connection, FAMILY.service_id, nobody)
    async with world:
        found = await world.examine()
    only(
        *(found, "D-RIGHT-NOBODY", "COM/60000001/bancing", "has rights to family"),
        severity=WARNING,
    )


async def test_a_right_of_a_group_that_is_not_there(world):
    with world.database() as connection:
        group = GlobalGroupId("central-server", "auditors")
        grant(connection, FAMILY.service_id, group)
    async with world:
        found = await world.examine()
    only(
        *(found, "D-RIGHT-NOBODY", "auditors", "has rights to family-members"),
        severity=WARNING,
    )


async def test_services_that_are_down(make_world):
    world = make_world(without={"register"})
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-SERVICE-UNREACHABLE", ADDRESS_FACT.service_id.path),
        f"{TRUST_ADDRESS}:{world.ports.provider} does not answer: Connection refused",
    )
    assert FAMILY.service_id.path in wrong.subject


async def test_a_service_whose_address_is_none(world):
    with world.database() as connection:  # no command would write it
        connection.execute(
            services.update()
            .where(services.c.service_code == FAMILY.code)
            .values(url="htp://127.0.0.1/family")
        )
    async with world:
        found = await world.examine()
    only(found, "D-SERVICE-ADDRESS", FAMILY.service_id.path, "htp://127.0.0.1/family")


async def test_a_service_that_shows_an_unknown_certificate(world):
    server = await serve(
        _nothing_is_sent, TRUST_ADDRESS, 0, ssl=client_side_context(identity())
    )
    port = server.port
    change(world, url=f"https://{TRUST_ADDRESS}:{port}/family", verify_tls=True)
    async with world:
        found = await world.examine()
    await server.close()
    only(
        *(found, "D-SERVICE-CERTIFICATE", FAMILY.service_id.path),
        f"{TRUST_ADDRESS}:{port} shows a certificate that is not one of",
    )


async def test_a_service_that_is_switched_off_is_not_asked(make_world):
    world = make_world(without={"register"})
    for plan in SERVICES:
        change(world, plan, disabled_notice="Closed today")
    async with world:
        found = await world.examine()
    assert [f.code for f in found] == ["D-SERVER-DOWN"]


def change(world, plan=FAMILY, **changes) -> None:
    """Change one of the server's services."""
    database = open_database(f"sqlite:///{world.folder / 'security-server.db'}")
    known = load_server_configuration(database).services[plan.service_id]
    with database.write() as connection:
        change_service(connection, replace(known, **changes))
    database.close()


def _servers(shared, code, **changes):
    servers = tuple(
        replace(server, **changes) if server.code == code else server
        for server in shared.security_servers
    )
    return replace(shared, security_servers=servers)


def _maintained(shared):
    return _servers(shared, PORTAL.server_code, maintenance=Maintenance("Upgrade"))


def _with_bank_here(shared):
    clients = (*REGISTER.clients, *BANK.clients)
    return _servers(shared, REGISTER.server_code, clients=clients)
