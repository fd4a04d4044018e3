"""The reference's own verdicts on multiparts between security servers."""

import re

import pytest

from kerege.xroad import soap, transport
from kerege.xroad.faults import XRoadError
from kerege.xroad.transport import (
    AttachmentBegan,
    AttachmentEnded,
    BodyData,
    Fault,
    Finished,
    Message,
    MessageKind,
    MessageReader,
    MultipartParser,
    OcspResponse,
    PartBegan,
    PartData,
    PartEnded,
    Signature,
)
from tests.vectors import needs_vectors, rows, xroad_path

pytestmark = needs_vectors

BOUNDARY = "xtopAbCdEfGhIjKlMnOpQrStUvWxYzAbCd"
NESTED = "xattAbCdEfGhIjKlMnOpQrStUvWxYzAbCd"
TEXT_PLAIN = (("content-type", "text/plain"),)


def read_message(content_type: str, data: bytes | None) -> list:
    reader = MessageReader(content_type)
    events = [] if data is None else reader.receive_data(data)
    return [*events, *reader.receive_eof()]


def kinds(events: list) -> list[type]:
    return [type(event) for event in events]


def content_type_of(setup: str) -> str:
    """Return the Content-Type that a row's setup tells in words."""
    boundary = re.search(r"boundary (\w+)", setup)
    if boundary:
        return f"multipart/mixed; boundary={boundary[1]}"
    if "multipart/mixed" in setup:
        return "multipart/mixed"
    return re.search(r'content type "?([\w/]+)"?', setup)[1]


DELIVERED = {
    "normalRequest": [Message, Signature],
    "normalSoapFaultRequest": [Fault, Signature],
    "normalAttachmentRequest": [
        Message,
        AttachmentBegan,
        BodyData,
        AttachmentEnded,
        Signature,
    ],
    "normalOcspRequest": [OcspResponse, Message, Signature],
    "parseFault": [Fault],
    "faultInsteadOfSignature": [Message, Fault],
}
SAMPLE = "normal.response (no test)"


@pytest.mark.parametrize("row", rows("transport-decoder"))
def test_decoder(row):
    data = row.read(0) if row.inputs else None  # the reference's "null stream"
    if row.case == SAMPLE:
        check_sample(data)
        return
    content_type = content_type_of(row.setup)
    if row.expected == "fail":
        with pytest.raises(XRoadError) as refused:
            read_message(content_type, data)
        assert refused.value.code == row.error_code
        assert row.case not in DELIVERED
        return
    assert row.expected == "pass"
    events = read_message(content_type, data)
    assert kinds(events) == DELIVERED[row.case]
    if AttachmentBegan in kinds(events):
        assert AttachmentBegan("/attachment1", events[1].headers) == events[1]
        assert events[2] == BodyData(b"blaah")


def check_sample(data: bytes) -> None:
    """The multipart is sound, and the SOAP in it that of an older protocol.

    No test of the reference uses the file, and its parser refuses the message too:
    the header has no protocolVersion.
    """
    parser = MultipartParser("xtop1143483536hcn1yj5i")
    events = parser.receive_data(data)
    parser.receive_eof()
    types = [e.headers for e in events if isinstance(e, PartBegan)]
    assert types == [
        (("Content-Type", "text/xml"),),
        (("Content-Type", "signature/bdoc-1.0/ts"),),
    ]
    content_type = transport.content_type("xtop1143483536hcn1yj5i")
    with pytest.raises(XRoadError) as refused:
        read_message(content_type, data)
    assert refused.value.code == "missing_header_field"


def encoded(row) -> bytes:
    """Return what the row lets the encoder write."""
    soap_or_fault = row.read(0)
    match row.case:
        case "faultMessage":
            parts = [transport.fault_part(BOUNDARY, soap_or_fault)]
        case "normalMessageWithFaultInsteadOfSignature":
            parts = [
                soap_part(soap_or_fault),
                transport.fault_part(BOUNDARY, row.read(1)),
            ]
        case "normalMessageWithAttachment":
            parts = [
                soap_part(soap_or_fault),
                transport.attachments_began(BOUNDARY, NESTED),
                transport.attachment_began(NESTED, TEXT_PLAIN),
                b"Hello, world!",
                transport.PART_ENDED,
                transport.attachments_ended(NESTED),
                transport.signature_part(BOUNDARY, row.read(1)),
            ]
        case "normalMessageWithOcsp":
            parts = [
                transport.ocsp_part(BOUNDARY, row.read(2)),
                soap_part(soap_or_fault),
                transport.signature_part(BOUNDARY, row.read(1)),
            ]
        case "normalMessage":
            parts = [
                soap_part(soap_or_fault),
                transport.signature_part(BOUNDARY, row.read(1)),
            ]
    return b"".join([*parts, transport.closing(BOUNDARY)])


