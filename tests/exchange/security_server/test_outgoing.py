"""Writing messages: whole when small, streamed when large, sealed at the end."""

import pytest

from kerege.exchange.security_server.outgoing import (
    WHOLE_BYTES,
    OutgoingMessage,
    fault_message,
    new_boundary,
)
from kerege.exchange.spool import Spool
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.signature import SignatureData
from kerege.xroad.transport import (
    AttachmentEnded,
    BodyData,
    Fault,
    MessageKind,
    MessageReader,
    Signature,
)

BLOCK = b"POST\r\n/r1/A/B/C/D/e\r\nX-Road-Client:A/B/C/D\r\n"
SIGNATURE = SignatureData(b"<signature/>", b"<result/>", b"<chain/>")


class Source:
    """A body in pieces."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)

    async def read(self):
        return self.pieces.pop(0) if self.pieces else b""


def message(seal):
    return OutgoingMessage(MessageKind.REST_REQUEST, BLOCK, SHA512.of(BLOCK), seal=seal)


async def sealed(parts, spool):
    return SIGNATURE


async def joined(content):
    if isinstance(content, bytes):
        return content
    return b"".join([piece async for piece in content])


def events_of(outgoing, content):
    reader = MessageReader(outgoing.content_type)
    return [*reader.receive_data(content), *reader.receive_eof()]


async def test_a_message_without_body_covers_its_block_alone():
    seen = []

    async def seal(parts, spool):
        seen.append(([p.uri for p in parts], spool))
        return SignatureData(b"<signature/>")

    outgoing = message(seal)
    events = events_of(outgoing, await outgoing.without_body())
    assert seen == [(["/message.xml"], None)]
    assert events[0].content == BLOCK
    assert isinstance(events[-1], Signature)


@pytest.mark.parametrize("size", [1, WHOLE_BYTES, WHOLE_BYTES + 1, 5 * WHOLE_BYTES])
async def test_the_signature_covers_every_byte_of_the_body(tmp_path, size):
    body = b"x" * size
    digests = []

    async def seal(parts, spool):
        digests.append(parts[1].digest)
        return SIGNATURE

    outgoing = message(seal)
    pieces = [body[i : i + 30_000] for i in range(0, size, 30_000)]
    content = await outgoing.with_body(Source(*pieces), Spool(tmp_path))
    assert isinstance(content, bytes) is (size <= WHOLE_BYTES)
    events = events_of(outgoing, await joined(content))
    data = b"".join(e.data for e in events if isinstance(e, BodyData))
    assert (data, digests) == (body, [SHA512.of(body)])


async def test_an_empty_body_is_a_part_of_its_own(tmp_path):
    outgoing = message(sealed)
    content = await outgoing.with_body(Source(), Spool(tmp_path))
    assert AttachmentEnded("/attachment1") in events_of(outgoing, content)


async def test_a_stream_that_cannot_be_sealed_ends_with_a_fault(tmp_path):
    async def seal(parts, spool):
        raise XRoadError("logging_failed", "the disk is full")

    outgoing = message(seal)
    fault = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        b"<e:Fault><faultcode>logging_failed</faultcode><faultstring/></e:Fault>"
        b"</e:Body></e:Envelope>"
    )
    content = await outgoing.with_body(
        Source(b"x" * (WHOLE_BYTES + 1)), Spool(tmp_path), fault_of=lambda _: fault
    )
    events = events_of(outgoing, await joined(content))
    assert isinstance(events[-1], Fault)
    assert events[-1].error.code == "logging_failed"
    assert isinstance(outgoing.error, XRoadError)


async def test_a_request_that_cannot_be_sealed_is_not_finished(tmp_path):
    async def seal(parts, spool):
        raise XRoadError("cannot_create_signature", "no OCSP response")

    content = await message(seal).with_body(
        Source(b"x" * (WHOLE_BYTES + 1)), Spool(tmp_path)
    )
    with pytest.raises(XRoadError, match="cannot_create_signature"):
        await joined(content)


def test_boundaries_are_thirty_letters_and_never_the_same():
    boundaries = {new_boundary() for _ in range(1000)}
    assert len(boundaries) == 1000
    assert all(b.startswith("xtop") and len(b) == 34 for b in boundaries)
    assert all(b.isalpha() for b in boundaries)


def test_a_lone_fault_is_a_whole_multipart():
    reader = MessageReader("multipart/mixed; boundary=b")
    fault = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        b"<e:Fault><faultcode>x</faultcode><faultstring>y</faultstring></e:Fault>"
        b"</e:Body></e:Envelope>"
    )
    events = reader.receive_data(fault_message("b", fault)) + reader.receive_eof()
    assert [e.error.code for e in events] == ["x"]
