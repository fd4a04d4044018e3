"""Services that are down, slow, broken, or not who they should be."""

import pytest
from cryptography import x509

from kerege.exchange.http import ClientLimits
from kerege.exchange.storage.server_configuration import ConnectionType
from kerege.exchange.tls import client_side_context, load_identity
from kerege.trust.authority import Validity
from kerege.xroad.x509 import certificate_der
from tests.attacks.rude import Talking
from tests.attacks.stage import Stage
from tests.instances import spare_key
from tests.server_parts import registered, rights
from tests.servers import OK, Pair
from tests.wire import RawServer, answer


async def closed_port() -> int:
    """Return a port on which nobody listens any more."""
    async with RawServer() as server:
        return server.port


async def test_a_service_that_is_down_is_a_network_error(stage):
    url = f"http://127.0.0.1:{await closed_port()}"
    stage.pair.offer("down", url=url)
    await stage.refuses("server.serverproxy.network_error", "down")
    await stage.succeeds()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 64 + ".test"])
async def test_a_service_on_a_host_that_does_not_exist_is_an_unknown_host(stage, host):
    stage.pair.offer("lost", url=f"http://{host}/")
    await stage.refuses("server.serverproxy.unknown_host", "lost")
    await stage.succeeds()


async def test_a_service_that_resets_the_connection_is_a_network_error(stage):
    async with Talking(None) as service:
        stage.pair.offer("rude", url=f"http://127.0.0.1:{service.port}")
        await stage.refuses("server.serverproxy.network_error", "rude")
    await stage.succeeds()


async def test_a_service_without_address_says_so(stage):
    stage.pair.offer("empty", url="")
    stage.pair.offer("odd", url="gopher://here/")
    await stage.refuses("server.serverproxy.service_missing_url", "empty")
    await stage.refuses("server.serverproxy.service_malformed_url", "odd")
    await stage.succeeds()


async def test_a_service_that_is_silent_for_longer_than_its_time_out_fails(
    tmp_path, logs
):
    pair = Pair(tmp_path)
    pair.provider.pool_limits = ClientLimits(tick_seconds=0.01)
    async with pair, RawServer(None) as silent:
        stage = Stage(pair, logs)
        pair.offer("echo")
        pair.offer("slow", url=silent.url, timeout_seconds=0.3)
        await stage.refuses("server.serverproxy.io_error", "slow")
        assert len(silent.requests) == 1
        await stage.succeeds()


async def test_a_service_that_stops_in_the_middle_of_its_answer_fails(tmp_path, logs):
    pair = Pair(tmp_path)
    pair.provider.pool_limits = ClientLimits(tick_seconds=0.01)
    begun = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun"
    async with pair, RawServer(begun) as stuck:
        stage = Stage(pair, logs)
        pair.offer("echo")
        pair.offer("stuck", url=stuck.url, timeout_seconds=0.05)
        await stage.refuses("server.serverproxy.io_error", "stuck")
        await stage.succeeds()


async def test_a_service_without_time_out_may_take_its_time(stage):
    """As in the reference: zero is no end, not no time."""
    stage.pair.offer("patient", timeout_seconds=0)
    await stage.succeeds("patient")


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"",
    ],
    ids=["length", "chunks", "head", "nothing"],
)
async def test_an_answer_that_is_cut_off_is_an_io_error(stage, cut):
    stage.pair.service.answer = cut.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")
    await stage.refuses("server.serverproxy.io_error")
    (_, *answers) = stage.pair.provider.log.records
    assert answers == []
    stage.pair.service.answer = OK
    await stage.succeeds()


