"""Messages between security servers: the order of parts, bounds and codes."""

import contextlib

import pytest
from hypothesis import given, settings, strategies as st

from kerege.xroad import transport
from kerege.xroad.faults import XRoadError, soap_fault
from kerege.xroad.transport import (
    MAX_FAULT_BYTES,
    MAX_OCSP_RESPONSES,
    TRANSITIONS,
    AttachmentBegan,
    AttachmentEnded,
    BodyData,
    Fault,
    HashChain,
    HashChainResult,
    Message,
    MessageKind,
    MessageReader,
    OcspResponse,
    PartKind,
    Signature,
    State,
    find_header,
    media_type,
    parameter,
)

B = "xtopBoundary"
NESTED = "xattBoundary"
CONTENT_TYPE = transport.content_type(B)
OCSP = b"\x30\x03\x0a\x01\x06"
BLOCK = b"GET\r\n/r1/I/C/M/S/svc\r\nX-Road-Client:I/C/M/S\r\n"
FAULT_XML = soap_fault(XRoadError("server.serverproxy.access_denied", "No", detail="d"))
SOAP = b"""<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers">
<e:Header><x:client id:objectType="MEMBER"><id:xRoadInstance>I</id:xRoadInstance>
<id:memberClass>C</id:memberClass><id:memberCode>M</id:memberCode></x:client>
<x:service id:objectType="SERVICE"><id:xRoadInstance>I</id:xRoadInstance>
<id:memberClass>C</id:memberClass><id:memberCode>P</id:memberCode>
<id:serviceCode>svc</id:serviceCode></x:service><x:id>1</x:id>
<x:protocolVersion>4.0</x:protocolVersion></e:Header><e:Body><svc/></e:Body>
</e:Envelope>"""

ocsp = transport.ocsp_part(B, OCSP)
request = transport.message_part(B, MessageKind.REST_REQUEST, BLOCK)
response = transport.message_part(B, MessageKind.REST_RESPONSE, b"200\r\nOK\r\n")
envelope = transport.message_part(B, MessageKind.SOAP, SOAP)
body = transport.body_part(B, b"body")
chain = transport.hash_chain_parts(B, b"<result/>", b"<chain/>")
signature = transport.signature_part(B, b"<signature/>")
fault = transport.fault_part(B, FAULT_XML)
closing = transport.closing(B)
attachments = b"".join(
    [
        transport.attachments_began(B, NESTED),
        transport.attachment_began(NESTED, (("content-type", "text/plain"),)),
        b"one",
        transport.PART_ENDED,
        transport.attachment_began(NESTED, (("X-Part", "yes"),)),
        transport.PART_ENDED,
        transport.attachments_ended(NESTED),
    ]
)


def read(*parts: bytes, step: int = 0, content_type: str = CONTENT_TYPE, **options):
    data = b"".join(parts)
    reader = MessageReader(content_type, **options)
    events = []
    for start in range(0, len(data), step or len(data) or 1):
        events += reader.receive_data(data[start : start + (step or len(data))])
    events += reader.receive_eof()
    return joined(events)


def joined(events):
    out = []
    for event in events:
        if isinstance(event, BodyData) and isinstance(out[-1], BodyData):
            out[-1] = BodyData(out[-1].data + event.data)
        else:
            out.append(event)
    return out


def code_of(*parts: bytes, **options) -> str:
    with pytest.raises(XRoadError) as refused:
        read(*parts, **options)
    return refused.value.code


def typed(value: str):
    return (("content-type", value),)


def test_a_request_with_everything_arrives_in_order():
    events = read(ocsp, ocsp, request, body, chain, signature, closing)
    assert events == [
        OcspResponse(OCSP),
        OcspResponse(OCSP),
        Message(
            MessageKind.REST_REQUEST, BLOCK, typed("application/x-road-rest-request")
        ),
        AttachmentBegan("/attachment1", typed("application/x-road-rest-body")),
        BodyData(b"body"),
        AttachmentEnded("/attachment1"),
        HashChainResult(b"<result/>"),
        HashChain(b"<chain/>"),
        Signature(b"<signature/>"),
    ]
    assert read(ocsp, ocsp, request, body, chain, signature, closing, step=1) == events


def test_an_empty_body_is_not_the_same_as_no_body():
    empty = transport.body_began(B) + transport.PART_ENDED
    assert read(response, empty, signature, closing)[1:3] == [
        AttachmentBegan("/attachment1", typed("application/x-road-rest-body")),
        AttachmentEnded("/attachment1"),
    ]
    assert len(read(response, signature, closing)) == 2


