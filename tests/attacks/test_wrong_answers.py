"""Answers that a provider's server should not give, from the right address and key.

A stranger with the provider's TLS key stands in its place; what it says is refused,
and an honest answer of the same stranger passes.
"""

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError, soap_fault
from kerege.xroad.identifiers import ClientId
from kerege.xroad.rest import RestRequest
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
    Author,
    Letter,
    Piece,
    heard,
    seal_pieces,
)
from tests.attacks.stage import Stage, impostor
from tests.servers import Pair
from tests.wire import answer

FAILED = "service_failed"
UNSIGNED = "signature_verification"


@asynccontextmanager
async def stranger_in_place(tmp_path, logs):
    """Yield the stage, the stranger, and an honest author of answers."""
    pair = Pair(tmp_path)
    honest = Author.of(pair.instance, pair.instance.provider)
    async with impostor(pair, honest.answer) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            yield Stage(pair, logs), stranger, honest


async def refused(tmp_path, logs, code, make):
    """Have the stranger answer with what ``make`` makes of the request."""
    async with stranger_in_place(tmp_path, logs) as (stage, stranger, honest):
        await stage.succeeds()
        kept, stranger.answer = stranger.answer, lambda http: made(make(honest, http))
        await stage.refuses(f"server.clientproxy.{code}")
        records = stage.pair.consumer.log.records
        assert [one.record.direction.name for one in records] == [
            "REQUEST",
            "RESPONSE",
            "REQUEST",
        ]
        stranger.answer = kept
        await stage.succeeds()


def made(answered):
    return answered.answered() if isinstance(answered, Letter) else answered


WRONG_HTTP = {
    "a status": ("http_error", answer("404 Not Found", body=b"nothing here")),
    "a redirect": ("http_error", answer("302 Found", {"Location": "https://evil/"})),
    "no content": ("http_error", answer("204 No Content")),
    "nothing": ("io_error", b""),
    "no HTTP": ("io_error", b"\x00\x01\x02"),
    "headers of 1 MB": (
        "io_error",
        answer(headers={"X": "x" * 1_000_000}, body=b"ok"),
    ),
    "no type": (f"{FAILED}.invalid_content_type", answer(body=b"ok")),
    "HTML": (
        f"{FAILED}.invalid_content_type",
        answer(headers={"Content-Type": "text/html"}, body=b"<html>"),
    ),
    "no boundary": (
        f"{FAILED}.invalid_content_type",
        answer(headers={"Content-Type": "multipart/mixed"}, body=b"ok"),
    ),
    "an empty fault": (
        f"{FAILED}.invalid_soap",
        answer(headers={"Content-Type": "text/xml"}),
    ),
    "a fault that is none": (
        f"{FAILED}.missing_header",
        answer(
            headers={"Content-Type": "text/xml"},
            body=b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">'
            b"<e:Body><x/></e:Body></e:Envelope>",
        ),
    ),
    "a bomb for a fault": (
        f"{FAILED}.invalid_soap",
        answer(
            headers={"Content-Type": "text/xml"},
            body=b'<!DOCTYPE a [<!ENTITY b "cc">]><a>&b;</a>',
        ),
    ),
    "cut off": (
        f"{FAILED}.io_error",
        Letter(()).answered(connection="close")[:-1],
    ),
}


@pytest.mark.parametrize("what", WRONG_HTTP)
async def test_an_answer_that_is_no_message_is_refused(tmp_path, logs, what):
    code, raw = WRONG_HTTP[what]
    await refused(tmp_path, logs, code, lambda *_: raw)


