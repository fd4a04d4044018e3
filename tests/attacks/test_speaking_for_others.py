"""A peer that speaks for a member it does not serve, and a client that claims to be one.

TLS says which server it is, the signature which member, the block which client, the
header which provider's server: all four must fit together.
"""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from kerege.xroad.certificates import ChainVerifier
from kerege.xroad.faults import XRoadError
from tests.attacks.messages import OCSP, REQUEST, Author, Letter, Piece
from tests.attacks.stage import Stage, impostor
from tests.instances import Signing
from tests.servers import Pair

NOT_SERVED = "server.serverproxy.service_failed.ssl_authentication_failed"
NOT_SIGNED = "server.serverproxy.signature_verification.incorrect_certificate"


def writes(pair, *, tls=None, signer=None, client=None):
    """Return a request of this client, with this TLS certificate's OCSP and signer."""
    own = pair.instance.consumer
    shown = tls or own
    signing = Signing(
        own.server_id, (client or own.clients[0],), shown.identity, own.signer
    )
    author = Author.of(pair.instance, signing, (signer or own).signer)
    return author.request(f"/r1/{pair.provider_client.path}/echo")


async def heard_nothing(stage):
    assert stage.pair.service.requests == []
    assert stage.pair.provider.log.records == []
    await stage.succeeds()


async def test_the_servers_own_client_signed_by_its_member_passes(stage):
    await stage.peer_accepts(writes(stage.pair))


async def test_the_client_of_another_server_is_refused(stage):
    """The provider's member, properly signed by it, sent by the consumer's server."""
    instance = stage.pair.instance
    letter = writes(
        stage.pair, signer=instance.provider, client=instance.provider.clients[0]
    )
    refused = await stage.peer_refuses(NOT_SERVED, letter)
    assert b"is not registered at security server" in refused.body
    await heard_nothing(stage)


async def test_a_message_sent_by_a_server_that_does_not_serve_its_client(stage):
    """Properly signed by the client's member, but it came over another server."""
    instance = stage.pair.instance
    letter = writes(stage.pair, tls=instance.provider)
    await stage.peer_refuses(NOT_SERVED, letter, instance.provider.identity)
    await heard_nothing(stage)


async def test_a_message_signed_by_another_member_is_refused(stage):
    """The server serves the client, but the client's member did not sign."""
    letter = writes(stage.pair, signer=stage.pair.instance.provider)
    await stage.peer_refuses(NOT_SIGNED, letter)
    await heard_nothing(stage)


async def test_another_member_of_the_same_server_cannot_sign_for_the_client(stage):
    """Two members on one server: the one's key is worth nothing for the other."""
    pair = stage.pair
    guest = replace(
        pair.instance.consumer.server_id.owner, member_code="9999", member_class="COM"
    )
    signer = pair.instance.signer(guest)
    author = Author.of(pair.instance, pair.instance.consumer, signer)
    await stage.peer_refuses(NOT_SIGNED, author.request(stage.echo))
    await heard_nothing(stage)


@pytest.mark.parametrize(
    "client",
    ["TEST/COM/1234/Unregistered", "TEST/COM/9999/Client", "TEST/COM/1234/client"],
)
async def test_a_client_that_is_registered_nowhere_is_refused(stage, client):
    block = writes(stage.pair).of(REQUEST)
    own = stage.pair.client.path.encode()
    changed = block.replace(own, client.encode(), 1)
    assert changed != block
    await stage.peer_refuses(NOT_SERVED, resigned(stage, changed))
    await heard_nothing(stage)


async def test_a_client_of_an_instance_that_nobody_knows_is_refused(stage):
    block = writes(stage.pair).of(REQUEST).replace(b"TEST/COM/1234", b"FAR/COM/1234", 1)
    block = block.replace(b"X-Road-Client:TEST/", b"X-Road-Client:FAR/", 1)
    await stage.peer_refuses(NOT_SERVED, resigned(stage, block))
    await heard_nothing(stage)


