"""Authentication certificates that are wrong, judged by either side.

What the consumer judges has the reason's code behind ``ssl_authentication_failed``;
what the provider judges has not, and comes while it reads the message, hence
``service_failed`` (`AuthTrustVerifier.java`, `ServerRestMessageProcessor.java`).
"""

from datetime import timedelta

import pytest

from kerege.exchange.tls import Identity, load_identity
from kerege.trust.authority import Validity
from tests.attacks.messages import Author
from tests.attacks.stage import Stage, configuration_with, dress
from tests.instances import Signing, sandbox_instance, spare_key
from tests.servers import Pair

NO_PATH = "cannot_create_cert_path.internal_error"
BY_CONSUMER = "server.clientproxy.ssl_authentication_failed"
BY_PROVIDER = "server.serverproxy.service_failed.ssl_authentication_failed"
NOT_LISTED = "server.serverproxy.ssl_authentication_failed"


def expired(instance, server):
    validity = Validity.already_expired(instance.at)
    return instance.identity(server, validity=validity)


def not_yet_valid(instance, server):
    return instance.identity(server, validity=Validity.not_yet_begun(instance.at))


def revoked(instance, server):
    identity = instance.identity(server)
    instance.ca.revoke(identity.certificates[0].serial_number)
    return identity


def of_unknown_ca(_, server):
    return sandbox_instance("OTHER").identity(server)


def of_a_ca_with_a_known_name(instance, server):
    forger = sandbox_instance(instance.name, fresh="a CA that takes another's name")
    return forger.identity(server)


def for_signing(instance, server):
    key = spare_key(0)
    signer = instance.signer(server.owner, key=key)
    return load_identity((signer.certificate, *instance.ca.chain), key)


def of_a_web_server(instance, server):
    """Usage allows key encipherment, so the reference takes it; it is not registered."""
    key = spare_key(0)
    certificate = instance.ca.issue_tls_server(key.public_key(), "www.test")
    return load_identity((certificate, *instance.ca.chain), key)


WRONG = [
    pytest.param(expired, f".{NO_PATH}", id="expired"),
    pytest.param(not_yet_valid, f".{NO_PATH}", id="not yet valid"),
    pytest.param(revoked, ".invalid_cert_path.cert_validation", id="revoked"),
    pytest.param(of_unknown_ca, f".{NO_PATH}", id="unknown CA"),
    pytest.param(of_a_ca_with_a_known_name, f".{NO_PATH}", id="forged CA"),
    pytest.param(for_signing, "", id="for signing"),
]


@pytest.mark.parametrize(("make", "reason"), WRONG)
async def test_a_provider_with_a_wrong_certificate_gets_nothing(
    tmp_path, logs, make, reason
):
    pair = Pair(tmp_path)
    proper = pair.provider.identity
    wrong = make(pair.instance, pair.provider.server_id)
    dress(pair.provider, identity=wrong)
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        certificates = (wrong.certificates[0], proper.certificates[0])
        stage.use(configuration_with(pair, provider=certificates))
        await stage.refuses(BY_CONSUMER + reason, method="POST", body=b"secret")
        assert pair.provider.exchanges == []
        assert pair.service.requests == []


@pytest.mark.parametrize(("make", "reason"), WRONG)
async def test_a_consumer_with_a_wrong_certificate_is_not_heard(stage, make, reason):
    del reason  # the provider does not tell it
    pair = stage.pair
    proper = pair.consumer.identity.certificates[0]
    wrong = make(pair.instance, pair.consumer.server_id)
    stage.use(configuration_with(pair, consumer=(wrong.certificates[0], proper)))
    author = author_with(pair, wrong)
    await stage.peer_refuses(BY_PROVIDER, author.request(stage.echo), wrong)
    assert pair.service.requests == []
    assert pair.provider.log.records == []
    await stage.succeeds()


async def test_a_consumer_nobody_has_registered_is_refused_before_it_is_heard(stage):
    """Here the reference ends the handshake; ours says why."""
    unlisted = stage.pair.instance.identity()
    author = author_with(stage.pair, unlisted)
    await stage.peer_refuses(NOT_LISTED, author.request(stage.echo), unlisted)
    assert stage.pair.provider.exchanges[-1].client == ""
    certificates = (unlisted.certificates[0],)
    stage.use(configuration_with(stage.pair, consumer=certificates))
    await stage.peer_accepts(author.request(stage.echo), unlisted)


