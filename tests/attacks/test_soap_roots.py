"""Two envelopes in one multipart: the one that was checked, and one for the service.

X-Road reads the first part. Whoever follows ``start`` (RFC 2387 section 3.2) reads
another, if it names another; then a client with a right to anything would have one to
everything, in anybody's name.
"""

import re
from dataclasses import replace

import pytest

from kerege.exchange.spool import MEMORY_LIMIT
from kerege.xroad import soap
from tests.attacks.messages import Author, Letter
from tests.attacks.stage import Stage, impostor
from tests.servers import Pair
from tests.soap_parts import (
    BOUNDARY,
    RELATED,
    TEXT_XML,
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

EVIL = b"<evil/>"
START = f'{RELATED}; start="<evil>"'


@pytest.fixture
def service(stage: Stage):
    return offer(stage.pair)


def content_of(stage: Stage, service) -> bytes:
    return envelope(stage.pair.client, service)


async def refused_by_the_provider(stage: Stage, data: bytes) -> None:
    await stage.peer_refuses("server.serverproxy.invalid_message", data)
    assert stage.pair.service.requests == []


def sent(stage: Stage, content: bytes, original: str, part_headers: str = "") -> bytes:
    letter = stage.author.soap_request(content, [EVIL], part_headers=part_headers)
    return letter.posted(x_road_message_type=None, x_original_content_type=original)


@pytest.mark.parametrize(
    "original",
    [
        START,
        START.replace('"<evil>"', "evil"),
        START.replace("start", "START"),
        RELATED.replace("; boundary", "; start='<evil>'; boundary"),
    ],
)
async def test_a_server_cannot_show_a_service_another_envelope(
    stage, service, original
):
    """Reference servers pass this on, so it may come from any client of one."""
    data = sent(stage, content_of(stage, service), original, "Content-ID: <evil>\r\n")
    await refused_by_the_provider(stage, data)


async def test_nor_can_it_hide_one_inside_of_an_attachment(stage, service):
    await refused_by_the_provider(stage, sent(stage, content_of(stage, service), START))


async def test_nor_cut_the_envelope_in_two(stage, service):
    part = f"\r\n--{BOUNDARY}\r\nContent-Type: text/xml\r\n\r\n<evil/>"
    cut = f"<![CDATA[{part}]]>"
    content = content_of(stage, service).replace(b"<data>", cut.encode() + b"<data>")
    await refused_by_the_provider(stage, sent(stage, content, RELATED))


@pytest.mark.parametrize(
    "twice", [f"{RELATED}; start=a; start=b", f"{RELATED}; boundary*=utf-8''x"]
)
async def test_nor_name_the_first_part_in_two_ways(stage, service, twice):
    data = sent(stage, content_of(stage, service), twice)
    await stage.peer_refuses("server.serverproxy.invalid_content_type", data)
    assert stage.pair.service.requests == []


async def test_a_client_cannot_either(stage, service):
    content = content_of(stage, service)
    for first in ({}, {"Content-ID": "<good>"}):
        whole = multipart(content, [binary(EVIL, "evil")])
        lines = "".join(f"{n}: {v}\r\n" for n, v in first.items())
        whole = whole.replace(b"\r\n", b"\r\n" + lines.encode(), 1)
        got = await stage.pair.consumer.client_call(posted(whole, START))
        assert fault_code(got) == "client.mime_parsing_failed"
    assert stage.pair.service.requests == []


async def test_who_names_the_first_part_is_served(stage, service):
    whole = multipart(content_of(stage, service), [binary(b"picture")])
    named = whole.replace(b"\r\n", b"\r\nContent-ID: <evil>\r\n", 1)
    got = await stage.pair.consumer.client_call(posted(named, START))
    assert got.get("content-type") == TEXT_XML
    assert b"getStateResponse" in got.body
    (called,) = stage.pair.service.requests
    assert called.get("content-type") == START


DECODED = [
    ("Content-Transfer-Encoding: quoted-printable", RELATED),
    ("CONTENT-TRANSFER-ENCODING: Base64", RELATED),
    ("Content-Transfer-Encoding: binary\r\nContent-Transfer-Encoding: x", RELATED),
    ("X-None: 1", f"{RELATED}; charset=UTF-7"),
    ("X-None: 1", f"{RELATED}; charset=unicode_escape"),
    ("X-None: 1", f"{RELATED}; charset=utf-8; charset=hz"),
]
"""Where X-Road reads ``=3C``, whoever decodes it reads the beginning of a tag."""


@pytest.mark.parametrize(("header", "original"), DECODED)
async def test_nor_have_the_first_part_read_another_way(
    stage, service, header, original
):
    content = content_of(stage, service).replace(b"<data>", b"<!--=3C--><data>")
    letter = stage.author.soap_request(content, [EVIL])
    pieces = tuple(
        replace(piece, headers=f"{header}\r\n") if piece.content == content else piece
        for piece in letter.pieces
    )
    data = Letter(pieces).posted(
        x_road_message_type=None, x_original_content_type=original
    )
    await stage.peer_refuses("server.serverproxy.invalid_content_type", data)
    assert stage.pair.service.requests == []


@pytest.mark.parametrize(("header", "original"), DECODED)
async def test_a_client_cannot_do_that_either(stage, service, header, original):
    whole = multipart(content_of(stage, service), [binary(EVIL)])
    whole = whole.replace(b"\r\n", f"\r\n{header}\r\n".encode(), 1)
    got = await stage.pair.consumer.client_call(posted(whole, original))
    assert fault_code(got) == "client.invalid_content_type"
    assert stage.pair.service.requests == []


async def test_a_service_cannot_do_that_to_a_client(stage, service):
    content = envelope(stage.pair.client, service, is_answer=True)
    whole = multipart(content, [binary(EVIL)])
    encoded = b"\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    stage.pair.service.answer = answer(
        headers={"Content-Type": RELATED}, body=whole.replace(b"\r\n", encoded, 1)
    )
    got = await stage.pair.consumer.client_call(posted(content_of(stage, service)))
    code = "server.serverproxy.service_failed.invalid_content_type"
    assert fault_code(got) == code