def test_soap_attachments_get_numbers():
    events = read(envelope, attachments, chain, signature, closing)
    assert isinstance(events[0], Message)
    assert events[0].soap.query_id == "1"
    assert events[1:6] == [
        AttachmentBegan("/attachment1", typed("text/plain")),
        BodyData(b"one"),
        AttachmentEnded("/attachment1"),
        AttachmentBegan("/attachment2", (("X-Part", "yes"),)),
        AttachmentEnded("/attachment2"),
    ]
    assert read(envelope, attachments, chain, signature, closing, step=1) == events


def test_the_soap_part_keeps_its_own_headers():
    headers = (("Content-ID", "<root>"), ("Content-Type", "application/xop+xml"))
    part = transport.message_part(B, MessageKind.SOAP, SOAP, headers)
    message, _ = read(part, signature, closing)
    assert message.headers == (
        ("content-type", "application/xop+xml"),
        ("Content-ID", "<root>"),
    )


@pytest.mark.parametrize(
    "parts",
    [
        (fault, closing),
        (fault, signature, closing),
        (envelope, fault, closing),
        (response, fault, closing),
        (response, body, fault, closing),
        (response, body, chain, fault, closing),
    ],
)
def test_a_fault_may_come_instead_of_message_or_signature(parts):
    faults = [e for e in read(*parts) if isinstance(e, Fault)]
    (found,) = faults
    assert found.error.code == "server.serverproxy.access_denied"
    assert found.error.detail == "d"
    assert found.error.xml == found.content == FAULT_XML


def test_a_bare_fault_is_read_where_it_is_allowed():
    events = read(FAULT_XML, content_type="text/xml;charset=utf-8")
    assert events[0].error.code == "server.serverproxy.access_denied"
    refused = code_of(FAULT_XML, content_type="text/xml", allow_bare_fault=False)
    assert refused == "invalid_content_type"
    assert code_of(SOAP, content_type="text/xml") == "invalid_message"
    assert code_of(b"", content_type="text/xml") == "internal_error"
    assert code_of(b"<html>", content_type="text/xml") == "invalid_soap"
    huge = [b" " * (16 * 1024 * 1024), b" "]
    assert code_of(*huge, content_type="text/xml") == "invalid_message"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((signature, closing), "invalid_content_type"),
        ((body, signature, closing), "invalid_content_type"),
        ((request, ocsp, signature, closing), "invalid_content_type"),
        ((request, request, signature, closing), "invalid_content_type"),
        ((request, body, body, signature, closing), "invalid_content_type"),
        ((request, attachments, signature, closing), "invalid_content_type"),
        ((envelope, body, signature, closing), "invalid_content_type"),
        ((envelope, attachments, attachments, closing), "invalid_content_type"),
        ((request, chain, body, signature, closing), "invalid_content_type"),
        ((request, chain, chain, signature, closing), "invalid_content_type"),
        ((envelope, envelope, closing), "invalid_content_type"),
        ((request, signature, signature, closing), "invalid_message"),
        ((request, signature, body, closing), "invalid_message"),
        ((request, fault, signature, closing), "invalid_message"),
        ((transport.message_part(B, MessageKind.SOAP, b"<a"), closing), "invalid_soap"),
        ((transport.ocsp_part(B, b""), closing), "io_error"),
        ((transport.ocsp_part(B, OCSP + b"x"), closing), "io_error"),
        ((transport.ocsp_part(B, b"\x30\x85\0\0\0\0\0"), closing), "io_error"),
        ((transport.ocsp_part(B, b"\x30\x80\0\0"), closing), "io_error"),
        ((ocsp,) * (MAX_OCSP_RESPONSES + 1) + (request,), "invalid_message"),
        ((transport.ocsp_part(B, OCSP * 20000), closing), "invalid_message"),
        ((request, transport.signature_part(B, b"x" * 1048577)), "invalid_message"),
        ((request, body, closing), "missing_signature"),
        ((ocsp, closing), "missing_soap"),
        ((closing,), "missing_soap"),
        ((request, signature), "mime_parsing_failed"),
        ((), "missing_soap"),
    ],
)
def test_parts_out_of_order_or_out_of_bounds_are_refused(parts, code):
    assert code_of(*parts) == code


def test_hash_chain_and_result_come_together():
    half = transport.hash_chain_parts(B, b"r", b"c").split(b"--" + B.encode())
    result, chain_part = (b"--" + B.encode() + piece for piece in half[1:])
    assert code_of(request, result, signature, closing) == "invalid_content_type"
    assert code_of(request, chain_part, signature, closing) == "invalid_content_type"


def test_where_only_a_fault_can_stand_no_large_xml_is_parsed():
    large = SOAP.replace(b"<svc/>", b"<svc>" + b"x" * MAX_FAULT_BYTES + b"</svc>")
    part = transport.message_part(B, MessageKind.SOAP, large)
    soap, rest = MessageKind.SOAP, MessageKind.REST_RESPONSE
    assert code_of(part, signature, closing, expects=rest) == "invalid_message"
    assert read(part, signature, closing, expects=soap)
    bare = MessageReader("text/xml", expects=rest)
    with pytest.raises(XRoadError) as refused:
        bare.receive_data(large)
    assert refused.value.code == "invalid_message"


