"""OCSP responses on their way: our own with every message, the peer's from its port."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kerege.exchange.tls import peer_server_context
from tests.instances import OCSP_FRESHNESS_SECONDS, sandbox_instance
from tests.server_parts import fingerprints
from tests.servers import Pair
from tests.wire import RawServer, answer, call

HOUR = timedelta(seconds=OCSP_FRESHNESS_SECONDS)
CONSUMER = "server.clientproxy"
PROVIDER = "server.serverproxy"


async def refused(pair: Pair, code: str) -> None:
    called = len(pair.service.requests)
    got = await pair.send("GET", "echo")
    assert (got.status, got.get("x-road-error")) == (500, code)
    assert len(pair.service.requests) == called


async def served(pair: Pair) -> None:
    assert (await pair.send("GET", "echo")).status == 200


async def test_without_responses_of_its_own_a_server_sends_nothing(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        certificates = pair.consumer.identity.certificates
        for certificate in certificates:
            pair.consumer.ocsp.instead = {certificate: None}
            await refused(pair, f"{CONSUMER}.ssl_authentication_failed")
        signing = pair.instance.consumer.signer.certificate
        pair.consumer.ocsp.instead = {signing: None}
        await refused(pair, f"{CONSUMER}.cannot_create_signature")
        assert pair.consumer.log.records == []
        pair.consumer.ocsp.instead = {}
        await served(pair)


async def test_a_provider_without_response_of_its_signing_certificate(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        signing = pair.instance.provider.signer.certificate
        pair.provider.ocsp.instead = {signing: None}
        got = await pair.send("GET", "echo")
        assert got.get("x-road-error") == f"{PROVIDER}.cannot_create_signature"


async def test_a_peer_that_gives_no_responses_gets_no_message(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        authentication, *_ = pair.provider.identity.certificates
        pair.provider.ocsp.instead = {authentication: None}
        code = f"{CONSUMER}.ssl_authentication_failed.internal_error"
        await refused(pair, code)
        assert pair.provider.exchanges == []
        pair.provider.ocsp.instead = {}
        await served(pair)


@pytest.mark.parametrize(
    "body",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        answer(
            headers={"Content-Type": "multipart/related; boundary=b"}, body=b"--b--"
        ),
        b"nonsense\r\n\r\n",
        b"",
    ],
)
async def test_a_peer_with_a_strange_ocsp_port_gets_no_message(tmp_path, body):
    pair = Pair(tmp_path)
    async with RawServer(body) as stranger:
        pair.consumer.peer_ocsp_port = stranger.port
        async with pair:
            pair.offer("echo")
            await refused(pair, f"{CONSUMER}.ssl_authentication_failed.internal_error")
            assert pair.provider.exchanges == []


async def test_the_responses_are_asked_for_once(tmp_path):
    pair = Pair(tmp_path)
    async with RawServer(b"") as relay:
        pair.consumer.peer_ocsp_port = relay.port
        async with pair:
            pair.offer("echo")
            relay.answer = await recorded_ocsp(pair)
            for _ in range(3):
                await served(pair)
            assert len(relay.requests) == 1
            pair.clock.now += timedelta(minutes=11)
            await served(pair)  # with the old ones; new ones are asked for meanwhile
    assert len(relay.requests) <= 2


async def recorded_ocsp(pair: Pair) -> bytes:
    """Return what the provider's port 5577 answers now."""
    certificates = pair.provider.identity.certificates
    asked = "&".join(f"cert={fingerprints(one)[0].hex()}" for one in certificates)
    data = f"GET /?{asked} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    got = await call("127.0.0.1", pair.provider.ports.ocsp, data)
    return answer(
        headers={"Content-Type": got.get("content-type") or ""}, body=got.body
    )


async def test_a_revoked_peer_is_refused(tmp_path):
    """From the moment on at which the responder says so, on kept connections too."""
    pair = Pair(tmp_path, instance=sandbox_instance(fresh="revoked peer"))
    async with pair:
        pair.offer("echo")
        await served(pair)
        certificate = pair.provider.identity.certificates[0]
        pair.instance.ca.revoke(certificate.serial_number)
        pair.clock.now += HOUR + timedelta(minutes=1)
        code = f"{CONSUMER}.ssl_authentication_failed.invalid_cert_path"
        got = await pair.send("GET", "echo")
        assert (got.get("x-road-error") or "").startswith(code)


async def test_a_revoked_client_server_is_refused(tmp_path):
    pair = Pair(tmp_path, instance=sandbox_instance(fresh="revoked client"))
    async with pair:
        pair.offer("echo")
        await served(pair)
        certificate = pair.consumer.identity.certificates[0]
        pair.instance.ca.revoke(certificate.serial_number)
        code = f"{PROVIDER}.service_failed.ssl_authentication_failed"
        await refused(pair, code)


async def test_a_revoked_signer_is_refused(tmp_path):
    pair = Pair(tmp_path, instance=sandbox_instance(fresh="revoked signer"))
    async with pair:
        pair.offer("echo")
        await served(pair)
        signing = pair.instance.consumer.signer.certificate
        pair.instance.ca.revoke(signing.serial_number)
        code = f"{PROVIDER}.signature_verification.invalid_cert_path.cert_validation"
        await refused(pair, code)


@pytest.mark.parametrize("size", [0, 3_000_000])
async def test_days_later_everything_is_renewed(tmp_path, size):
    """A connection is still open, but what its peer was judged by is too old."""
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        for _ in range(4):
            got = await pair.send("POST", "echo", body=b"x" * size)
            assert got.status == 200
            pair.clock.now += HOUR * 3
        assert [len(called.body) for called in pair.service.requests] == [size] * 4
        assert pair.consumer.runtime.pool.connection_count == 1


async def test_a_renewed_response_is_asked_for_before_a_peer_is_refused(tmp_path):
    """What is remembered for ten minutes may be too old where five are allowed."""
    async with Pair(tmp_path) as pair:
        shared = replace(pair.instance.shared_parameters(), ocsp_freshness_seconds=300)
        pair.consumer.global_conf = pair.instance.global_conf(shared)
        pair.offer("echo")
        for _ in range(4):
            await served(pair)
            pair.clock.now += timedelta(minutes=6)


async def test_responses_that_are_too_old_stop_the_exchange(tmp_path):
    pair = Pair(tmp_path)
    at = pair.instance.at
    pair.provider.ocsp.by_certificate = lambda one: pair.instance.ocsp_response(one, at)
    async with pair:
        pair.offer("echo")
        await served(pair)
        pair.clock.now += HOUR + timedelta(seconds=1)
        got = await pair.send("GET", "echo")
        code = "ssl_authentication_failed.invalid_cert_path.incorrect_validation_info"
        assert got.get("x-road-error") == f"{CONSUMER}.{code}"


async def test_a_peer_without_message_port_says_what_is_wrong(tmp_path):
    pair = Pair(tmp_path)
    context = peer_server_context(pair.instance.identity())
    async with RawServer(b"", ssl=context) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            pair.offer("echo")
            got = await pair.send("GET", "echo")
    assert (got.get("x-road-error") or "").startswith(
        f"{CONSUMER}.ssl_authentication_failed"
    )
    assert stranger.requests == []