async def test_the_owner_of_a_server_has_no_rights_of_its_subsystems(stage):
    """A member as such is a client too, but not the one that was given the right."""
    owner = stage.pair.instance.consumer.server_id.owner
    letter = writes(stage.pair, client=owner)
    await stage.peer_refuses("server.serverproxy.access_denied", letter)
    await heard_nothing(stage)


async def test_a_header_for_another_server_does_not_change_who_answers(stage):
    """It chooses between the provider's servers, and only among those."""
    pair = stage.pair
    for server in (pair.consumer.server_id.path, "TEST/GOV/5678/SS9"):
        await stage.refuses(
            "server.clientproxy.invalid_security_server",
            headers={"X-Road-Security-Server": server},
        )
    assert pair.provider.exchanges == []
    await stage.succeeds(
        headers={"X-Road-Security-Server": pair.provider.server_id.path}
    )


async def test_a_service_of_another_provider_is_not_served(stage):
    """The consumer's member has no services here, whatever the request names."""
    path = f"/r1/{stage.pair.client.path}/echo"
    letter = stage.author.request(path)
    await stage.peer_refuses("server.serverproxy.service_failed.unknown_member", letter)
    await heard_nothing(stage)


async def test_a_client_cannot_be_named_twice_or_in_another_spelling(stage):
    for name in ("X-Road-Client", "x_road_client", "X-ROAD_CLIENT"):
        other = stage.pair.instance.consumer.clients[1].path
        got = await stage.pair.consumer.client_call(
            f"GET {stage.echo} HTTP/1.1\r\nHost: h\r\n"
            f"X-Road-Client: {stage.pair.client.path}\r\n{name}: {other}\r\n\r\n".encode()
        )
        assert (got.status, got.get("x-road-error")) == (
            400,
            "client.duplicate_header_field",
        )
    await heard_nothing(stage)


async def test_an_application_cannot_speak_for_another_servers_client(stage):
    other = stage.pair.instance.provider.clients[0].path
    await stage.refuses(
        "server.clientproxy.unknown_member", headers={"X-Road-Client": other}
    )
    assert stage.pair.provider.exchanges == []


# Answers.


ANSWERS = {
    "another member": "server.clientproxy.signature_verification.incorrect_certificate",
    "about another service": "server.clientproxy.inconsistent_response",
    "to another client": "server.clientproxy.inconsistent_response",
}


@pytest.mark.parametrize("what", ANSWERS)
async def test_an_answer_of_somebody_else_is_refused(tmp_path, logs, what):
    """The right server sends it, but it is another member's, or about something else."""
    pair = Pair(tmp_path)
    instance = pair.instance
    signer = instance.consumer.signer if what == "another member" else None
    author = Author.of(instance, instance.provider, signer)

    def answering(http) -> Letter:
        letter = author.answer(http, body=None)
        kind = "application/x-road-rest-response"
        block = letter.of(kind)
        if what == "about another service":
            block = block.replace(b"Service/echo", b"Service/ohce")
        elif what == "to another client":
            block = block.replace(b"COM/1234/Client", b"COM/1234/Other0"[:15])
        return author.sealed([], Piece(kind, block), None)

    async with impostor(pair, answering) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            stage = Stage(pair, logs)
            await stage.refuses(ANSWERS[what])


async def test_a_weak_tls_key_identifies_nobody(stage):
    """OpenSSL would refuse it, but whoever shows it is judged after the handshake."""
    instance = stage.pair.instance
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505
    identity = instance.identity(key=key)
    trust = stage.pair.provider.global_conf.trust("TEST")
    responses = [
        instance.ocsp_response(one, instance.at) for one in identity.certificates
    ]
    with pytest.raises(XRoadError) as refused:
        ChainVerifier(trust).verify_peer(
            identity.certificates, ocsp_responses=responses, at=instance.at
        )
    assert refused.value.code == "ssl_authentication_failed.unsupported_algorithm"


def resigned(stage, block):
    """Return a message with this block, properly signed by the consumer's member."""
    good = writes(stage.pair)
    ocsp = [piece for piece in good.pieces if piece.media_type == OCSP]
    return stage.author.sealed(ocsp, Piece(REQUEST, block), None)