async def test_a_provider_nobody_has_registered_gets_nothing(tmp_path, logs):
    pair = Pair(tmp_path)
    unlisted = pair.instance.identity(pair.provider.server_id)
    dress(pair.provider, identity=unlisted)
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        await stage.refuses(BY_CONSUMER)
        assert pair.provider.exchanges == []
        certificates = (unlisted.certificates[0],)
        stage.use(configuration_with(pair, provider=certificates))
        await stage.succeeds()


async def test_a_web_servers_certificate_does_not_make_a_security_server(
    tmp_path, logs
):
    pair = Pair(tmp_path)
    dress(pair.provider, identity=of_a_web_server(pair.instance, None))
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        await stage.refuses(BY_CONSUMER)


async def test_one_server_cannot_answer_for_the_providers_of_another(tmp_path, logs):
    """The consumer's own, properly registered server poses as the provider's."""
    pair = Pair(tmp_path)
    dress(pair.provider, identity=pair.consumer.identity)
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        refused = await stage.refuses(BY_CONSUMER)
        assert b"is not registered at security server" in refused.body
        assert pair.provider.exchanges == []


async def test_one_server_cannot_speak_for_the_clients_of_another(stage):
    """The provider's own, properly registered server sends as the consumer's client."""
    instance = stage.pair.instance
    identity = instance.provider.identity
    author = author_with(stage.pair, identity)
    refused = await stage.peer_refuses(
        BY_PROVIDER, author.request(stage.echo), identity
    )
    assert b"is not registered at security server" in refused.body
    assert stage.pair.service.requests == []
    await stage.succeeds()


async def test_a_stolen_certificate_is_worth_nothing_without_its_key(stage):
    """Its OCSP responses are public, and the provider's own certificate is listed."""
    identity = stage.pair.instance.provider.identity
    author = Author.of(stage.pair.instance, stage.pair.instance.consumer)
    await stage.peer_refuses(BY_PROVIDER, author.request(stage.echo), identity)
    await stage.succeeds()


async def test_a_consumer_may_leave_out_its_intermediate_ca(stage):
    """The configuration has it; the reference's servers send only their own."""
    identity = stage.pair.consumer.identity
    alone = Identity(identity.certificates[:1], identity.private_key)
    await stage.peer_accepts(stage.author.request(stage.echo), alone)


async def test_a_certificate_that_expires_while_the_connection_is_kept(tmp_path, logs):
    pair = Pair(tmp_path)
    at = pair.instance.at
    short = Validity(at - timedelta(hours=1), at + timedelta(minutes=10))
    identity = pair.instance.identity(pair.provider.server_id, validity=short)
    dress(pair.provider, identity=identity)
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        certificates = (identity.certificates[0],)
        stage.use(configuration_with(pair, provider=certificates))
        await stage.succeeds()
        assert pair.consumer.runtime.pool.idle_count == 1
        pair.clock.now = at + timedelta(minutes=11)
        await stage.refuses(f"{BY_CONSUMER}.{NO_PATH}")
        assert len(pair.service.requests) == 1


async def test_a_certificate_that_is_revoked_while_the_connection_is_kept(
    tmp_path, logs
):
    """The new OCSP response is asked for when the old one is ten minutes old."""
    pair = Pair(tmp_path)
    identity = pair.instance.identity(pair.provider.server_id)
    dress(pair.provider, identity=identity)
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        certificates = (identity.certificates[0],)
        stage.use(configuration_with(pair, provider=certificates))
        await stage.succeeds()
        pair.instance.ca.revoke(identity.certificates[0].serial_number)
        pair.clock.now += timedelta(minutes=11)
        await stage.succeeds()  # the old response is fresh for an hour
        await refreshed(pair)
        await stage.refuses(f"{BY_CONSUMER}.invalid_cert_path.cert_validation")


async def test_a_registration_that_is_taken_back_while_the_connection_is_kept(stage):
    pair = stage.pair
    await stage.succeeds()
    assert pair.consumer.runtime.pool.idle_count == 1
    stage.use(configuration_with(pair, provider=()))
    await stage.refuses(BY_CONSUMER)
    stage.use(configuration_with(pair, consumer=()))
    await stage.refuses(NOT_LISTED)
    stage.use(pair.instance.global_conf())
    await stage.succeeds()


def author_with(pair: Pair, identity: Identity) -> Author:
    """Return an author who shows this certificate and has its OCSP responses."""
    who = pair.instance.consumer
    author = Author.of(pair.instance, who)
    signing = Signing(who.server_id, who.clients, identity, who.signer)
    return Author(pair.instance, signing, author.at, author.signer, author.ocsp)


async def refreshed(pair: Pair) -> None:
    """Wait until the consumer has asked for OCSP responses again."""
    task = pair.consumer.runtime.peer_ocsp._refreshing
    if task is not None:
        await task
