"""What cases of the proxy test suite assert: all of them, and some beyond that."""

from lxml import etree

from kerege.xroad import soap
from kerege.xroad.soap import SoapMessage
from tests.conformance.proxy_suite import (
    BYTE_ORDER_MARK,
    TEXT_XML,
    Case,
    Message,
    envelope_of,
    parts_by_hand,
    suite_file,
)
from tests.wire import Http

# --- What every case asserts ---


def require_fault(case: Case, got: Http) -> None:
    """Check the code, and that nothing but the fault came."""
    assert got.status == 200
    assert got.get("content-type") == "text/xml;charset=utf-8"
    code = soap.read_fault(got.body).code
    if "starts with" in case.row.notes:
        assert code.startswith(case.row.error_code)
    elif case.row.error_code:
        assert code == case.row.error_code
    answered = case.pair.consumer.log.records[1:]
    assert answered == []


def require_reply(case: Case, got: Http) -> None:
    """Check that message and answer passed, and are in both logs."""
    assert got.status == 200
    (called,) = case.called.requests
    require_same_message(case.sent, Message(called.body, called.get("content-type")))
    assert case.answer is not None
    received = Message(got.body, got.get("content-type") or "")
    require_same_answer(case.answer, received)
    asked, answered = envelope_of(case.sent), envelope_of(received)
    message = soap.read(answered, TEXT_XML)
    assert isinstance(message, SoapMessage)
    assert message.request_hash == soap.request_hash(asked)
    for server in (case.pair.consumer, case.pair.provider):
        logged = [one.record.message for one in server.log.records]
        assert logged == [asked, answered]


def require_same_message(sent: Message, called: Message) -> None:
    """Check what the service got: every byte, and a multipart's Content-Type."""
    if not sent.content_type.lower().startswith("multipart/"):
        assert called.content == sent.content
        assert called.content_type == TEXT_XML
        return
    assert called.content_type == sent.content_type
    assert unordered(parts_by_hand(called)) == unordered(parts_by_hand(sent))


def require_same_answer(made: Message, got: Message) -> None:
    """Check what the client got: the envelope but for the hash, every other byte."""
    assert without_hash(envelope_of(got)) == without_hash(envelope_of(made))
    if not made.content_type.lower().startswith("multipart/"):
        assert got.content_type == TEXT_XML
        return
    assert got.content_type.lower().endswith("charset=utf-8") or "UTF-8" in (
        got.content_type
    )
    ours, theirs = parts_by_hand(got), parts_by_hand(made)
    assert unordered(ours)[1:] == unordered(theirs)[1:]


def unordered(parts: list) -> list:
    return [(sorted(headers.items()), content) for headers, content in parts]


def without_hash(content: bytes) -> str:
    """Return an envelope without requestHash and the white space between elements."""
    parser = etree.XMLParser(remove_blank_text=True)
    root = etree.fromstring(content.removeprefix(BYTE_ORDER_MARK), parser)
    for old in root.findall(".//{http://x-road.eu/xsd/xroad.xsd}requestHash"):
        parent = old.getparent()
        assert parent is not None
        parent.remove(old)
    return etree.tostring(root, method="c14n", with_comments=True).decode()


# --- What cases assert beyond code and bytes ---


def header_text(content: bytes, name: str) -> str:
    """Return the text of a header element, as an XML parser reads it."""
    root = etree.fromstring(content.removeprefix(BYTE_ORDER_MARK))
    found = root.find(f".//{{http://x-road.eu/xsd/xroad.xsd}}{name}")
    assert found is not None
    return "".join(found.itertext())


def text_on_both_sides(name: str, wanted: str) -> object:
    def look(case: Case, got: Http) -> None:
        (called,) = case.called.requests
        assert header_text(called.body, name) == wanted
        assert header_text(got.body, name) == wanted

    return look


def comment_is_kept(_case: Case, got: Http) -> None:
    header = etree.fromstring(got.body).find("{*}Header")
    assert header is not None
    assert (header.text or "").isspace()
    second = header[0]  # white space is the first
    assert second.tag is etree.Comment
    made = etree.fromstring(suite_file("simple-comment.answer")).find("{*}Header")
    assert made is not None
    assert second.text == made[0].text


def client_header(case: Case, _: Http) -> None:
    """The attachment is itself a multipart; it goes on as it is, part headers and all."""
    (called,) = case.called.requests
    assert b"\nClient-Header: FooBar\n" in called.body


def mtom(case: Case, got: Http) -> None:
    (called,) = case.called.requests
    assert called.get("content-type") == case.sent.content_type
    assert case.answer is not None
    assert got.get("content-type") == case.answer.content_type
    kept = parts_by_hand(Message(called.body, case.sent.content_type))
    sent = parts_by_hand(case.sent)
    for ours, theirs in zip(kept, sent, strict=True):
        assert ours[0]["content-id"] == theirs[0]["content-id"]
        assert ours[0]["content-type"] == theirs[0]["content-type"]


def one_part(case: Case, _: Http) -> None:
    (called,) = case.called.requests
    assert len(parts_by_hand(Message(called.body, case.sent.content_type))) == 1


def soap_action_is(wanted: str) -> object:
    def look(case: Case, _: Http) -> None:
        assert case.called.requests[0].all("soapaction") == [wanted]

    return look


def fault_is_the_services(case: Case, got: Http) -> None:
    assert case.answer is not None
    assert got.body == envelope_of(case.answer)


def fault_says_why(case: Case, got: Http) -> None:
    fault_is_the_services(case, got)
    wanted = b"<error>Unable to create payload, try increasing the size</error>"
    assert wanted in got.body


def service_was_not_called(case: Case, _: Http) -> None:
    assert case.called.requests == []


def says_maintenance(_case: Case, got: Http) -> None:
    assert "Maintenance mode is on" in soap.read_fault(got.body).message


LOOK = {
    "Attachment": client_header,
    "AttachmentMTOM": mtom,
    "CDATAMessage": text_on_both_sides("xml", "<a><b><c>12345678</c></b></a>"),
    "CommentMessage": comment_is_kept,
    "InvalidContentTypeFromClientProxy": service_was_not_called,
    "MimeSoap": one_part,
    "NoSignatureToServerProxy": service_was_not_called,
    "NoSoapToServerProxy": service_was_not_called,
    "NotAllowed": service_was_not_called,
    "ServerProxyMaintenanceMode": says_maintenance,
    "ServiceDisabled": service_was_not_called,
    "ServiceFaultyFault": fault_is_the_services,
    "ServiceReturnsFault": fault_is_the_services,
    "SoapActionEmptyHeader": soap_action_is(""),
    "SoapActionHeader": soap_action_is('""'),
    "SoapActionMalformedHeader": service_was_not_called,
    "SoapFaultInMultipartResponse": fault_says_why,
    "SslToServiceNoISCerts": service_was_not_called,
    "SslToServiceWrongISCert": service_was_not_called,
    "UnsignedMessageFromClientProxy": service_was_not_called,
    "XmlEncodedMessage": text_on_both_sides(
        "userId", "<\"EE37702211234\" & 'xml encoded'>"
    ),
}