def test_the_kind_of_message_is_checked_where_it_is_known():
    rest = MessageKind.REST_REQUEST
    assert read(request, signature, closing, expects=rest)
    assert read(fault, closing, expects=rest)
    assert code_of(response, signature, closing, expects=rest) == "missing_rest"
    assert code_of(envelope, signature, closing, expects=rest) == "missing_rest"
    assert code_of(ocsp, closing, expects=rest) == "missing_rest"
    soap = MessageKind.SOAP
    assert code_of(request, signature, closing, expects=soap) == "missing_soap"
    assert code_of(ocsp, closing, expects=soap) == "missing_soap"


def test_bodies_are_bounded_over_all_attachments():
    assert read(request, body, signature, closing, max_body_bytes=4)
    assert (
        code_of(request, body, signature, closing, max_body_bytes=3)
        == "invalid_message"
    )
    assert read(envelope, attachments, signature, closing, max_body_bytes=3)
    refused = code_of(envelope, attachments, signature, closing, max_body_bytes=2)
    assert refused == "invalid_message"


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("multipart/related; boundary=xtop", "invalid_content_type"),
        ("multipart/mixed", "invalid_content_type"),
        ("multipart/mixed; boundary=", "invalid_content_type"),
        ("", "invalid_content_type"),
        ("text/html", "invalid_content_type"),
        ("multipart/mixed; boundary=" + "x" * 71, "mime_parsing_failed"),
        ("multipart/mixed; boundary=x" + ";a=b" * 1000, "invalid_content_type"),
    ],
)
def test_other_content_types_are_refused(content_type, code):
    with pytest.raises(XRoadError) as refused:
        MessageReader(content_type)
    assert refused.value.code == code


def test_attachments_need_a_boundary_and_an_end():
    part = b"--xtopBoundary\r\ncontent-type: multipart/mixed\r\n\r\nx\r\n"
    assert code_of(envelope, part, closing) == "invalid_content_type"
    cut = transport.attachments_began(B, NESTED) + transport.PART_ENDED
    assert code_of(envelope, cut, closing) == "mime_parsing_failed"


def test_content_type_parameters_are_found_in_any_spelling():
    assert parameter('a/b; Boundary="x\\"y"; c=d', "boundary") == 'x"y'
    assert parameter("a/b;charset=UTF-8 ;boundary=xtop", "boundary") == "xtop"
    assert parameter("a/b; xboundary=x", "boundary") is None
    assert media_type(" Text/XML ; charset=x") == "text/xml"
    assert media_type("signature/bdoc-1.0/ts") == "signature/bdoc-1.0/ts"
    assert media_type("nothing") == ""
    assert media_type("a/b" * 1000) == ""
    assert find_header((("A", "b"), ("a", "c")), "a") == "b"
    assert find_header((("a", "b"),), "c") is None
    assert parameter("a/b; boundary=x" + " " * 2000, "boundary") is None


def test_every_state_can_be_reached_and_left():
    reached = {following for row in TRANSITIONS.values() for following in row.values()}
    assert reached == set(State)
    assert set(TRANSITIONS) == set(State)
    assert all(TRANSITIONS[state] for state in State if state is not State.COMPLETE)


def test_a_reader_streams_a_body_without_keeping_it():
    reader = MessageReader(CONTENT_TYPE)
    reader.receive_data(request + transport.body_began(B) + b"first")
    piece = b"x" * 65536
    for _ in range(100):
        (event,) = reader.receive_data(piece)
        assert event.data is piece


PARTS = st.sampled_from(
    [ocsp, request, response, envelope, body, attachments, chain, signature, fault]
)


@given(st.lists(PARTS, max_size=7), st.integers(1, 50))
@settings(max_examples=60)
def test_cutting_does_not_change_what_is_read(parts, step):
    def outcome(size: int):
        try:
            return read(*parts, closing, step=size)
        except XRoadError as error:
            return error.code

    assert outcome(step) == outcome(0)


@given(st.binary(max_size=300), st.sampled_from(list(PartKind)))
def test_any_content_of_a_part_gives_a_value_or_a_fault(content, kind):
    head = f"--{B}\r\ncontent-type: {kind.value}; boundary=x\r\n\r\n".encode()
    for before in (b"", request, envelope, request + chain):
        with contextlib.suppress(XRoadError):
            assert read(before, head, content, b"\r\n", closing)


@given(st.text(max_size=100))
def test_any_content_type_gives_a_reader_or_a_fault(text):
    with contextlib.suppress(XRoadError):
        MessageReader(f"multipart/mixed; {text}")
