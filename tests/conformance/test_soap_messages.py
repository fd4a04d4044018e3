"""The reference's own verdicts on SOAP messages, and its servers' rewritten answers."""

from dataclasses import replace
from functools import cache

import pytest
from lxml import etree

from kerege.exchange.messagelog import BodyLogging
from kerege.xroad import soap
from kerege.xroad.faults import RelayedFaultError, XRoadError
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.rest import RepresentedParty
from kerege.xroad.soap import Answer, SecurityToken, SoapMessage
from kerege.xroad.transport import (
    Fault,
    Message,
    MultipartParser,
    PartEnded,
    find_header,
    parameter,
)
from tests.conformance.recordings import Multipart, recordings
from tests.exchange.messagelog.world import World
from tests.vectors import needs_recordings, needs_vectors, rows, xroad_path

XML = "text/xml; charset=UTF-8"
SERVICE_FAILED = "server.serverproxy.service_failed"


def message_of(content: bytes) -> SoapMessage:
    message = soap.read(content, XML)
    assert isinstance(message, SoapMessage)
    return message


def is_the_simple_request(message: SoapMessage) -> bool:
    return (
        message.client_id.short == "EE/BUSINESS/consumer"
        and message.service_id.short == "EE/BUSINESS/producer/testQuery"
        and (message.user_id, message.query_id) == ("EE37702211234", "1234567890")
    )


def built() -> SoapMessage:
    return SoapMessage(
        client_id=ClientId("EE", "BUSINESS", "producer"),
        service_id=ServiceId("EE", "BUSINESS", "consumer", None, "test"),
        query_id="1",
        protocol_version="4.0",
        body_element="test",
    )


def simple_request(row):
    message = message_of(row.read(0))
    assert is_the_simple_request(message)
    assert not message.is_response


def simple_rpc_request(row):
    message = message_of(row.read(0))
    assert is_the_simple_request(message)
    assert message.is_rpc


def simple_response(row):
    message = message_of(row.read(0))
    assert is_the_simple_request(message)
    assert message.is_response


def represented_party(row):
    message = message_of(row.read(0))
    assert message.represented_party == RepresentedParty("MEMBER3", "COM")
    assert message.issue == "issue-1"


def missing_user(row):
    assert message_of(row.read(0)).user_id is None


def fault_message(_row):
    written = soap.write_fault("foo.bar", "baz", actor="xxx", detail="yyy")
    read = soap.read(written, XML)
    assert isinstance(read, XRoadError)
    assert (read.code, read.message) == ("foo.bar", "baz")
    assert (read.actor, read.detail) == ("xxx", "yyy")


def consistent(row):
    soap.check_consistency(message_of(row.read(0)), message_of(row.read(1)))


def request_to_response(row):
    response = soap.write(soap.response_to(message_of(row.read(0))))
    assert message_of(response).is_response
    answer = soap.answer_to(row.read(0), b"<testQueryResponse/>")
    assert is_the_simple_request(message_of(answer))
    assert message_of(answer).is_response


def request_suffix(row):
    response = soap.write(soap.response_to(message_of(row.read(0))))
    assert message_of(response).body_element == "testQueryResponse"


def built_message(_row):
    assert message_of(soap.write(built())) == built()


def built_rpc_message(_row):
    rpc = replace(built(), is_rpc=True)
    assert message_of(soap.write(rpc)) == rpc
    assert message_of(soap.write(rpc)).is_rpc


def not_reencoded(row):
    # What is read is never written again: the digest is of the bytes that came.
    assert soap.answer_to(row.read(0), b"<a/>") != row.read(0)
    assert soap.request_hash(row.read(0)) == soap.request_hash(bytes(row.read(0)))
    message_of(row.read(0))


