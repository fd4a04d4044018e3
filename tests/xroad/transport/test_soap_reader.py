"""SOAP of information systems and services: alone, with attachments, cut and twisted."""

import pytest
from hypothesis import given, strategies as st

from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.soap import SoapMessage
from kerege.xroad.transport import (
    Envelope,
    PartBegan,
    PartData,
    PartEnded,
    SoapReader,
)

RELATED = "multipart/related; boundary=b"
XML = "text/xml; charset=UTF-8"
ASKED = SoapMessage(
    client_id=ClientId("KG", "GOV", "1", "portal"),
    service_id=ServiceId("KG", "GOV", "2", "register", "person"),
    query_id="q",
    protocol_version="4.0",
    body_element="person",
)
REQUEST = soap.write(ASKED)


def part(content: bytes, *headers: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in headers)
    return b"--b\r\n" + lines.encode() + b"\r\n" + content + b"\r\n"


def related(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(parts) + end


ENVELOPE = part(REQUEST, f"Content-Type: {XML}", "Content-ID: <soap>")
PICTURE = part(b"\0\1\r\n--c\r\n", "Content-Type: image/png", "Content-ID: <picture>")
EMPTY = part(b"", "Content-Type: text/plain", "X-Part: yes")


def read(data: bytes, content_type: str = RELATED, size: int = 0) -> list:
    """Return all events; pieces of one attachment are joined."""
    reader = SoapReader(content_type)
    size = size or max(1, len(data))
    events = []
    for start in range(0, len(data), size):
        events += reader.receive_data(data[start : start + size])
    events += reader.receive_eof()
    joined = []
    for event in events:
        if isinstance(event, PartData) and isinstance(joined[-1], PartData):
            joined[-1] = PartData(joined[-1].data + event.data)
        else:
            joined.append(event)
    return joined


def code_of(data: bytes, content_type: str = RELATED) -> str:
    with pytest.raises(XRoadError) as refused:
        read(data, content_type)
    return refused.value.code


def test_an_envelope_alone_is_the_message():
    reader = SoapReader(XML)
    assert not reader.is_multipart
    assert reader.receive_data(REQUEST[:9]) == []
    assert reader.receive_data(REQUEST[9:]) == []
    headers = (("content-type", XML),)
    assert reader.receive_eof() == [Envelope(REQUEST, XML, headers)]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 64])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_first_part_is_the_message_and_others_are_attachments(size, mark):
    events = read(mark + related(ENVELOPE, PICTURE, EMPTY), size=size)
    assert events == [
        Envelope(REQUEST, XML, (("Content-Type", XML), ("Content-ID", "<soap>"))),
        PartBegan((("Content-Type", "image/png"), ("Content-ID", "<picture>"))),
        PartData(b"\0\1\r\n--c\r\n"),
        PartEnded(),
        PartBegan((("Content-Type", "text/plain"), ("X-Part", "yes"))),
        PartEnded(),
    ]


def test_attachments_are_not_decoded_nor_taken_apart():
    nested = b"--c\r\nContent-Type: text/plain\r\n\r\naGk=\r\n--c--\r\n"
    wrapped = part(
        nested,
        "Content-Type: multipart/mixed; boundary=c",
        "Content-Transfer-Encoding: base64",
    )
    events = read(related(ENVELOPE, wrapped))
    assert events[2] == PartData(nested)


def test_an_envelope_keeps_its_byte_order_mark():
    """It is signed, so it is a part of the message."""
    mark = b"\xef\xbb\xbf"
    marked = part(mark + REQUEST, f"Content-Type: {XML}")
    assert read(mark + related(marked))[0].content == mark + REQUEST
    assert read(mark + REQUEST, XML)[0].content == mark + REQUEST


def test_what_is_in_the_envelope_is_not_looked_at():
    assert read(b"no XML", XML)[0].content == b"no XML"
    assert read(b"", XML)[0].content == b""


