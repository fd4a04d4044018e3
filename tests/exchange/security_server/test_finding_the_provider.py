"""Where a message goes: which server, which connection, with which configuration."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kerege.xroad.globalconf.values import Maintenance, SecurityServer
from kerege.xroad.identifiers import SecurityServerId
from tests.exchange.http.helpers import until
from tests.servers import Pair, TestServer

SECOND = SecurityServerId("TEST", "GOV", "5678", "SS2-2")
LATER = timedelta(days=4000)


def provide(pair: Pair, *addresses: str, **changes: object) -> None:
    """Tell the consumer's server where the provider is."""
    shared = pair.instance.shared_parameters(addresses=addresses, **changes)
    pair.consumer.global_conf = pair.instance.global_conf(shared)


def change_servers(pair: Pair, change) -> None:
    """Change what the consumer's server knows of the provider's servers."""
    shared = pair.instance.shared_parameters(addresses=("127.0.0.1", "127.0.0.98"))
    changed = tuple(change(server) for server in shared.security_servers)
    shared = replace(shared, security_servers=changed)
    pair.consumer.global_conf = pair.instance.global_conf(shared)


async def test_the_server_that_answers_is_taken(tmp_path):
    async with Pair(tmp_path) as pair:
        provide(pair, "127.0.0.98", "127.0.0.99", "127.0.0.1")
        pair.offer("echo")
        assert (await pair.send("GET", "echo")).status == 200


async def test_the_client_may_name_the_server(tmp_path):
    async with Pair(tmp_path) as pair:
        provide(pair, "127.0.0.1", "127.0.0.98")
        pair.offer("echo")
        first = pair.provider.server_id.path
        got = await pair.send("GET", "echo", {"X-Road-Security-Server": first})
        assert got.status == 200
        dead = {"X-Road-Security-Server": SECOND.path}
        got = await pair.send("GET", "echo", dead)
        assert got.get("x-road-error") == "server.clientproxy.network_error"
        own = {"X-Road-Security-Server": pair.consumer.server_id.path}
        got = await pair.send("GET", "echo", own)
        assert got.get("x-road-error") == "server.clientproxy.invalid_security_server"
        assert len(pair.service.requests) == 1


async def test_a_server_in_maintenance_is_left_out(tmp_path):
    def change(server: SecurityServer) -> SecurityServer:
        is_second = server.code == SECOND.server_code
        return replace(server, maintenance=Maintenance() if is_second else None)

    async with Pair(tmp_path) as pair:
        change_servers(pair, change)
        pair.offer("echo")
        assert (await pair.send("GET", "echo")).status == 200
        named = {"X-Road-Security-Server": SECOND.path}
        got = await pair.send("GET", "echo", named)
        assert got.get("x-road-error") == "server.clientproxy.maintenance_mode"


async def test_the_administrators_words_reach_the_client(tmp_path):
    async with Pair(tmp_path) as pair:
        provide(pair, "127.0.0.1", maintenance=Maintenance("Back at noon"))
        pair.offer("echo")
        got = await pair.send("GET", "echo")
        assert got.status == 500
        assert got.get("x-road-error") == "server.clientproxy.maintenance_mode"
        assert b"Back at noon" in got.body
        assert pair.consumer.log.records == []


async def test_nobody_works_with_an_old_configuration(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        old = pair.instance.global_conf(expires=pair.instance.at - timedelta(seconds=1))
        current, pair.consumer.global_conf = pair.consumer.global_conf, old
        got = await pair.send("GET", "echo")
        assert got.get("x-road-error") == "server.clientproxy.global_conf_outdated"
        pair.consumer.global_conf, pair.provider.global_conf = current, old
        got = await pair.send("GET", "echo")
        assert got.get("x-road-error") == "server.serverproxy.global_conf_outdated"
        assert pair.service.requests == []
        assert pair.provider.log.records == []


async def test_a_configuration_grows_old_under_a_running_server(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        assert (await pair.send("GET", "echo")).status == 200
        pair.clock.now += LATER
        got = await pair.send("GET", "echo")
        assert got.get("x-road-error") == "server.clientproxy.global_conf_outdated"


# Connections that are kept


def kept(server: TestServer) -> int:
    return server.runtime.pool.connection_count


async def test_one_connection_carries_many_messages(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        for _ in range(5):
            assert (await pair.send("POST", "echo", body=b"x")).status == 200
        assert kept(pair.consumer) == 1
        assert kept(pair.provider) == 1


async def test_a_provider_that_was_started_again_gets_the_next_message(tmp_path):
    """On the same port, by then the old connection is dead."""
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        assert (await pair.send("GET", "echo")).status == 200
        (connection,) = pair.consumer.runtime.pool._keys
        connection.transport.get_extra_info("socket").shutdown(2)
        await until(lambda: kept(pair.consumer) == 0)
        assert (await pair.send("GET", "echo")).status == 200


async def test_a_kept_connection_is_judged_by_the_newest_configuration(tmp_path):
    def forget(server: SecurityServer) -> SecurityServer:
        return replace(server, auth_certificate_hashes=())

    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        assert (await pair.send("GET", "echo")).status == 200
        known = pair.consumer.global_conf
        change_servers(pair, forget)
        got = await pair.send("GET", "echo")
        refused = "server.clientproxy.ssl_authentication_failed"
        assert got.get("x-road-error") == refused
        pair.consumer.global_conf = known
        assert (await pair.send("GET", "echo")).status == 200
        assert len(pair.service.requests) == 2


@pytest.mark.parametrize("side", ["consumer", "provider"])
async def test_a_peer_that_lost_its_client_is_refused_at_once(tmp_path, side):
    """The certificate is still registered, but not for this member any more."""

    def move(server: SecurityServer) -> SecurityServer:
        return replace(server, clients=())

    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        assert (await pair.send("GET", "echo")).status == 200
        shared = pair.instance.shared_parameters()
        if side == "consumer":  # the provider's server no longer knows the client
            changed = tuple(move(s) for s in shared.security_servers)
            conf = pair.instance.global_conf(replace(shared, security_servers=changed))
            pair.provider.global_conf = conf
            got = await pair.send("GET", "echo")
            code = "server.serverproxy.service_failed.ssl_authentication_failed"
        else:
            changed = tuple(
                move(s) if s.code == "SS2" else s for s in shared.security_servers
            )
            conf = pair.instance.global_conf(replace(shared, security_servers=changed))
            pair.consumer.global_conf = conf
            got = await pair.send("GET", "echo")
            code = "server.clientproxy.unknown_member"
        assert got.get("x-road-error") == code
        assert len(pair.service.requests) == 1
