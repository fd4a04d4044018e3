"""Who may serve a description over https to an operator's command."""

import ssl

import pytest

from kerege.exchange.describing import Access
from kerege.exchange.tls import peer_server_context
from kerege.xroad.faults import XRoadError
from kerege.xroad.x509 import certificate_der
from tests.instances import sandbox_instance
from tests.server_parts import registered
from tests.wire import RawServer, answer

HERE = answer(body=b"a: 1")


@pytest.fixture
async def secure():
    """A service behind https; its certificate is of no CA that this machine trusts."""
    identity = sandbox_instance().identity()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    identity.install(context)
    async with RawServer(HERE, ssl=context) as server:
        server.der = certificate_der(identity.certificates[0])
        yield server


def access(*certificates: bytes, **options) -> Access:
    owner = sandbox_instance().provider.clients[0]
    client = registered(owner)
    return Access(registered(owner, client.connection, *certificates), **options)


async def test_a_listed_certificate_is_believed(secure):
    assert (await access(secure.der).fetch(secure.url)).content == b"a: 1"


async def test_another_one_is_not(secure):
    with pytest.raises(XRoadError, match="is not one of those registered") as caught:
        await access(b"another").fetch(secure.url)
    assert caught.value.code == "ssl_authentication_failed"
    assert secure.requests == []


async def test_without_a_list_the_cas_of_the_machine_count(secure):
    with pytest.raises(XRoadError, match="nothing was received") as caught:
        await access().fetch(secure.url)
    assert "certificate verify failed" in caught.value.advice
    assert secure.requests == []


async def test_an_operator_may_do_without(secure):
    found = await access(b"another", verify_tls=False).fetch(secure.url)
    assert found.content == b"a: 1"


async def test_plain_http_has_nothing_to_show():
    async with RawServer(HERE) as server:
        assert (await access(b"another").fetch(server.url)).content == b"a: 1"


async def test_a_service_that_asks_for_a_certificate_sees_ours():
    identity = sandbox_instance().identity()
    async with RawServer(HERE, ssl=peer_server_context(identity)) as server:
        lenient = access(b"another", verify_tls=False, identity=identity)
        assert (await lenient.fetch(server.url)).content == b"a: 1"
        with pytest.raises(XRoadError, match="nothing was received"):
            await access(b"another", verify_tls=False).fetch(server.url)
