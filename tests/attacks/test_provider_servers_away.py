"""The provider's security server cannot be reached, or one of several cannot.

Whatever is between: no connection is ``network_error``, no handshake
``ssl_authentication_failed`` (`FastestConnectionSelectingSSLSocketFactory.java`).
"""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

from kerege.exchange.security_server.settings import Peers, Settings
from kerege.exchange.tls import peer_server_context
from kerege.trust.authority import Validity
from tests.attacks.rude import Talking
from tests.attacks.stage import Stage
from tests.servers import Pair
from tests.wire import RawServer

UNREACHABLE = "server.clientproxy.network_error"
NO_HANDSHAKE = "server.clientproxy.ssl_authentication_failed"


@asynccontextmanager
async def away(tmp_path, logs, port, *, seconds=5.0):
    """Yield a stage whose consumer looks for the provider's server at ``port``."""
    pair = Pair(tmp_path)
    pair.consumer.peer_port = port
    pair.consumer.settings = Settings(peers=Peers(connect_timeout_seconds=seconds))
    async with pair:
        pair.offer("echo")
        yield Stage(pair, logs)


async def test_a_server_that_is_down_is_a_network_error(tmp_path, logs):
    async with RawServer() as gone:
        port = gone.port
    async with away(tmp_path, logs, port) as stage:
        await stage.refuses(UNREACHABLE, method="POST", body=b"x" * 200_000)
        records = stage.pair.consumer.log.records
        assert all(one.record.direction.name == "REQUEST" for one in records)


async def test_an_address_that_does_not_resolve_is_a_network_error(stage):
    pair = stage.pair
    shared = pair.instance.shared_parameters(addresses=("no-such-host.invalid",))
    pair.consumer.global_conf = pair.instance.global_conf(shared)
    await stage.refuses(UNREACHABLE)
    pair.consumer.global_conf = pair.instance.global_conf()
    await stage.succeeds()


async def test_a_server_that_never_shakes_hands_is_given_up(tmp_path, logs):
    async with (
        RawServer(None) as silent,
        away(tmp_path, logs, silent.port, seconds=0.1) as stage,
    ):
        await stage.refuses(UNREACHABLE)


async def test_a_server_that_speaks_no_tls_is_an_authentication_failure(tmp_path, logs):
    words = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    async with Talking(words) as plain, away(tmp_path, logs, plain.port) as stage:
        await stage.refuses(NO_HANDSHAKE)


async def test_a_server_that_closes_in_the_handshake_is_an_authentication_failure(
    tmp_path, logs
):
    async with Talking(b"") as closing, away(tmp_path, logs, closing.port) as stage:
        await stage.refuses(NO_HANDSHAKE)


async def test_a_server_that_resets_the_connection_is_a_network_error(tmp_path, logs):
    pair = Pair(tmp_path)
    context = peer_server_context(pair.instance.provider.identity)
    async with Talking(None, ssl=context) as rude:
        pair.consumer.peer_port = rude.port
        async with pair:
            stage = Stage(pair, logs)
            await stage.refuses(UNREACHABLE)


async def test_of_two_servers_the_one_that_is_up_is_taken(stage):
    pair = stage.pair
    shared = pair.instance.shared_parameters(addresses=("127.0.0.3", "127.0.0.1"))
    stage.use(pair.instance.global_conf(shared))
    for _ in range(3):
        await stage.succeeds()
        await pair.consumer.runtime.pool.close()


async def test_of_two_servers_the_one_whose_certificate_is_good_is_taken(stage):
    """The other one was the fastest, when its certificate was still valid."""
    pair = stage.pair
    expired = pair.instance.identity(
        pair.provider.server_id, validity=Validity.already_expired(pair.instance.at)
    )
    port = pair.provider.ports.peer
    other = await asyncio.start_server(
        never, "127.0.0.3", port, ssl=peer_server_context(expired)
    )
    shared = pair.instance.shared_parameters(addresses=("127.0.0.3", "127.0.0.1"))
    stage.use(pair.instance.global_conf(shared))
    pool = pair.consumer.runtime.pool
    addresses = (("127.0.0.3", port), ("127.0.0.1", port))
    pool._fastest.put(addresses, addresses[0])
    await stage.succeeds()
    other.close()


async def test_a_server_that_is_refused_says_more_than_one_that_is_away(stage):
    pair = stage.pair
    shared = pair.instance.shared_parameters(addresses=("127.0.0.1", "127.0.0.3"))
    servers = tuple(
        replace(server, auth_certificate_hashes=())
        for server in shared.security_servers
    )
    shared = replace(shared, security_servers=servers)
    pair.consumer.global_conf = pair.instance.global_conf(shared)
    await stage.refuses(NO_HANDSHAKE)


async def test_a_server_that_comes_back_is_found_at_once(tmp_path, logs):
    pair = Pair(tmp_path)
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        await stage.succeeds()
        await pair.provider.__aexit__()
        await stage.refuses(UNREACHABLE)
        pair.provider._stack = type(pair.provider._stack)()
        await pair.provider.__aenter__()
        settings = pair.consumer.runtime.settings
        peers = replace(
            settings.peers,
            port=pair.provider.ports.peer,
            ocsp_port=pair.provider.ports.ocsp,
        )
        pair.consumer.runtime.settings = replace(settings, peers=peers)
        pair.consumer.runtime.peer_ocsp._port = pair.provider.ports.ocsp
        await stage.succeeds()


async def never(reader, writer):
    raise AssertionError
