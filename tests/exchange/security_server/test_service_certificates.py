"""A service behind HTTPS must show a certificate that is listed, for every message."""

import asyncio
from contextlib import suppress
from dataclasses import replace

from kerege.exchange.storage.server_configuration import ConnectionType
from kerege.exchange.tls import Identity, peer_server_context
from kerege.xroad.x509 import certificate_der
from tests.instances import sandbox_instance
from tests.server_parts import registered
from tests.servers import Pair
from tests.wire import RawServer, answer

REFUSED = "server.serverproxy.ssl_authentication_failed"


async def test_a_connection_that_another_service_opened_is_judged_for_each(tmp_path):
    identity = sandbox_instance().identity()
    async with Pair(tmp_path) as pair, a_service(identity) as service:
        pair.offer("lenient", url=service.url, verify_tls=False)
        pair.offer("strict", url=service.url, verify_tls=True)
        assert (await pair.send("GET", "lenient/path")).body == b"here"
        refused = await pair.send("GET", "strict/path")
        assert refused.get("x-road-error") == REFUSED
        assert [got.target for got in service.requests] == ["/path"]


async def test_a_certificate_counts_while_it_is_listed(tmp_path):
    identity = sandbox_instance().identity()
    async with Pair(tmp_path) as pair, a_service(identity) as service:
        pair.offer("strict", url=service.url, verify_tls=True)
        unlisted = pair.provider.rights
        der = certificate_der(identity.certificates[0])
        owner = pair.provider_client
        listed = registered(owner, unlisted.clients[owner].connection, der)
        pair.provider.rights = replace(
            unlisted, clients={**unlisted.clients, owner: listed}
        )
        assert (await pair.send("GET", "strict/path")).body == b"here"
        pair.provider.rights = unlisted
        refused = await pair.send("GET", "strict/path")
        assert refused.get("x-road-error") == REFUSED


async def test_the_certificate_of_another_client_is_not_the_service_s(tmp_path):
    identity = sandbox_instance().identity()
    async with Pair(tmp_path) as pair, a_service(identity) as service:
        pair.offer("strict", url=service.url, verify_tls=True)
        der = certificate_der(identity.certificates[0])
        other = pair.instance.consumer.clients[0]
        known = pair.provider.rights
        listed = registered(other, ConnectionType.HTTP, der)
        pair.provider.rights = replace(known, clients={**known.clients, other: listed})
        refused = await pair.send("POST", "strict/path", body=b"secret")
        assert refused.get("x-road-error") == REFUSED
        assert service.requests == []


async def test_not_a_byte_goes_to_a_service_that_is_not_listed(tmp_path):
    """TLS is agreed on, and then the service hears nothing but the end."""
    heard: list[bytes] = []
    ended = asyncio.Event()

    async def listen(reader, writer):
        with suppress(ConnectionError):  # a reset is an end as well
            while chunk := await reader.read(100):
                heard.append(chunk)
        writer.close()
        ended.set()

    context = peer_server_context(sandbox_instance().identity())
    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server, Pair(tmp_path) as pair:
        url = f"https://127.0.0.1:{port}"
        pair.offer("strict", url=url, verify_tls=True)
        refused = await pair.send("POST", "strict/path", body=b"secret" * 100_000)
        assert refused.get("x-road-error") == REFUSED
        async with asyncio.timeout(60):
            await ended.wait()
    assert heard == []


async def test_a_redirect_of_a_service_is_handed_on_and_not_followed(tmp_path):
    """It leads to a service that nobody has listed: nothing goes there."""
    identity = sandbox_instance().identity()
    async with Pair(tmp_path) as pair, RawServer(answer(body=b"there")) as elsewhere:
        headers = {"Location": f"{elsewhere.url}/there"}
        moved = answer("302 Found", headers=headers)
        context = peer_server_context(identity)
        async with RawServer(moved, ssl=context) as service:
            pair.offer("strict", url=service.url, verify_tls=True)
            owner, known = pair.provider_client, pair.provider.rights
            der = certificate_der(identity.certificates[0])
            listed = registered(owner, ConnectionType.HTTP, der)
            clients = {**known.clients, owner: listed}
            pair.provider.rights = replace(known, clients=clients)
            got = await pair.send("GET", "strict/path")
        assert (got.status, got.get("location")) == (302, f"{elsewhere.url}/there")
        assert elsewhere.requests == []


def a_service(identity: Identity) -> RawServer:
    context = peer_server_context(identity)
    return RawServer(answer(body=b"here"), ssl=context)
