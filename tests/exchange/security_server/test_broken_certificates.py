"""A certificate that OpenSSL reads and nobody else gives a fault, not a failure."""

from cryptography.x509 import load_der_x509_certificate

from kerege.exchange.storage.server_configuration import ConnectionType
from kerege.exchange.tls import Identity, service_context
from kerege.xroad.x509 import certificate_der
from tests.exchange.identities import identity
from tests.server_parts import registered, rights
from tests.servers import Pair
from tests.wire import call, request


def broken_identity() -> Identity:
    shown = identity("client", kind="ec")
    good = certificate_der(shown.certificates[0])
    bad = good.replace(b"\x0c\x06client", b"\x14\x06cli\xff\xfe\xff")
    return Identity((load_der_x509_certificate(bad),), shown.private_key)


async def test_on_the_message_port(tmp_path):
    headers = {"x-road-message-type": "REST", "x-hash-algorithm": "SHA-512"}
    async with Pair(tmp_path) as pair:
        got = await pair.provider.peer_call(
            request("POST", "/", headers, b""), broken_identity()
        )
        code = b"server.serverproxy.ssl_authentication_failed.incorrect_certificate<"
        assert code in got.body


async def test_on_the_client_side(tmp_path):
    async with Pair(tmp_path) as pair:
        server = pair.consumer
        server.rights = rights([registered(pair.client, ConnectionType.HTTPS_AUTH)])
        got = await call(
            server.host,
            server.ports.client_https,
            request(
                "GET",
                f"/r1/{pair.provider_client.path}/echo",
                {"X-Road-Client": pair.client.path},
            ),
            ssl=service_context(broken_identity(), verify=False),
        )
        assert got.get("x-road-error") == "server.clientproxy.ssl_authentication_failed"
