"""SOAP messages that were changed, wrapped, mixed up or made to hurt.

On port 5500 by somebody with the consumer's TLS key, on the client port by anybody, and
in answers by somebody in the provider's place. Nothing of it reaches a service or a
client unverified.
"""

import re
from datetime import timedelta

import pytest

from kerege.exchange.security_server.replays import make_replays
from kerege.exchange.security_server.settings import Security
from kerege.xroad import soap
from kerege.xroad.identifiers import ServiceId
from tests.attacks.messages import (
    ATTACHMENTS,
    CHAIN,
    REQUEST,
    SIGNATURE,
    SOAP,
    Author,
    Letter,
    Piece,
    nested,
)
from tests.attacks.stage import Stage, impostor, soap_fault_of
from tests.servers import Pair
from tests.soap_parts import (
    RELATED,
    TEXT_XML,
    answering,
    ask,
    binary,
    envelope,
    fault_code,
    multipart,
    offer,
    parts_of,
    posted,
)
from tests.wire import answer

SERVER = "server.serverproxy"


@pytest.fixture
def soap_stage(stage: Stage) -> Stage:
    """The stage, with a SOAP service that answers with an attachment."""
    offer(stage.pair, attachments=[binary(b"answered")])
    return stage


def content_of(stage: Stage, query_id: str = "q-1") -> bytes:
    return envelope(stage.pair.client, service_of(stage), query_id)


def service_of(stage: Stage) -> ServiceId:
    offered = stage.pair.provider.rights.services
    return next(one for one in offered if one.service_code == "getState")


def letter_of(stage: Stage, *attachments: bytes) -> Letter:
    return stage.author.soap_request(content_of(stage), attachments)


def as_soap(letter: Letter, body: bytes | None = None) -> bytes:
    return letter.posted(
        body, x_road_message_type=None, x_original_content_type=RELATED
    )


async def refused(stage: Stage, code: str, data: bytes) -> None:
    before = len(stage.pair.service.requests)
    await stage.peer_refuses(f"{SERVER}.{code}", data)
    assert len(stage.pair.service.requests) == before


# --- Requests between servers ---


async def test_an_honest_message_reaches_the_service(soap_stage):
    letter = letter_of(soap_stage, b"one", b"two")
    got = await soap_stage.pair.provider.peer_call(
        as_soap(letter), soap_stage.pair.instance.consumer.identity
    )
    assert b"<faultcode>" not in got.body
    _, *found = parts_of(soap_stage.pair.service.requests[0])
    assert [content for _, content in found] == [b"one", b"two"]


