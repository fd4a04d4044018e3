"""A service behind HTTPS must show a certificate that is listed, for every message."""

from dataclasses import replace

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


def a_service(identity: Identity) -> RawServer:
    context = peer_server_context(identity)
    return RawServer(answer(body=b"here"), ssl=context)