async def test_who_says_that_nothing_is_encoded_is_served(stage, service):
    whole = multipart(content_of(stage, service), [binary(b"picture")])
    plain = b"\r\nContent-Transfer-Encoding: 8bit\r\n"
    whole = whole.replace(b"\r\n", plain, 1)
    original = f"{RELATED}; charset=ISO-8859-1"
    got = await stage.pair.consumer.client_call(posted(whole, original))
    assert b"getStateResponse" in got.body


# One attachment that its reader would find to be two.

INNER = f"--{BOUNDARY}\r\nContent-Type: text/plain\r\n\r\npay 900".encode()
CUTS = {
    "in the middle": b"pay 100\r\n" + INNER,
    "at the beginning": INNER,
    "at the end": b"pay 100\r\n--" + BOUNDARY.encode(),
    "the last one": b"pay 100\r\n--" + BOUNDARY.encode() + b"--",
    "after a lone line feed": b"pay 100\n" + INNER,
    "after a lone carriage return": b"pay 100\r" + INNER,
    "in a file, across two pieces": b"x" * (3 * MEMORY_LIMIT) + b"\r\n" + INNER,
}


@pytest.mark.parametrize("where", CUTS)
async def test_a_server_cannot_cut_a_signed_attachment_in_two(stage, service, where):
    """The bytes are those that were signed; who chooses the boundary is the peer."""
    content = content_of(stage, service)
    letter = stage.author.soap_request(content, [b"first", CUTS[where]])
    data = letter.posted(x_road_message_type=None, x_original_content_type=RELATED)
    code = "server.serverproxy.service_failed.invalid_message"
    got = await stage.peer_refuses(code, data)
    assert b"boundary is in an attachment" in got.body
    assert stage.pair.service.requests == []
    assert stage.pair.provider.log.records == []


async def test_what_only_looks_like_a_boundary_goes_on(stage, service):
    content = content_of(stage, service)
    picture = b"x--" + BOUNDARY.encode() + b"\r\n--another\r\n"
    letter = stage.author.soap_request(content, [picture])
    data = letter.posted(x_road_message_type=None, x_original_content_type=RELATED)
    who = stage.pair.instance.consumer.identity
    got = await stage.pair.provider.peer_call(data, who)
    assert b"<faultcode>" not in got.body
    (called,) = stage.pair.service.requests
    assert [part for _, part in parts_of(called)] == [content, picture]


@pytest.mark.parametrize("where", ["the envelope", *CUTS])
async def test_nor_can_the_providers_server_do_that_to_a_client(tmp_path, where):
    pair = Pair(tmp_path)
    provider = Author.of(pair.instance, pair.instance.provider)

    def answered(asked):
        sent = re.search(rb"<\?xml.*?</SOAP-ENV:Envelope>\n", asked.body, re.DOTALL)
        assert sent is not None
        content = envelope(pair.client, offered, is_answer=True)
        if where == "the envelope":
            cut = b"<![CDATA[\r\n" + INNER + b"]]><data>"
            content = content.replace(b"<data>", cut)
        found = soap.add_request_hash(content, TEXT_XML, soap.request_hash(sent[0]))
        attachment = CUTS.get(where, b"pay 100")
        letter = provider.soap([], found.content, [attachment])
        return letter.answered(x_original_content_type=RELATED)

    async with impostor(pair, answered) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            offered = offer(pair)
            got = await ask(pair, offered)
            code = "server.clientproxy.service_failed.invalid_message"
            assert fault_code(got) == code
            assert len(pair.consumer.log.records) == 1
