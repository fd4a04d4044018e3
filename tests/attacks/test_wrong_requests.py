"""Messages to the provider whose parts are missing, doubled, misplaced, or not as signed.

Faults of a part come with ``service_failed``, those of the message as a whole and of
its signature without (`ServerRestMessageProcessor.java`).
"""

from dataclasses import replace

import pytest

from kerege.xroad.faults import XRoadError, soap_fault
from kerege.xroad.signature import Part
from tests.attacks.messages import (
    BODY,
    CHAIN,
    FAULT,
    OCSP,
    REQUEST,
    RESPONSE,
    RESULT,
    SIGNATURE,
    Letter,
    Piece,
    seal_pieces,
)

FAILED = "service_failed"
UNSIGNED = "signature_verification"


async def refused(stage, code, letter, **headers):
    """Send a message; nothing of it goes on, and the server is well afterwards."""
    data = letter.posted(**headers) if isinstance(letter, Letter) else letter
    await stage.peer_refuses(f"server.serverproxy.{code}", data)
    assert stage.pair.service.requests == []
    assert stage.pair.provider.log.records == []
    await stage.succeeds()


def plain(stage):
    """A request without body; its signature is over the block alone."""
    return stage.author.request(stage.echo)


def full(stage):
    """A request with a body; its signature is over a hash chain."""
    return stage.author.request(stage.echo, method="POST", body=b"hello")


async def test_honest_messages_pass(stage):
    await stage.peer_accepts(plain(stage))
    await stage.peer_accepts(full(stage))
    assert [r.body for r in stage.pair.service.requests] == [b"", b"hello"]


MISPLACED = {
    "only OCSP": (
        "missing_rest",
        lambda m: m.without(REQUEST, BODY, RESULT, CHAIN, SIGNATURE),
    ),
    "no block": (f"{FAILED}.invalid_content_type", lambda m: m.without(REQUEST)),
    "no signature": ("missing_signature", lambda m: m.without(SIGNATURE)),
    "a fault for a signature": (
        "missing_signature",
        lambda m: m.without(SIGNATURE).with_piece(
            Piece(FAULT, soap_fault(XRoadError("server.clientproxy.io_error", "x")))
        ),
    ),
    "chain without result": (
        f"{FAILED}.invalid_content_type",
        lambda m: m.without(RESULT),
    ),
    "result without chain": (
        f"{FAILED}.invalid_content_type",
        lambda m: m.without(CHAIN),
    ),
    "signature first": (
        f"{FAILED}.invalid_content_type",
        lambda m: m.ordered(OCSP, SIGNATURE, REQUEST, BODY, RESULT, CHAIN),
    ),
    "body first": (
        f"{FAILED}.invalid_content_type",
        lambda m: m.ordered(OCSP, BODY, REQUEST, RESULT, CHAIN, SIGNATURE),
    ),
    "chain before its result": (
        f"{FAILED}.invalid_content_type",
        lambda m: m.ordered(OCSP, REQUEST, BODY, CHAIN, RESULT, SIGNATURE),
    ),
    "OCSP after the block": (
        f"{FAILED}.invalid_content_type",
        lambda m: m.ordered(REQUEST, OCSP, BODY, RESULT, CHAIN, SIGNATURE),
    ),
    "two blocks": (f"{FAILED}.invalid_content_type", lambda m: doubled(m, REQUEST)),
    "two bodies": (f"{FAILED}.invalid_content_type", lambda m: doubled(m, BODY)),
    "two results": (f"{FAILED}.invalid_content_type", lambda m: doubled(m, RESULT)),
    "two chains": (f"{FAILED}.invalid_content_type", lambda m: doubled(m, CHAIN)),
    "two signatures": (f"{FAILED}.invalid_message", lambda m: doubled(m, SIGNATURE)),
    "a part too many": (
        f"{FAILED}.invalid_message",
        lambda m: m.with_piece(Piece("text/plain", b"PS")),
    ),
    "a part of no known type": (
        f"{FAILED}.invalid_content_type",
        lambda m: m.with_piece(Piece("image/png", b"\x89PNG"), at=3),
    ),
    "attachments in REST": (
        f"{FAILED}.invalid_content_type",
        lambda m: m.with_piece(Piece("multipart/mixed; boundary=n", b"--n--"), at=3),
    ),
    "an answer for a request": (
        "missing_rest",
        lambda m: Letter(
            tuple(
                replace(p, media_type=RESPONSE) if p.media_type == REQUEST else p
                for p in m.pieces
            )
        ),
    ),
}