CHANGES = {
    "the envelope": lambda m: m.with_content(
        SOAP, m.of(SOAP).replace(b"KG1", b"KG2", 1)
    ),
    "an attachment": lambda m: m.with_content(
        ATTACHMENTS, nested([b"one", b"TWO"]).content
    ),
    "their order": lambda m: m.with_content(
        ATTACHMENTS, nested([b"two", b"one"]).content
    ),
    "one less": lambda m: m.with_content(ATTACHMENTS, nested([b"one"]).content),
    "one more": lambda m: m.with_content(
        ATTACHMENTS, nested([b"one", b"two", b"three"]).content
    ),
    "none": lambda m: m.without(ATTACHMENTS),
    "both in one": lambda m: m.with_content(ATTACHMENTS, nested([b"onetwo"]).content),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_what_was_changed_after_signing_does_not_reach_the_service(
    soap_stage, what
):
    changed = CHANGES[what](letter_of(soap_stage, b"one", b"two"))
    pair = soap_stage.pair
    identity = pair.instance.consumer.identity
    got = await pair.provider.peer_call(as_soap(changed), identity)
    code, _ = soap_fault_of(got.body)
    assert code.startswith(f"{SERVER}.signature_verification.")
    assert pair.service.requests == []
    assert pair.provider.log.records == []


async def test_attachments_that_nobody_signed_do_not_reach_the_service(soap_stage):
    letter = letter_of(soap_stage)
    at = next(n for n, p in enumerate(letter.pieces) if p.media_type == SOAP) + 1
    data = as_soap(letter.with_piece(nested([b"slipped in"]), at))
    await refused(soap_stage, "signature_verification.malformed_signature", data)


async def test_headers_of_parts_are_not_signed_and_cannot_break_out(soap_stage):
    """As in the reference: they are the sending server's word, checked by TLS alone."""
    letter = soap_stage.author.soap_request(
        content_of(soap_stage), [b"one"], part_headers="X-Note: said by the server\r\n"
    )
    pair = soap_stage.pair
    await pair.provider.peer_call(as_soap(letter), pair.instance.consumer.identity)
    _, (headers, content) = parts_of(pair.service.requests[0])
    assert (headers["x-note"], content) == ("said by the server", b"one")


async def test_a_message_signed_by_another_member_does_not_pass(soap_stage):
    pair = soap_stage.pair
    liar = Author.of(
        pair.instance,
        pair.instance.consumer,
        pair.instance.signer(pair.provider_client.member),
    )
    letter = liar.soap_request(content_of(soap_stage))
    await refused(
        soap_stage,
        "signature_verification.incorrect_certificate",
        as_soap(letter),
    )


@pytest.mark.parametrize("kind", ["REST", "SOAP"])
async def test_the_kind_of_a_message_is_what_its_header_says(soap_stage, kind):
    author = soap_stage.author
    rest = author.request(soap_stage.echo)
    envelope_letter = letter_of(soap_stage)
    if kind == "REST":
        data = envelope_letter.posted(x_road_message_type="REST")
        await refused(soap_stage, "missing_rest", data)
        return
    await refused(soap_stage, "missing_soap", as_soap(rest))


async def test_a_block_beside_an_envelope_is_not_taken(soap_stage):
    rest = soap_stage.author.request(soap_stage.echo)
    letter = letter_of(soap_stage)
    at = next(n for n, p in enumerate(letter.pieces) if p.media_type == SOAP)
    for place in (at, at + 1):
        both = letter.with_piece(Piece(REQUEST, rest.of(REQUEST)), place)
        code = "missing_soap" if place == at else "service_failed.invalid_content_type"
        await refused(soap_stage, code, as_soap(both))


async def test_a_fault_in_the_place_of_a_request_is_no_request(soap_stage):
    fault = soap.write_fault("client.x", "no")
    letter = letter_of(soap_stage).with_content(SOAP, fault)
    await refused(soap_stage, "missing_soap", as_soap(letter))


async def test_a_fault_in_the_place_of_a_signature_signs_nothing(soap_stage):
    """So a client's server says that it could not sign after all."""
    fault = Piece(SOAP, soap.write_fault("server.clientproxy.x", "no"))
    letter = letter_of(soap_stage, b"one").without(SIGNATURE).with_piece(fault)
    await refused(soap_stage, "missing_signature", as_soap(letter))


@pytest.mark.parametrize("action", ["http://no.quotes/", '"a b"', '"', "x\ty"])
async def test_a_soap_action_that_is_none_is_refused_on_port_5500_too(
    soap_stage, action
):
    data = letter_of(soap_stage).posted(
        x_road_message_type=None, x_original_soapaction=action
    )
    await refused(soap_stage, "invalid_soap_action", data)


@pytest.mark.parametrize(
    "original",
    [
        "text/html; boundary=x",
        "multipart/related",
        "",
        "application/octet-stream",
        None,
    ],
)
async def test_what_the_senders_application_used_decides_no_more_than_a_boundary(
    soap_stage, original
):
    letter = letter_of(soap_stage, b"one")
    data = letter.posted(x_road_message_type=None, x_original_content_type=original)
    pair = soap_stage.pair
    got = await pair.provider.peer_call(data, pair.instance.consumer.identity)
    assert b"<faultcode>" not in got.body
    (called,) = pair.service.requests
    assert (called.get("content-type") or "").startswith("multipart/related; ")
    assert parts_of(called)[1][1] == b"one"


async def test_a_multipart_without_a_boundary_is_none(soap_stage):
    data = letter_of(soap_stage).posted(
        x_road_message_type=None, x_original_content_type="multipart/related"
    )
    pair = soap_stage.pair
    got = await pair.provider.peer_call(data, pair.instance.consumer.identity)
    assert b"<faultcode>" not in got.body
    assert pair.service.requests[0].get("content-type") == TEXT_XML


async def test_a_replayed_envelope_is_noticed_a_repeated_one_is_not(soap_stage, logs):
    """An application may send the same envelope twice; each is signed by itself."""
    pair = soap_stage.pair
    service = service_of(soap_stage)
    pair.consumer.clock.now = pair.instance.at
    await ask(pair, service)
    pair.consumer.clock.now += timedelta(milliseconds=5)
    await ask(pair, service)
    replays = pair.provider.runtime.replays
    assert replays.count == 0
    letter = soap_stage.author.soap_request(content_of(soap_stage, "q-9"), [b"one"])
    for _ in range(2):
        await pair.provider.peer_call(as_soap(letter), pair.instance.consumer.identity)
    assert replays.count == 1
    assert [line["event"] for line in logs].count("message replayed") == 1


async def test_equal_envelopes_with_other_attachments_in_one_batch_are_no_replay(
    soap_stage, sqlite_database
):
    """A load of pictures, each sent with the same envelope, signed together."""
    pair = soap_stage.pair
    security = Security(refuse_replays=True)
    pair.provider.runtime.replays = make_replays(security, sqlite_database)
    content = content_of(soap_stage, "the same each time")
    sets = ([b"one"], [b"two"], [b"one", b"two"], [])
    letters = list(soap_stage.author.soap_batch(content, *sets))
    assert len({letter.of(SIGNATURE) for letter in letters}) == 1
    who = pair.instance.consumer.identity
    for letter in letters:
        got = await pair.provider.peer_call(as_soap(letter), who)
        assert b"<faultcode>" not in got.body
    for letter in letters:
        await refused(soap_stage, "invalid_message", as_soap(letter))
    assert pair.provider.runtime.replays.count == len(sets)


# --- Requests of information systems ---

EVIL = {
    "a document type": b'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "b">]>',
    "laughter": b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>',
    "a file": b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
}


@pytest.mark.parametrize("what", EVIL)
async def test_document_types_are_refused_everywhere(soap_stage, what):
    pair = soap_stage.pair
    content = content_of(soap_stage).partition(b"?>\n")[2]
    evil = EVIL[what] + content
    got = await pair.consumer.client_call(posted(evil))
    assert fault_code(got) == "client.invalid_soap"
    letter = soap_stage.author.soap_request(evil)
    await refused(soap_stage, "service_failed.invalid_soap", as_soap(letter))
    pair.service.answer = answer(headers={"Content-Type": TEXT_XML}, body=evil)
    service = service_of(soap_stage)
    got = await ask(pair, service)
    assert fault_code(got) == f"{SERVER}.service_failed.invalid_soap"


async def test_too_many_parts_are_refused(soap_stage):
    pair = soap_stage.pair
    parts = [binary(b"") for _ in range(1001)]
    data = posted(multipart(content_of(soap_stage), parts), RELATED)
    got = await pair.consumer.client_call(data)
    assert fault_code(got) == "client.mime_parsing_failed"
    assert pair.service.requests == []


# --- Answers ---


ANSWER_CHANGES = {
    "the envelope": lambda m: m.with_content(
        SOAP, m.of(SOAP).replace(b"<data>1</data>", b"<data>9</data>", 1)
    ),
    "an attachment": lambda m: m.with_content(
        ATTACHMENTS, nested([b"ANSWERED"]).content
    ),
    "no attachment": lambda m: m.without(ATTACHMENTS),
    "the chain": lambda m: m.with_content(CHAIN, m.of(CHAIN).replace(b"A", b"B", 1)),
    "no signature": lambda m: m.without(SIGNATURE),
}


@pytest.mark.parametrize("what", [None, *ANSWER_CHANGES])
async def test_no_byte_of_a_changed_answer_reaches_the_client(tmp_path, what):
    pair = Pair(tmp_path)
    provider = Author.of(pair.instance, pair.instance.provider)

    def answered(asked):
        sent = re.search(rb"<\?xml.*?</SOAP-ENV:Envelope>\n", asked.body, re.DOTALL)
        assert sent is not None
        made = answering(pair, service).partition(b"\r\n\r\n")[2]
        found = soap.add_request_hash(made, TEXT_XML, soap.request_hash(sent[0]))
        letter = provider.soap([], found.content, [b"answered"])
        return ANSWER_CHANGES[what](letter) if what else letter

    stranger = impostor(pair, answered)
    async with stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            service = offer(pair)
            got = await ask(pair, service)
            if what is None:
                assert parts_of(got)[1][1] == b"answered"
                return
            code = fault_code(got)
            assert code.startswith("server.clientproxy.")
            assert "signature" in code
            assert b"<data>" not in got.body
            assert b"ANSWERED" not in got.body.upper()
            assert len(pair.consumer.log.records) == 1