MISPLACED = {
    "an empty multipart": ("missing_rest", lambda m: m.answered(b"")),
    "no part": ("missing_rest", lambda _: Letter(())),
    "no signature": ("missing_signature", lambda m: m.without(SIGNATURE)),
    "a signature alone": (
        f"{FAILED}.invalid_content_type",
        lambda m: m.without(RESPONSE, BODY, RESULT, CHAIN),
    ),
    "two blocks": (f"{FAILED}.invalid_content_type", lambda m: doubled(m, RESPONSE)),
    "two bodies": (f"{FAILED}.invalid_content_type", lambda m: doubled(m, BODY)),
    "two signatures": (f"{FAILED}.invalid_message", lambda m: doubled(m, SIGNATURE)),
    "a request": (
        "missing_rest",
        lambda m: Letter(
            tuple(
                replace(p, media_type=REQUEST) if p.media_type == RESPONSE else p
                for p in m.pieces
            )
        ),
    ),
    "junk for OCSP": (
        f"{FAILED}.io_error",
        lambda m: m.with_piece(Piece(OCSP, b"junk"), at=0),
    ),
    "no digest's name": (
        f"{FAILED}.internal_error",
        lambda m: m.answered(x_hash_algorithm=None),
    ),
    "a digest of no name": (
        f"{FAILED}.unsupported_algorithm",
        lambda m: m.answered(x_hash_algorithm="MD5"),
    ),
}


@pytest.mark.parametrize("what", MISPLACED)
async def test_parts_that_are_not_as_they_must_be_are_refused(tmp_path, logs, what):
    code, change = MISPLACED[what]
    await refused(
        tmp_path, logs, code, lambda author, http: change(author.answer(http))
    )


UNSIGNED_ANSWERS = {
    "changed body": (
        "malformed_signature.invalid_hash_chain",
        lambda m: m.with_content(BODY, b"no"),
    ),
    "body taken away": (
        "malformed_signature.invalid_reference",
        lambda m: m.without(BODY),
    ),
    "no XML": ("invalid_xml", lambda m: m.with_content(SIGNATURE, b"signed: me")),
    "no hash chain": (
        "malformed_signature.malformed_hash_chain",
        lambda m: m.with_content(CHAIN, b"<HashChain/>"),
    ),
}


@pytest.mark.parametrize("what", UNSIGNED_ANSWERS)
async def test_an_answer_that_is_not_as_signed_is_refused(tmp_path, logs, what):
    code, change = UNSIGNED_ANSWERS[what]
    await refused(
        tmp_path,
        logs,
        f"{UNSIGNED}.{code}",
        lambda author, http: change(author.answer(http)),
    )


async def test_a_body_added_to_an_answer_without_is_refused(tmp_path, logs):
    def make(author, http):
        bodiless = author.answer(http, status=204, body=None)
        return bodiless.with_piece(Piece(BODY, b"surprise"), at=1)

    await refused(tmp_path, logs, f"{UNSIGNED}.malformed_signature", make)


async def test_a_hash_chain_that_leaves_out_the_body_is_refused(tmp_path, logs):
    def make(author, http):
        message = author.answer(http)
        block = Part.of("/message.xml", message.of(RESPONSE))
        batch = author.sign([block], [Part.of("/message.xml", b"another")])
        kept = message.without(RESULT, CHAIN, SIGNATURE)
        return replace(kept, pieces=(*kept.pieces, *seal_pieces(batch)))

    code = f"{UNSIGNED}.malformed_signature.hashchain_unused_inputs"
    await refused(tmp_path, logs, code, make)


async def test_the_signature_of_another_answer_is_refused(tmp_path, logs):
    def make(author, http):
        other = author.answer(http, body=b"another")
        return author.answer(http).with_pieces_of(other, RESULT, CHAIN, SIGNATURE)

    code = f"{UNSIGNED}.malformed_signature.invalid_hash_chain"
    await refused(tmp_path, logs, code, make)


# Properly signed, but an answer to something else.


def about(**changes):
    """Return a maker of answers to a request that is a little different."""

    def make(author, http):
        asked, body = heard(http)
        digest = None if body is None else SHA512.of(body)
        return author.answer_to(replace(asked, **changes), digest)

    return make


OTHER_REQUESTS = {
    "request id": about(request_id="00000000-0000-4000-8000-ffffffffffff"),
    "no request id": about(request_id=None),
    "query id": about(query_id="TEST-another"),
    "client": about(client_id=ClientId.from_path("TEST/COM/1234/Other")),
    "member for client": about(client_id=ClientId.from_path("TEST/COM/1234")),
    "hash": about(digest=bytes(64)),
}


@pytest.mark.parametrize("what", OTHER_REQUESTS)
async def test_an_answer_to_another_request_is_inconsistent(tmp_path, logs, what):
    await refused(tmp_path, logs, "inconsistent_response", OTHER_REQUESTS[what])