@pytest.mark.parametrize("what", MISPLACED)
async def test_parts_that_are_not_as_they_must_be_are_refused(stage, what):
    code, change = MISPLACED[what]
    await refused(stage, code, change(full(stage)))


TOO_MUCH = {
    "OCSP responses": (
        f"{FAILED}.invalid_message",
        lambda m: replace(m, pieces=(*m.pieces[:1] * 11, *m.pieces)),
    ),
    "an OCSP response": (
        f"{FAILED}.invalid_message",
        lambda m: m.with_content(OCSP, bytes(70_000)),
    ),
    "a block": (
        f"{FAILED}.invalid_message",
        lambda m: m.with_content(REQUEST, m.of(REQUEST) + b"X:" + b"x" * 1_100_000),
    ),
    "a signature": (
        f"{FAILED}.invalid_message",
        lambda m: m.with_content(SIGNATURE, bytes(1_100_000)),
    ),
    "a hash chain": (
        f"{FAILED}.invalid_message",
        lambda m: m.with_content(CHAIN, bytes(1_100_000)),
    ),
    "headers of a part": (
        "mime_parsing_failed",
        lambda m: m.with_piece(
            Piece(OCSP, b"", "X: " + "x" * 1_000_000 + "\r\n"), at=0
        ),
    ),
    "text before the parts": (
        "mime_parsing_failed",
        lambda m: b"x" * 10_000 + b"\r\n" + m.body,
    ),
    "text after the parts": ("mime_parsing_failed", lambda m: m.body + b"x" * 10_000),
}


@pytest.mark.parametrize("what", TOO_MUCH)
async def test_too_much_of_anything_is_refused(stage, what):
    code, change = TOO_MUCH[what]
    message = full(stage)
    changed = change(message)
    data = message.posted(changed) if isinstance(changed, bytes) else changed.posted()
    await refused(stage, code, data)


async def test_a_body_above_the_servers_bound_is_refused(stage):
    runtime = stage.pair.provider.runtime
    limits = replace(runtime.settings.limits, body_bytes=4)
    known, runtime.settings = runtime.settings, replace(runtime.settings, limits=limits)
    await refused(stage, f"{FAILED}.invalid_message", full(stage))
    runtime.settings = known
    await stage.peer_accepts(full(stage))


BLOCKS = {
    "forbidden header": lambda b: b + b"Transfer-Encoding:chunked\r\n",
    "host": lambda b: b + b"Host:internal\r\n",
    "content length": lambda b: b + b"content-length:0\r\n",
    "header without colon": lambda b: b + b"nonsense\r\n",
    "header name with blank": lambda b: b + b"X Y:1\r\n",
    "line feeds only": lambda b: b.replace(b"\r\n", b"\n"),
    "a line feed inside": lambda b: b + b"X:1\nHost:internal\r\n",
    "a carriage return inside": lambda b: b + b"X:1\rHost:internal\r\n",
    "NUL": lambda b: b + b"X:\x00\r\n",
    "no UTF-8": lambda b: b + b"X:\xff\r\n",
    "characters HTTP has not": lambda b: b + "X:қ\r\n".encode(),
    "no end": lambda b: b[:-2],
    "an empty line": lambda b: b + b"\r\n",
    "nothing": lambda _: b"",
    "one line": lambda _: b"GET\r\n",
    "an unknown method": lambda b: b.replace(b"GET", b"BREW", 1),
    "another protocol": lambda b: b.replace(b"/r1/", b"/r2/", 1),
    "another target": lambda b: b.replace(b"/r1/", b"http://internal/r1/", 1),
    "no service": lambda b: b.replace(b"/echo", b"", 1),
    "a client of one code": lambda b: b.replace(
        b"X-Road-Client:TEST/", b"X-Road-Client:", 1
    ),
}


@pytest.mark.parametrize("what", BLOCKS)
async def test_a_block_that_no_server_writes_is_refused_although_signed(stage, what):
    author = stage.author
    good = plain(stage)
    block = BLOCKS[what](good.of(REQUEST))
    pieces = [p for p in good.pieces if p.media_type == OCSP]
    letter = author.sealed(pieces, Piece(REQUEST, block), None)
    if what == "a client of one code":
        block = good.of(REQUEST).replace(b"TEST/COM/1234/Client\r\n", b"TEST\r\n", 1)
        letter = author.sealed(pieces, Piece(REQUEST, block), None)
    await refused(stage, f"{FAILED}.internal_error", letter)