def soap_part(content: bytes) -> bytes:
    return transport.message_part(BOUNDARY, MessageKind.SOAP, content)


ENCODED = {
    "normalMessage": [Message, Signature],
    "normalMessageWithOcsp": [OcspResponse, Message, Signature],
    "normalMessageWithAttachment": [
        Message,
        AttachmentBegan,
        BodyData,
        AttachmentEnded,
        Signature,
    ],
    "faultMessage": [Fault],
    "normalMessageWithFaultInsteadOfSignature": [Message, Fault],
}


@pytest.mark.parametrize("row", rows("transport-encoder"))
def test_what_is_encoded_is_decoded_again(row):
    assert row.expected == "pass"
    events = read_message(transport.content_type(BOUNDARY), encoded(row))
    assert kinds(events) == ENCODED[row.case]
    for event in events:
        match event:
            case Message(content=content):
                assert content == row.read(0)
            case Signature(content=content):
                assert content == xroad_path("soap/signature.xml").read_bytes()
            case OcspResponse(der=der):
                assert der == xroad_path("soap/test.ocsp").read_bytes()
            case AttachmentBegan():
                assert event == AttachmentBegan("/attachment1", TEXT_PLAIN)
            case BodyData(data):
                assert data == b"Hello, world!"
            case Fault(error=error):
                assert (error.code, error.message) == ("CODE", "STRING")


SOAP_HEADERS = (("Content-Type", "text/xml; charset=UTF-8"),)
RELATED = "multipart/related; boundary=BOUNDARY"


def soap_for_service(original: str, *, attachments: bool) -> bytes:
    return transport.soap_for_service(
        original, b"<mock/>", SOAP_HEADERS, has_attachments=attachments
    )


def service_type(original: str, *, attachments: bool) -> str:
    return transport.service_content_type(original, has_attachments=attachments)


def with_attachment() -> bytes:
    return b"".join(
        [
            soap_for_service(RELATED, attachments=True),
            transport.attachment_for_service_began(RELATED, TEXT_PLAIN),
            b"attachment",
            transport.PART_ENDED,
            transport.attachments_for_service_ended(RELATED),
        ]
    )


TO_SERVICE = {
    "soapContentTypeMimeEncodedSoap": lambda: (
        service_type(RELATED, attachments=False),
        RELATED,
    ),
    "soapContentTypeAttachment": lambda: (
        service_type("any/thing", attachments=True),
        "any/thing",
    ),
    "soapContentTypeTextXml": lambda: (
        service_type("application/xml", attachments=False),
        "text/xml; charset=UTF-8",
    ),
    "soapContent": lambda: (
        soap_for_service("text/xml", attachments=False),
        b"<mock/>",
    ),
    "soapContentMime": lambda: (
        soap_for_service(RELATED, attachments=False),
        (
            b"--BOUNDARY\r\ncontent-type: text/xml; charset=UTF-8\r\n\r\n"
            b"<mock/>\r\n--BOUNDARY--\r\n"
        ),
    ),
    "soapContentWithAttachment": lambda: (
        with_attachment(),
        (
            b"--BOUNDARY\r\ncontent-type:text/xml; charset=UTF-8\r\n\r\n<mock/>\r\n"
            b"--BOUNDARY\r\ncontent-type:text/plain\r\n\r\nattachment\r\n--BOUNDARY--\r\n"
        ),
    ),
}


@pytest.mark.parametrize("row", rows("transport-message"))
def test_soap_towards_the_service(row):
    assert row.expected == "pass"
    ours, expected = TO_SERVICE[row.case]()
    assert ours == expected


@pytest.mark.parametrize("row", rows("mime-parser"))
def test_a_part_has_exactly_its_bytes_whatever_its_size(row):
    assert row.expected == "pass"
    for size in range(4000, 4100):
        data = b"--testBoundary\r\n\r\n" + b"a" * size + b"\r\n--testBoundary--\r\n"
        for step in (len(data), 4096, 1024):
            parser = MultipartParser("testBoundary")
            events = [
                event
                for start in range(0, len(data), step)
                for event in parser.receive_data(data[start : start + step])
            ]
            body = b"".join(e.data for e in events if isinstance(e, PartData))
            assert body == b"a" * size
            assert [e for e in events if not isinstance(e, PartData)] == [
                PartBegan(()),
                PartEnded(),
                Finished(),
            ]


def test_faults_that_are_written_are_read():
    fault = xroad_path("soap/fault.query").read_bytes()
    read = soap.read_fault(fault)
    assert (read.code, read.message, read.detail) == ("CODE", "STRING", "DETAIL")