async def test_an_answer_of_another_service_is_inconsistent(tmp_path, logs):
    def make(author, http):
        asked, _ = heard(http)
        other = RestRequest.parse(asked.block.replace(b"/echo", b"/sell", 1))
        return author.answer_to(replace(other, digest=asked.digest), None)

    await refused(tmp_path, logs, "inconsistent_response", make)


async def test_an_answer_whose_hash_leaves_out_the_body_is_inconsistent(tmp_path, logs):
    async with stranger_in_place(tmp_path, logs) as (stage, stranger, honest):
        stranger.answer = lambda http: honest.answer_to(heard(http)[0], None).answered()
        code = "server.clientproxy.inconsistent_response"
        await stage.refuses(code, method="POST", body=b"hello")
        await stage.succeeds()  # without body there is none to leave out


BLOCKS = {
    "forbidden header": lambda b: b + b"Connection:close\r\n",
    "no id": lambda b: without_line(b, b"x-road-id:"),
    "no hash": lambda b: without_line(b, b"x-road-request-hash:"),
    "a status of words": lambda b: b.replace(b"200", b"two", 1),
    "a status below": lambda b: b.replace(b"200", b"100", 1),
    "a status above": lambda b: b.replace(b"200", b"999", 1),
    "a line feed inside": lambda b: b + b"X:1\nSet-Cookie:a=b\r\n",
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("what", BLOCKS)
async def test_a_block_that_no_server_writes_is_refused_although_signed(
    tmp_path, logs, what
):
    def make(author, http):
        block = BLOCKS[what](author.answer(http).of(RESPONSE))
        return author.sealed([], Piece(RESPONSE, block), b"ok")

    await refused(tmp_path, logs, f"{FAILED}.internal_error", make)


# Faults.


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("server.serverproxy.access_denied", "server.serverproxy.access_denied"),
        ("Server.ServerProxy.AccessDenied", "Server.ServerProxy.AccessDenied"),
        ("client.whatever", "client.?"),
        ("SOAP-ENV:Server", "?"),
    ],
)
async def test_a_fault_is_relayed_as_it_was_spelled(tmp_path, logs, code, told):
    fault = soap_fault(XRoadError(code, "No", detail="00000000-0000-4000-8000-0"))
    raw = answer(headers={"Content-Type": "text/xml;charset=utf-8"}, body=fault)
    async with stranger_in_place(tmp_path, logs) as (stage, stranger, _):
        stranger.answer = raw
        got = await stage.pair.send("GET", "echo")
        assert got.get("x-road-error") == code
        assert got.status == (500 if code.startswith("server.") else 400)
        assert stage.pair.consumer.exchanges[-1].verdict == told


async def test_a_fault_in_place_of_the_signature_wins_over_what_came_before(
    tmp_path, logs
):
    def make(author, http):
        fault = XRoadError("server.serverproxy.io_error", "x", detail="1")
        return (
            author.answer(http)
            .without(RESULT, CHAIN, SIGNATURE)
            .with_piece(Piece(FAULT, soap_fault(fault)))
        )

    async with stranger_in_place(tmp_path, logs) as (stage, stranger, honest):
        stranger.answer = lambda http: made(make(honest, http))
        got = await stage.pair.send("GET", "echo")
        assert got.get("x-road-error") == "server.serverproxy.io_error"
        assert len(stage.pair.consumer.log.records) == 1


async def test_a_faults_code_cannot_split_the_answers_headers(tmp_path, logs):
    fault = soap_fault(XRoadError("server.x\r\nSet-Cookie: a=b\r\n\r\n", "No"))
    raw = answer(headers={"Content-Type": "text/xml"}, body=fault)
    async with stranger_in_place(tmp_path, logs) as (stage, stranger, _):
        stranger.answer = raw
        got = await stage.pair.send("GET", "echo")
        assert got.get("set-cookie") is None
        assert got.status == 500


def doubled(message, media_type):
    places = [p.media_type for p in message.pieces]
    at = places.index(media_type)
    return message.with_piece(message.pieces[at], at=at)


def without_line(block, start):
    lines = block.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(start))