async def test_a_block_without_client_or_id_is_refused(stage):
    author = stage.author
    good = plain(stage)
    ocsp = [p for p in good.pieces if p.media_type == OCSP]
    lines = good.of(REQUEST).split(b"\r\n")
    for header, code in (
        (b"x-road-client", "invalid_client_identifier"),
        (b"x-road-id", "missing_header_field"),
    ):
        block = b"\r\n".join(x for x in lines if not x.lower().startswith(header))
        letter = author.sealed(ocsp, Piece(REQUEST, block), None)
        await refused_again(stage, f"{FAILED}.{code}", letter)


async def test_a_block_that_names_two_clients_is_refused(stage):
    good = plain(stage)
    other = stage.pair.instance.consumer.clients[1]
    block = good.of(REQUEST) + f"x-road-client:{other.path}\r\n".encode()
    ocsp = [p for p in good.pieces if p.media_type == OCSP]
    letter = stage.author.sealed(ocsp, Piece(REQUEST, block), None)
    await refused(stage, f"{FAILED}.duplicate_header_field", letter)


@pytest.mark.parametrize(
    "line", ["x-hash-algorithm: MD5", "Content-Type: text/xml", "x-road-message-type: "]
)
@pytest.mark.parametrize("before", [True, False])
async def test_a_header_that_says_how_to_read_the_rest_is_there_once(
    stage, line, before
):
    """Two servers could take different ones."""
    data = full(stage).posted()
    place = b"\r\n" if before else b"\r\n\r\n"
    data = data.replace(place, b"\r\n" + line.encode() + place, 1)
    await refused(stage, "duplicate_header_field", data)


@pytest.mark.parametrize("colon", [b" :", b"\t:"])
async def test_a_blank_before_the_colon_of_a_parts_header_is_refused(stage, colon):
    """One reader knows the part's type then, another does not."""
    letter = full(stage)
    changed = letter.body.replace(b"content-type:", b"content-type" + colon, 1)
    await refused(stage, "mime_parsing_failed", letter.posted(changed))


@pytest.mark.parametrize("name", ["SHA-1", "MD5", "HMAC", "sha-512", ""])
async def test_a_weak_or_unknown_hash_algorithm_is_refused(stage, name):
    await refused(stage, "unsupported_algorithm", plain(stage), x_hash_algorithm=name)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<hc:DataRef", b"x<hc:DataRef"),
        (b"</hc:HashStep>", b"x</hc:HashStep>"),
        (b"</hc:HashStep>", b"</hc:HashStep><!-- -->"),
        (b"<hc:HashChain ", b"<?x?><hc:HashChain "),
        (b"</hc:HashChain>", b"</hc:HashChain><?x?>"),
    ],
)
async def test_what_nobody_reads_has_no_place_in_a_hash_chain(stage, old, new):
    """Nobody could say who put it there."""
    letter = full(stage)
    chain = letter.of(CHAIN)
    assert old in chain
    code = f"{UNSIGNED}.malformed_signature.malformed_hash_chain"
    changed = letter.with_content(CHAIN, chain.replace(old, new, 1))
    await refused(stage, code, changed)


# What is signed.


def changed_block(message):
    block = message.of(REQUEST)
    return message.with_content(REQUEST, block.replace(b"/echo", b"/echo/all", 1))


async def test_a_block_that_was_changed_is_refused(stage):
    letter = changed_block(plain(stage))
    await refused(stage, f"{UNSIGNED}.invalid_signature_value", letter)


async def test_a_block_that_was_changed_below_a_hash_chain_is_refused(stage):
    letter = changed_block(full(stage))
    code = f"{UNSIGNED}.malformed_signature.invalid_hash_chain"
    await refused(stage, code, letter)


async def test_a_body_that_was_changed_is_refused(stage):
    letter = full(stage).with_content(BODY, b"hallo")
    code = f"{UNSIGNED}.malformed_signature.invalid_hash_chain"
    await refused(stage, code, letter)


async def test_a_body_that_was_emptied_is_refused(stage):
    letter = full(stage).with_content(BODY, b"")
    code = f"{UNSIGNED}.malformed_signature.invalid_hash_chain"
    await refused(stage, code, letter)


async def test_a_body_that_was_taken_away_is_refused(stage):
    code = f"{UNSIGNED}.malformed_signature.invalid_reference"
    await refused(stage, code, full(stage).without(BODY))


async def test_a_body_that_was_added_is_refused(stage):
    """The reference lets it through: its signature is over the block alone."""
    letter = plain(stage).with_piece(Piece(BODY, b"rm -rf"), at=3)
    await refused(stage, f"{UNSIGNED}.malformed_signature", letter)