async def test_an_answer_that_is_cut_off_after_a_megabyte_is_an_io_error(stage):
    """By then the answer to the consumer has begun: the fault is its last part."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\nConnection: close\r\n\r\n"
    stage.pair.service.answer = head + bytes(1_500_000)
    refused = await stage.refuses("server.serverproxy.io_error")
    assert len(refused.raw) < 1000
    stage.pair.service.answer = OK
    await stage.succeeds()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\x17 no HTTP at all",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Header: x\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=[
        "bytes",
        "ssh",
        "status",
        "header",
        "lengths",
        "framing",
        "upgrade",
        "long",
    ],
)
async def test_a_service_that_does_not_speak_http_is_an_io_error(stage, garbage):
    stage.pair.service.answer = garbage
    await stage.refuses("server.serverproxy.io_error")
    stage.pair.service.answer = OK
    await stage.succeeds()


async def test_an_error_of_the_service_is_an_answer_and_no_fault(stage):
    stage.pair.service.answer = answer("503 Service Unavailable", body=b"later")
    got = await stage.pair.send("GET", "echo")
    assert (got.status, got.body) == (503, b"later")
    assert got.get("x-road-error") is None
    assert len(stage.pair.consumer.log.records) == 2


async def test_an_https_service_must_show_a_listed_certificate(stage):
    pair = stage.pair
    listed, unlisted = self_made(pair, 6), self_made(pair, 7)
    async with (
        RawServer(OK, ssl=client_side_context(listed)) as good,
        RawServer(OK, ssl=client_side_context(unlisted)) as bad,
    ):
        pair.offer("listed", url=good.url, verify_tls=True)
        pair.offer("unlisted", url=bad.url, verify_tls=True)
        pair.offer("trusting", url=bad.url, verify_tls=False)
        await stage.refuses("server.serverproxy.ssl_authentication_failed", "listed")
        list_certificate(pair, listed.certificates[0])
        await stage.succeeds("listed")
        await stage.refuses("server.serverproxy.ssl_authentication_failed", "unlisted")
        assert bad.requests == []
        await stage.succeeds("trusting")


async def test_a_certificate_that_was_struck_off_the_list_is_refused_at_once(stage):
    """Also on a connection that is kept open."""
    pair = stage.pair
    listed = self_made(pair, 6)
    async with RawServer(OK, ssl=client_side_context(listed)) as service:
        pair.offer("listed", url=service.url, verify_tls=True)
        list_certificate(pair, listed.certificates[0])
        await stage.succeeds("listed")
        pair.offer("listed", url=service.url, verify_tls=True)
        await stage.refuses("server.serverproxy.ssl_authentication_failed", "listed")
        assert len(service.requests) == 1


async def test_a_trusting_service_does_not_open_the_way_for_a_checked_one(stage):
    """Two services at one address share connections, not the check."""
    pair = stage.pair
    unlisted = self_made(pair, 7)
    async with RawServer(OK, ssl=client_side_context(unlisted)) as service:
        pair.offer("trusting", url=service.url, verify_tls=False)
        pair.offer("checked", url=service.url, verify_tls=True)
        await stage.succeeds("trusting")
        await stage.refuses("server.serverproxy.ssl_authentication_failed", "checked")
        assert len(service.requests) == 1


async def test_a_service_that_speaks_no_tls_where_tls_is_set_is_refused(stage):
    port = stage.pair.provider.ports.client
    stage.pair.offer("plain", url=f"https://127.0.0.1:{port}", verify_tls=False)
    await stage.refuses("server.serverproxy.io_error", "plain")
    await stage.succeeds()


def self_made(pair, number):
    """Return an identity of an information system, from whatever CA."""
    at = pair.instance.at
    return load_identity(
        pair.instance.identity(
            key=spare_key(number), validity=Validity.days_from(at, 1)
        ).certificates[:1],
        spare_key(number),
    )


def list_certificate(pair: Pair, certificate: x509.Certificate) -> None:
    """List a certificate for the provider's client."""
    known = pair.provider.rights
    client = registered(
        pair.provider_client, ConnectionType.HTTP, certificate_der(certificate)
    )
    others = [c for c in known.clients.values() if c.client_id != client.client_id]
    pair.provider.rights = rights(
        [client, *others], known.services.values(), known.access_rights
    )
