"""How an information system must connect to speak for a client."""

from datetime import timedelta

import pytest

from kerege.exchange.storage.server_configuration import ConnectionType
from kerege.exchange.tls import Identity, load_identity, service_context
from kerege.trust.authority import Validity
from kerege.xroad.x509 import certificate_der
from tests.instances import Instance, spare_key
from tests.server_parts import registered, rights
from tests.servers import Pair
from tests.wire import Http, call, request

REFUSED = "server.clientproxy.ssl_authentication_failed"


def information_system(instance: Instance, number: int = 6, **validity) -> Identity:
    key = spare_key(number)
    certificate = instance.ca.issue_tls_server(
        key.public_key(), "is.example", **validity
    )
    return load_identity([certificate], key)


def demand(pair: Pair, connection: ConnectionType, *listed: Identity) -> None:
    """Let the consumer's server demand this of its client."""
    certificates = [certificate_der(one.certificates[0]) for one in listed]
    client = registered(pair.client, connection, *certificates)
    pair.consumer.rights = rights([client])


async def over_https(pair: Pair, shown: Identity | None = None) -> Http:
    service = pair.offer("echo")
    target = f"/r1/{service.path}"
    data = request("GET", target, {"X-Road-Client": pair.client.path})
    context = service_context(shown, verify=False)
    ports = pair.consumer.ports
    return await call("127.0.0.1", ports.client_https, data, ssl=context)


async def over_http(pair: Pair) -> Http:
    pair.offer("echo")
    return await pair.send("GET", "echo")


def refusal(got: Http) -> str | None:
    return got.get("x-road-error")


async def test_a_client_set_to_http_may_come_either_way(tmp_path):
    async with Pair(tmp_path) as pair:
        demand(pair, ConnectionType.HTTP)
        assert (await over_http(pair)).status == 200
        assert (await over_https(pair)).status == 200


async def test_a_client_set_to_https_must_not_come_in_the_clear(tmp_path):
    async with Pair(tmp_path) as pair:
        demand(pair, ConnectionType.HTTPS_NO_AUTH)
        assert refusal(await over_http(pair)) == REFUSED
        assert (await over_https(pair)).status == 200
        stranger = information_system(pair.instance)
        assert (await over_https(pair, stranger)).status == 200
        assert len(pair.service.requests) == 2


async def test_a_client_set_to_certificates_must_show_one_of_its_own(tmp_path):
    async with Pair(tmp_path) as pair:
        known = information_system(pair.instance)
        other = information_system(pair.instance, 7)
        demand(pair, ConnectionType.HTTPS_AUTH, known)
        assert refusal(await over_http(pair)) == REFUSED
        assert refusal(await over_https(pair)) == REFUSED
        assert refusal(await over_https(pair, other)) == REFUSED
        assert pair.service.requests == []
        assert pair.consumer.log.records == []
        assert (await over_https(pair, known)).status == 200


async def test_the_certificate_of_another_client_opens_no_door(tmp_path):
    """Each client has its own list: what is listed for one speaks for no other."""
    async with Pair(tmp_path) as pair:
        mine, theirs = (information_system(pair.instance, n) for n in (6, 7))
        other = pair.instance.consumer.clients[1]
        pair.consumer.rights = rights(
            registered(
                client,
                ConnectionType.HTTPS_AUTH,
                certificate_der(shown.certificates[0]),
            )
            for client, shown in ((pair.client, mine), (other, theirs))
        )
        assert refusal(await over_https(pair, theirs)) == REFUSED
        assert pair.service.requests == []
        assert (await over_https(pair, mine)).status == 200


async def test_a_certificate_that_is_taken_off_the_list_no_longer_counts(tmp_path):
    """Nothing is restarted: the next message is refused, the one before passed."""
    async with Pair(tmp_path) as pair:
        known = information_system(pair.instance)
        demand(pair, ConnectionType.HTTPS_AUTH, known)
        assert (await over_https(pair, known)).status == 200
        demand(pair, ConnectionType.HTTPS_AUTH, information_system(pair.instance, 7))
        assert refusal(await over_https(pair, known)) == REFUSED
        demand(pair, ConnectionType.HTTPS_AUTH, known)
        assert (await over_https(pair, known)).status == 200


async def test_without_registered_certificates_nobody_may_come(tmp_path):
    async with Pair(tmp_path) as pair:
        demand(pair, ConnectionType.HTTPS_AUTH)
        got = await over_https(pair, information_system(pair.instance))
        assert refusal(got) == REFUSED


async def test_the_servers_own_certificate_is_let_in(tmp_path):
    """Whoever has the server's own key, an application beside it, is trusted."""
    pair = Pair(tmp_path)
    pair.consumer.internal = information_system(pair.instance)
    async with pair:
        demand(pair, ConnectionType.HTTPS_AUTH)
        assert (await over_https(pair, pair.consumer.internal)).status == 200


@pytest.mark.parametrize("days", [-10, 10])
async def test_a_listed_certificate_outside_its_validity_is_let_in(tmp_path, days):
    """As in the reference: somebody listed it by hand, so the date only warns."""
    async with Pair(tmp_path) as pair:
        start = pair.instance.at + timedelta(days=days)
        validity = Validity(start, start + timedelta(days=5))
        shown = information_system(pair.instance, validity=validity)
        demand(pair, ConnectionType.HTTPS_AUTH, shown)
        assert (await over_https(pair, shown)).status == 200