async def test_a_hash_chain_that_leaves_out_the_body_is_refused(stage):
    message = full(stage)
    author = stage.author
    block = Part.of("/message.xml", message.of(REQUEST))
    other = Part.of("/message.xml", b"another message of the batch")
    pieces = seal_pieces(author.sign([block], [other]))
    kept = message.without(RESULT, CHAIN, SIGNATURE)
    letter = replace(kept, pieces=(*kept.pieces, *pieces))
    code = f"{UNSIGNED}.malformed_signature.hashchain_unused_inputs"
    await refused(stage, code, letter)


async def test_a_hash_chain_that_leaves_out_the_block_is_refused(stage):
    message = full(stage)
    batch = [
        [
            Part.of("/message.xml", b"a harmless block"),
            Part.of("/attachment1", b"hello"),
        ]
    ]
    pieces = seal_pieces(stage.author.sign(*batch))
    kept = message.without(RESULT, CHAIN, SIGNATURE)
    letter = replace(kept, pieces=(*kept.pieces, *pieces))
    code = f"{UNSIGNED}.malformed_signature.invalid_hash_chain"
    await refused(stage, code, letter)


async def test_the_signature_of_another_message_is_refused(stage):
    one, other = plain(stage), plain(stage)
    letter = one.with_pieces_of(other, SIGNATURE)
    await refused(stage, f"{UNSIGNED}.invalid_signature_value", letter)


async def test_the_hash_chain_and_signature_of_another_message_are_refused(stage):
    one, other = full(stage), full(stage)
    letter = one.with_pieces_of(other, RESULT, CHAIN, SIGNATURE)
    code = f"{UNSIGNED}.malformed_signature.invalid_hash_chain"
    await refused(stage, code, letter)


async def test_a_hash_chain_under_the_signature_of_another_is_refused(stage):
    one, other = full(stage), full(stage)
    letter = one.with_pieces_of(other, SIGNATURE)
    await refused(stage, f"{UNSIGNED}.invalid_signature_value", letter)


async def test_a_signature_value_that_was_changed_is_refused(stage):
    message = plain(stage)
    signature = message.of(SIGNATURE)
    value = signature.index(b">", signature.index(b"<ds:SignatureValue"))
    at = value + 10
    letter = message.with_content(SIGNATURE, flipped(signature, at))
    await refused(stage, f"{UNSIGNED}.invalid_signature_value", letter)


SIGNATURES = {
    "nothing": ("invalid_xml", b""),
    "no XML": ("invalid_xml", b"signed, sealed, delivered"),
    "a bomb": (
        "invalid_xml",
        b'<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]><a>&d;</a>',
    ),
    "a file": (
        "invalid_xml",
        b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>',
    ),
    "other XML": ("malformed_signature", b"<signature/>"),
}


@pytest.mark.parametrize("what", SIGNATURES)
async def test_a_signature_that_is_none_is_refused(stage, what):
    code, content = SIGNATURES[what]
    letter = plain(stage).with_content(SIGNATURE, content)
    await refused(stage, f"{UNSIGNED}.{code}", letter)


async def test_a_hash_chain_that_is_none_is_refused(stage):
    code = f"{UNSIGNED}.malformed_signature.malformed_hash_chain"
    letter = full(stage).with_content(CHAIN, b"<HashChain/>")
    await refused(stage, code, letter)


async def test_a_batch_signature_of_many_messages_passes_for_each(stage):
    """As the reference signs under load."""
    one, two = plain(stage), full(stage)
    parts = [
        [Part.of("/message.xml", one.of(REQUEST))],
        [Part.of("/message.xml", two.of(REQUEST)), Part.of("/attachment1", b"hello")],
    ]
    first = seal_pieces(stage.author.sign(*parts))
    second = seal_pieces(stage.author.sign(*reversed(parts)))
    for message, pieces in ((one, first), (two, second)):
        kept = message.without(RESULT, CHAIN, SIGNATURE)
        await stage.peer_accepts(replace(kept, pieces=(*kept.pieces, *pieces)))


async def refused_again(stage, code, letter):
    """Refuse more than once in a test: the log has the good messages by now."""
    seen = len(stage.pair.service.requests)
    await stage.peer_refuses(f"server.serverproxy.{code}", letter)
    assert len(stage.pair.service.requests) == seen


def doubled(message, media_type):
    """Return the message with a part of this type twice."""
    places = [p.media_type for p in message.pieces]
    at = places.index(media_type)
    return message.with_piece(message.pieces[at], at=at)


def flipped(data, at):
    """Return data with another letter at this place."""
    other = b"A" if data[at : at + 1] != b"A" else b"B"
    return data[:at] + other + data[at + 1 :]
