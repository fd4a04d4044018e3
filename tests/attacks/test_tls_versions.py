"""What is spoken on port 5500: TLS 1.2 with the reference's suites, TLS 1.3, no less."""

import asyncio
import ssl
import warnings
from dataclasses import replace

import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric import ec

from kerege.exchange.http import Response, serve
from kerege.exchange.tls import (
    peer_client_context,
    peer_server_context,
    service_context,
)
from tests.attacks.stage import Stage, configuration_with, dress
from tests.instances import sandbox_instance
from tests.servers import Pair
from tests.wire import call, request

RSA_SUITES = ("ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES256-SHA256")
"""The reference's default suites for RSA keys, up to 7.8 (facts section 1.2)."""
EC_SUITE = "ECDHE-ECDSA-AES256-SHA384"


def only(identity, *, suite=None, version=ssl.TLSVersion.TLSv1_2):
    """Return a client context for one version and one suite of TLS 1.2."""
    suites = {"suites": [suite]} if suite else {}
    context = peer_client_context(identity, **suites)
    context.minimum_version = context.maximum_version = version
    return context


def speak(stage, context):
    """Have the consumer's server speak with this context, and note what was agreed."""
    runtime = stage.pair.consumer.runtime
    runtime.keys = replace(runtime.keys, peer_client=context)


async def agreed(stage, context):
    """Return version and suite of a handshake with port 5500."""
    ports = stage.pair.provider.ports
    _, writer = await asyncio.open_connection("127.0.0.1", ports.peer, ssl=context)
    ssl_object = writer.get_extra_info("ssl_object")
    found = ssl_object.version(), ssl_object.cipher()[0]
    writer.transport.abort()
    return found


@pytest.mark.parametrize("suite", RSA_SUITES)
async def test_tls_1_2_works_with_each_suite_of_the_reference(stage, suite):
    context = only(stage.pair.consumer.identity, suite=suite)
    assert await agreed(stage, context) == ("TLSv1.2", suite)
    speak(stage, context)
    await stage.succeeds(method="POST", body=b"x" * 100_000)


async def test_tls_1_2_works_with_the_references_suite_for_ec_keys(tmp_path, logs):
    pair = Pair(tmp_path)
    key = ec.generate_private_key(ec.SECP256R1())
    identity = pair.instance.identity(pair.provider.server_id, key=key)
    dress(pair.provider, identity=identity)
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        certificates = (identity.certificates[0],)
        stage.use(configuration_with(pair, provider=certificates))
        context = only(pair.consumer.identity, suite=EC_SUITE)
        assert await agreed(stage, context) == ("TLSv1.2", EC_SUITE)
        speak(stage, context)
        await stage.succeeds(method="POST", body=b"x" * 100_000)


async def test_two_of_our_servers_speak_tls_1_3(stage):
    version, _ = await agreed(stage, peer_client_context(stage.pair.consumer.identity))
    assert version == "TLSv1.3"
    await stage.succeeds()


@pytest.mark.parametrize(
    "suite", ["AES256-SHA", "ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256"]
)
async def test_suites_outside_the_list_get_an_alert(stage, suite):
    context = only(stage.pair.consumer.identity, suite=suite)
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        await agreed(stage, context)
    await stage.succeeds()


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
async def test_older_versions_get_an_alert(stage, version):
    context = peer_client_context(stage.pair.consumer.identity)
    context.set_ciphers("ALL:@SECLEVEL=0")  # else our own side does not offer it
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        old = ssl.TLSVersion[version]
        context.minimum_version = context.maximum_version = old
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        await agreed(stage, context)
    await stage.succeeds()


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def without_certificate(version):
    context = service_context(verify=False)
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_client_without_certificate_gets_an_alert(stage, version):
    context = without_certificate(version)
    message = stage.author.request(stage.echo).posted()
    with pytest.raises(ssl.SSLError, match=r"ALERT_(HANDSHAKE|CERTIFICATE)"):
        await call("127.0.0.1", stage.pair.provider.ports.peer, message, ssl=context)
    assert stage.pair.provider.exchanges == []
    await stage.succeeds()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_alert_is_sent_by_the_fast_event_loop_too(version):
    identity = sandbox_instance().provider.identity

    async def story():
        async with await serve(
            answer_nothing, "127.0.0.1", 0, ssl=peer_server_context(identity)
        ) as server:
            context = without_certificate(version)
            with pytest.raises(ssl.SSLError, match="ALERT"):
                await call("127.0.0.1", server.port, request("GET", "/"), ssl=context)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


async def answer_nothing(_):
    return Response()


async def test_plain_http_on_port_5500_is_not_answered(stage):
    port = stage.pair.provider.ports.peer
    for data in (stage.author.request(stage.echo).posted(), request("GET", "/"), b"\0"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        writer.write_eof()
        heard = await reader.read()
        writer.transport.abort()
        assert not heard.startswith(b"HTTP/")
    assert stage.pair.provider.exchanges == []
    await stage.succeeds()


async def test_tls_on_port_8080_is_a_bad_request(stage):
    context = peer_client_context(stage.pair.consumer.identity)
    port = stage.pair.consumer.ports.client
    with pytest.raises(ssl.SSLError, match="WRONG_VERSION_NUMBER"):
        await asyncio.open_connection("127.0.0.1", port, ssl=context)
    await stage.succeeds()


async def test_a_session_that_is_resumed_is_judged_like_a_new_one(stage):
    """A ticket from before the registration was taken back opens nothing."""
    speak(stage, only(stage.pair.consumer.identity))
    pool = stage.pair.consumer.runtime.pool
    await stage.succeeds()
    (resuming,) = pool._resuming.values()
    ticket = resuming.session
    assert ticket is not None
    await pool.close()
    stage.use(configuration_with(stage.pair, consumer=()))
    await stage.refuses("server.serverproxy.ssl_authentication_failed")
    await pool.close()
    stage.use(stage.pair.instance.global_conf())
    await stage.succeeds()
    assert resuming.session is not None