@pytest.mark.parametrize("end", [b"--b", b"--b-", b"--b  ", b"--b\t\r"])
def test_a_last_delimiter_without_its_hyphens_is_forgiven(end):
    assert len(read(related(ENVELOPE, PICTURE, end=end), size=5)) == 4


@pytest.mark.parametrize("end", [b"", b"\r\n", b"--", b"--c--\r\n"])
def test_what_may_have_been_cut_is_refused(end):
    assert code_of(related(ENVELOPE, PICTURE, end=end)) == "mime_parsing_failed"


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"--other\r\n\r\n", b"--b--"])
def test_a_multipart_of_nothing_has_no_message(data):
    assert code_of(data) == "missing_soap"


NO_TYPE = part(b"x", "Content-ID: <x>")
TWO_TYPES = part(b"x", "Content-Type: text/plain", "content-type: text/html")
NO_SOAP = part(REQUEST, "Content-Type: text/plain")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (related(NO_TYPE), "invalid_content_type"),
        (related(NO_SOAP), "invalid_content_type"),
        (related(ENVELOPE, NO_TYPE), "invalid_content_type"),
        (related(ENVELOPE, TWO_TYPES), "invalid_content_type"),
        (related(b"--b\r\nno header\r\n\r\n"), "mime_parsing_failed"),
    ],
)
def test_wrong_parts_are_refused(data, code):
    assert code_of(data) == code


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "blah",
        "text/plain",
        "multipart/mixed; boundary=b",
        "multipart/related",
        "multipart/related; boundary=",
        "multipart/related; boundary=b; boundary=c",
        "multipart/related; boundary=b; boundary*0=c",
        "multipart/related; boundary=b; start=a; start=b",
        "multipart/related; boundary=b; start*=utf-8''a",
    ],
)
def test_other_content_types_are_refused(content_type):
    assert code_of(b"", content_type) == "invalid_content_type"


@pytest.mark.parametrize("start", ["<soap>", "soap", '"<soap>"', "'<SOAP>'", "<other>"])
def test_start_may_name_the_first_part(start):
    nameless = part(REQUEST, f"Content-Type: {XML}")
    first = nameless if start == "<other>" else ENVELOPE
    events = read(related(first, PICTURE), f"{RELATED}; start={start}")
    assert events[0].content == REQUEST


SECOND = part(REQUEST, f"Content-Type: {XML}", "Content-ID: <2>")
TWICE = part(REQUEST, f"Content-Type: {XML}", "Content-ID: <1>", "content-id: <2>")


@pytest.mark.parametrize(
    "parts",
    [
        (ENVELOPE, SECOND),
        (part(REQUEST, f"Content-Type: {XML}"), SECOND),
        (part(REQUEST, f"Content-Type: {XML}"), PICTURE, TWICE),
    ],
)
def test_a_service_cannot_be_shown_another_envelope(parts):
    """Who follows ``start`` would read one that nobody has checked."""
    assert code_of(related(*parts), f'{RELATED}; start="<2>"') == "mime_parsing_failed"


def test_the_envelope_is_bounded(monkeypatch):
    most = len(REQUEST)
    monkeypatch.setattr("kerege.xroad.transport._soap_reader.MAX_SOAP_BYTES", most)
    assert len(read(related(ENVELOPE, part(REQUEST * 2, "Content-Type: a/b")))) == 4
    assert code_of(REQUEST + b" ", XML) == "invalid_soap"
    longer = part(REQUEST + b" ", f"Content-Type: {XML}")
    assert code_of(related(longer)) == "invalid_soap"


def test_attachments_are_counted():
    assert len(read(related(ENVELOPE, *[EMPTY] * 999))) == 1 + 2 * 999
    assert code_of(related(ENVELOPE, *[EMPTY] * 1000)) == "mime_parsing_failed"


@given(st.binary(max_size=60), st.integers(1, 40))
def test_pieces_of_any_size_say_the_same(attachment, size):
    if b"--b" in attachment:
        return
    data = related(ENVELOPE, part(attachment, "Content-Type: a/b"))
    whole = read(data)
    assert read(data, size=size) == whole
    if attachment:
        assert whole[2] == PartData(attachment)