PASSING = {
    "simpleRequest": simple_request,
    "simpleRpcRequest": simple_rpc_request,
    "simpleResponse": simple_response,
    "simpleRepresentedPartyAndIssueInHeaderRequest": represented_party,
    "optionalUserIdField": missing_user,
    "faultMessage": fault_message,
    "consistentMessages": consistent,
    "requestToResponse": request_to_response,
    "removeRequestSuffixFromResponse": request_suffix,
    "shouldParseBuiltMessage": built_message,
    "shouldBuildRpcMessage": built_rpc_message,
    "shouldNotReencodeInputMessage": not_reencoded,
}


def handle(row) -> None:
    """Do what the row says cannot be done."""
    match row.case:
        case "invalidContentType":
            soap.read(row.read(0), "text/html;")
        case "shouldNotBuildWithoutMissingHeaderFields":
            soap.write(replace(built(), client_id=None))
        case "inconsistentMessages":
            request = message_of(row.read(0))
            soap.check_consistency(request, request)
            soap.check_consistency(request, message_of(row.read(1)))
        case _:
            soap.read(row.read(0), XML)


@needs_vectors
@pytest.mark.parametrize("row", rows("soap-message"))
def test_soap_message(row):
    if row.expected == "pass":
        PASSING[row.case](row)
    else:
        assert row.case not in PASSING
        with pytest.raises(XRoadError) as fault:
            handle(row)
        assert fault.value.code == row.error_code


def overridden(_row):
    """A subsystem in the list of its side goes against the rule for everybody."""
    here, there = (
        ClientId("EE", "BUSINESS", "here"),
        ClientId("EE", "BUSINESS", "there"),
    )
    sub = ClientId("EE", "BUSINESS", "here", "sub")
    world = World(None, None)
    for enabled in (True, False):
        rules = BodyLogging(enabled, frozenset({here}), frozenset({there}))
        for client_side, producer, is_listed in (
            (False, here, True),
            (False, there, False),
            (True, there, True),
            (True, here, False),
            (False, sub, False),  # the member is listed, its subsystem is not
        ):
            service = ServiceId(*producer.member.codes, producer.subsystem_code, "x")
            record = world.record("q", service_id=service, client_side=client_side)
            assert rules.logs(record) is (enabled is not is_listed)


def removed_body(row):
    """Header kept, body element empty, and named as before."""
    for index, name in ((0, "testQuery"), (1, "testQueryResponse")):
        whole = message_of(row.read(index))
        logged = soap.without_body(whole)
        assert message_of(logged) == whole
        assert f"<xroad:{name}></xroad:{name}>".encode() in logged
        assert whole.body_element == name


@needs_vectors
@pytest.mark.parametrize("row", rows("soap-body-removal"))
def test_soap_body_removal(row):
    assert row.expected == "pass"
    if row.case == "MessageBodyManipulatorTest.removingBody":
        removed_body(row)
    else:
        assert row.case == "MessageBodyManipulatorTest overrides"
        overridden(row)


ACTIONS = {"(header absent)": None, "(empty)": ""}


@needs_vectors
@pytest.mark.parametrize("row", rows("soap-action"))
def test_soap_action(row):
    words = row.case.removeprefix("SOAPAction ")
    value = ACTIONS.get(words, words)
    if row.expected == "pass":
        assert soap.check_soap_action(value) == value
        return
    with pytest.raises(XRoadError) as fault:
        soap.check_soap_action(value)
    assert fault.value.code == row.error_code == "invalid_soap_action"


def part_of(http) -> tuple[bytes, str]:
    """Return the envelope of an answer, and its Content-Type."""
    content_type, content = http.get("content-type"), http.body
    if not content_type.startswith("multipart/"):
        return content, content_type
    parser = MultipartParser(parameter(content_type, "boundary"))
    events = parser.receive_data(content)
    first = events[: events.index(PartEnded())]
    content_type = find_header(first[0].headers, "content-type")
    return b"".join(e.data for e in first[1:]), content_type


def rewritten(recording) -> tuple[Answer, bytes]:
    """Return our rewriting of a service's answer, and what the reference sent."""
    request = Multipart.of(recording.http("proxy-request")).one(Message)
    expected, _ = part_of(recording.http("proxy-response"))
    content, content_type = part_of(recording.http("provider-response"))
    answer = soap.add_request_hash(
        content, content_type, soap.request_hash(request.content)
    )
    assert isinstance(answer, Answer)
    return answer, expected


