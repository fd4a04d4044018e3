"""SOAP of information systems and services: alone, with attachments, cut and twisted."""

import pytest
from hypothesis import given, strategies as st

from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.soap import SoapMessage
from kerege.xroad.transport import (
    AttachmentBegan,
    AttachmentEnded,
    BodyData,
    Fault,
    Message,
    MessageKind,
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
ANSWER = soap.write(soap.response_to(ASKED))
HASH = soap.request_hash(REQUEST)
FAULT = soap.write_fault("soap:Server", "No such person")


def part(content: bytes, *headers: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in headers)
    return b"--b\r\n" + lines.encode() + b"\r\n" + content + b"\r\n"


def related(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(parts) + end


ENVELOPE = part(REQUEST, f"Content-Type: {XML}", "Content-ID: <soap>")
PICTURE = part(b"\0\1\r\n--c\r\n", "Content-Type: image/png", "Content-ID: <picture>")
EMPTY = part(b"", "Content-Type: text/plain", "X-Part: yes")


def read(data: bytes, content_type: str = RELATED, size: int = 0, **options) -> list:
    """Return all events; pieces of one attachment are joined."""
    reader = SoapReader(content_type, **options)
    size = size or max(1, len(data))
    events = []
    for start in range(0, len(data), size):
        events += reader.receive_data(data[start : start + size])
    events += reader.receive_eof()
    joined = []
    for event in events:
        if isinstance(event, BodyData) and isinstance(joined[-1], BodyData):
            joined[-1] = BodyData(joined[-1].data + event.data)
        else:
            joined.append(event)
    return joined


def code_of(data: bytes, content_type: str = RELATED, **options) -> str:
    with pytest.raises(XRoadError) as refused:
        read(data, content_type, **options)
    return refused.value.code


def test_an_envelope_alone_is_the_message():
    reader = SoapReader(XML)
    assert reader.receive_data(REQUEST) == []
    [message] = reader.receive_eof()
    headers = (("content-type", XML),)
    assert message == Message(MessageKind.SOAP, REQUEST, headers, ASKED)
    assert reader.content_type == XML


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 64])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_first_part_is_the_message_and_others_are_attachments(size, mark):
    events = read(mark + related(ENVELOPE, PICTURE, EMPTY), size=size)
    assert events == [
        Message(
            MessageKind.SOAP,
            REQUEST,
            (("Content-Type", XML), ("Content-ID", "<soap>")),
            ASKED,
        ),
        AttachmentBegan(
            "/attachment1",
            (("Content-Type", "image/png"), ("Content-ID", "<picture>")),
        ),
        BodyData(b"\0\1\r\n--c\r\n"),
        AttachmentEnded("/attachment1"),
        AttachmentBegan(
            "/attachment2", (("Content-Type", "text/plain"), ("X-Part", "yes"))
        ),
        AttachmentEnded("/attachment2"),
    ]


def test_attachments_are_not_decoded_nor_taken_apart():
    nested = b"--c\r\nContent-Type: text/plain\r\n\r\naGk=\r\n--c--\r\n"
    wrapped = part(
        nested,
        "Content-Type: multipart/mixed; boundary=c",
        "Content-Transfer-Encoding: base64",
    )
    events = read(related(ENVELOPE, wrapped))
    assert events[2] == BodyData(nested)


def test_an_answer_gets_the_hash_of_its_request():
    answer = part(ANSWER, "Content-Type: application/xop+xml", "Content-ID: <a>")
    message, *attachment = read(related(answer, PICTURE), request_hash=HASH)
    assert message.soap.request_hash == HASH
    assert HASH.encode() in message.content
    assert soap.read(message.content, XML) == message.soap
    assert [type(e) for e in attachment] == [AttachmentBegan, BodyData, AttachmentEnded]


@pytest.mark.parametrize("charset", ["ISO-8859-1", "windows-1251", "UTF-16"])
def test_an_answer_in_another_encoding_becomes_utf_8(charset):
    text = ANSWER.decode().replace("UTF-8", charset)
    letter = "й" if charset != "ISO-8859-1" else "é"
    text = text.replace("></xroad:p", f">{letter}</xroad:p")
    kind = f"text/xml; charset={charset}"
    [message] = read(text.encode(charset), kind, request_hash=HASH)
    assert letter in message.content.decode()
    assert message.headers == (("content-type", "text/xml; charset=UTF-8"),)
    in_part = part(text.encode(charset), f"Content-Type: {kind}")
    [message] = read(related(in_part), request_hash=HASH)
    assert letter in message.content.decode()
    assert message.headers == (("Content-Type", "text/xml; charset=UTF-8"),)


def test_the_content_type_of_an_answer_says_what_it_is_now():
    reader = SoapReader("text/xml; charset=iso-8859-1", request_hash=HASH)
    reader.receive_data(ANSWER)
    reader.receive_eof()
    assert reader.content_type == "text/xml; charset=UTF-8"


def test_a_fault_is_all_that_is_reported():
    fault = part(FAULT, f"Content-Type: {XML}")
    for options in ({}, {"request_hash": HASH}):
        [event] = read(related(fault, PICTURE, EMPTY), **options)
        assert isinstance(event, Fault)
        assert (event.error.code, event.content) == ("soap:Server", FAULT)
        assert isinstance(read(FAULT, XML, **options)[0], Fault)


@pytest.mark.parametrize("end", [b"--b", b"--b-", b"--b  ", b"--b\t\r"])
def test_a_last_delimiter_without_its_hyphens_is_forgiven(end):
    assert len(read(related(ENVELOPE, PICTURE, end=end), size=5)) == 4


@pytest.mark.parametrize("end", [b"", b"\r\n", b"--", b"--c--\r\n"])
def test_what_may_have_been_cut_is_refused(end):
    assert code_of(related(ENVELOPE, PICTURE, end=end)) == "mime_parsing_failed"


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"--other\r\n\r\n", b"--b--"])
def test_a_multipart_of_nothing_has_no_message(data):
    assert code_of(data) == "missing_soap"
    assert code_of(data, request_hash=HASH) == "invalid_message"


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
        (related(part(b"<a/>", f"Content-Type: {XML}")), "invalid_soap"),
        (related(part(b"", f"Content-Type: {XML}")), "invalid_soap"),
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
    assert events[0].soap == ASKED


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


def test_attachments_are_bounded_and_so_is_the_envelope(monkeypatch):
    data = related(ENVELOPE, PICTURE, PICTURE)
    assert len(read(data, max_body_bytes=18)) == 7
    assert code_of(data, max_body_bytes=17) == "invalid_message"
    monkeypatch.setattr("kerege.xroad.transport._soap_reader.MAX_SOAP_BYTES", 99)
    assert code_of(data) == "invalid_soap"
    assert code_of(REQUEST, XML) == "invalid_soap"


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
        assert whole[2] == BodyData(attachment)