ANSWERS = [
    p
    for p in recordings(having="provider-response", prefix="soap-")
    if "fault" not in p.id and "404" not in p.id
]


@needs_recordings
@pytest.mark.parametrize("recording", ANSWERS)
def test_an_answer_is_written_as_the_reference_writes_it(recording):
    answer, expected = rewritten(recording)
    if recording.name == "soap-latin1":
        # The reference writes ISO-8859-1 and says that it is UTF-8. We mean it.
        assert answer.content.decode("utf-8") == expected.decode("iso-8859-1")
        assert answer.content_type == "text/xml; charset=UTF-8"
    elif recording.name == "soap-mutated-body":
        # The relay changed it afterwards; the signature is of what was written.
        signed = recording.expected["proxy-response"]["signature_reference_digest"]
        assert soap.request_hash(answer.content) == signed
    else:
        assert answer.content == expected
    again = soap.read(answer.content, answer.content_type)
    assert again == answer.message


@needs_recordings
@pytest.mark.parametrize("recording", ANSWERS)
def test_an_answer_belongs_to_its_request(recording):
    answer, _ = rewritten(recording)
    content = Multipart.of(recording.http("proxy-request")).one(Message).content
    request = soap.read(content, XML)
    soap.check_consistency(request, answer.message)
    soap.check_request_hash(answer.message, content)


@needs_recordings
@pytest.mark.parametrize(
    "recording",
    [
        p
        for p in recordings(having="provider-response", prefix="soap-")
        if "provider-fault" in p.id
    ],
)
def test_a_fault_of_the_service_stays_as_it_is(recording):
    content, content_type = part_of(recording.http("provider-response"))
    fault = soap.add_request_hash(content, content_type, "aGk=")
    assert isinstance(fault, RelayedFaultError)
    assert fault.xml == content
    sent = Multipart.of(recording.http("proxy-response")).one(Fault)
    assert (fault.code, fault.xml) == (sent.error.code, sent.content)


@cache
def schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(xroad_path(f"xsd/{name}")))


def emitted() -> dict[str, bytes]:
    """Return one envelope of every kind that we write ourselves."""
    whole = replace(
        built(),
        user_id="EE1",
        issue="issue",
        represented_party=RepresentedParty("MEMBER3", "COM"),
        security_server=SecurityServerId("EE", "BUSINESS", "consumer", "ss"),
        security_token=SecurityToken("a.b.c", "urn:ietf:params:oauth:token-type:jwt"),
    )
    request = soap.write(whole)
    answer = soap.answer_to(request, b"<testResponse/>")
    hashed = soap.add_request_hash(answer, XML, soap.request_hash(request))
    return {
        "plain": soap.write(built()),
        "whole": request,
        "answer": answer,
        "hashed": hashed.content,
        "logged": soap.without_body(hashed.message),
        "fault": soap.write_fault("a.b", "<c>", actor="d", detail="e"),
    }


@needs_vectors
@pytest.mark.parametrize("kind", emitted())
def test_what_we_write_is_valid(kind):
    """The envelope by SOAP's schema, the header by X-Road's.

    X-Road's has four fields, older than the others, and none for a SOAP header. RPC is
    not here: the reference looks for encodingStyle on the envelope, where SOAP 1.1
    allows it (section 4.1.1) and its schema does not.
    """
    root = etree.fromstring(emitted()[kind])
    schema("soap-schema.xsd").assertValid(root)
    if kind == "fault":
        return
    namespaces = {"x": soap.XROAD_NAMESPACE}
    header = etree.Element(f"{{{soap.XROAD_NAMESPACE}}}Header")
    for name in ("client", "service", "securityServer", "id"):
        header.extend(root.xpath(f"//x:{name}", namespaces=namespaces))
    assert len(header) > 2
    schema("message.xsd").assertValid(header)
