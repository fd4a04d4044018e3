"""Envelopes of our own: what they say, and that they can always be read again."""

import pytest
from hypothesis import given, strategies as st
from lxml import etree

from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.rest import RepresentedParty
from kerege.xroad.soap import SecurityToken, SoapMessage
from tests.xroad.soap.envelopes import ENV, HEADER, REQUEST, XML, XROAD, envelope

JWT = "urn:ietf:params:oauth:token-type:jwt"
WHOLE = SoapMessage(
    client_id=ClientId("KG", "GOV", "1", "portal"),
    service_id=ServiceId("KG", "GOV", "2", "register", "person", "v1"),
    query_id="q & a",
    protocol_version="4.0",
    body_element="person",
    user_id="КG <1>",
    issue="case 7",
    represented_party=RepresentedParty("3", "COM"),
    security_server=SecurityServerId("KG", "GOV", "2", "ss"),
    request_hash="aGk=",
    security_token=SecurityToken("a.b.c", JWT),
    is_rpc=True,
)


def read(content: bytes) -> SoapMessage:
    message = soap.read(content, XML)
    assert isinstance(message, SoapMessage)
    return message


def code_of(message: SoapMessage, body: bytes | None = None) -> str:
    with pytest.raises(XRoadError) as refused:
        soap.write(message, body)
    return refused.value.code


def but(message: SoapMessage, **fields: object) -> SoapMessage:
    names = type(message).__dataclass_fields__
    return SoapMessage(**{n: fields.get(n, getattr(message, n)) for n in names})


@pytest.mark.parametrize("message", [REQUEST, WHOLE])
def test_what_is_written_is_read(message):
    assert read(soap.write(message)) == message
    assert read(soap.write(message, b"<person xmlns='p'><a/></person>")) == message


def test_fields_stand_in_the_order_of_the_reference():
    header = etree.fromstring(soap.write(WHOLE)).find(f"{ENV}Header")
    assert [etree.QName(field).localname for field in header] == [
        "client",
        "service",
        "securityServer",
        "userId",
        "representedParty",
        "issue",
        "id",
        "requestHash",
        "protocolVersion",
        "securityToken",
    ]


def test_a_represented_party_may_have_no_class():
    party = RepresentedParty("3")
    assert (
        read(soap.write(but(REQUEST, represented_party=party))).represented_party
        == party
    )


def test_a_token_may_have_no_type():
    token = SecurityToken("secret")
    assert read(soap.write(but(REQUEST, security_token=token))).security_token == token


def test_no_repr_shows_what_is_personal_or_secret():
    shown = repr(WHOLE)
    for secret in ("a.b.c", "<1>", "case 7", "COM"):
        assert secret not in shown
    assert "KG" in shown


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("client_id", None),
        ("service_id", None),
        ("query_id", ""),
        ("protocol_version", ""),
    ],
)
def test_required_fields_are_required(field, value):
    assert code_of(but(REQUEST, **{field: value})) == "missing_header_field"


@pytest.mark.parametrize("text", ["\0", "\x0b", "\ufffe", "\ud800"])
def test_what_xml_cannot_carry_is_refused(text):
    assert code_of(but(REQUEST, user_id=text)) == "invalid_soap"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "inconsistent_headers"),
        (b"<other/>", "inconsistent_headers"),
        (b"<person/><person/>", "inconsistent_headers"),
        (b"<person>", "invalid_soap"),
        (b"</x><person/>", "invalid_soap"),
        (b"<person/></SOAP-ENV:Body><SOAP-ENV:Body>", "inconsistent_headers"),
        (
            b"<person/></SOAP-ENV:Body><SOAP-ENV:Header/><SOAP-ENV:Body><person/>",
            "inconsistent_headers",
        ),
        (b"<!DOCTYPE a><person/>", "invalid_soap"),
        ("<person>ö</person>".encode("latin-1"), "invalid_soap"),
    ],
)
def test_a_body_must_be_one_element_of_its_name(body, code):
    assert code_of(REQUEST, body) == code


@given(
    st.builds(
        SoapMessage,
        client_id=st.just(WHOLE.client_id),
        service_id=st.just(WHOLE.service_id),
        query_id=st.text(min_size=1),
        protocol_version=st.just("4.0"),
        body_element=st.just("person"),
        user_id=st.none() | st.text(),
        issue=st.none() | st.text(),
        represented_party=st.none() | st.builds(RepresentedParty, st.text(), st.text()),
        security_token=st.none()
        | st.builds(SecurityToken, st.text(), st.text(min_size=1)),
    )
)
def test_any_text_is_written_so_that_it_is_read(message):
    try:
        content = soap.write(message)
    except XRoadError:
        return
    again = read(content)
    kind = again.security_token and again.security_token.token_type
    if kind is None or not set(kind) & set("\t\n\r "):
        assert again == message


def test_an_answer_keeps_the_header_of_its_request():
    extra = "<o:other xmlns:o='o' e:actor='a'>kept</o:other>\n<!-- kept -->"
    request = envelope(f"\n  {HEADER}{extra}", "\n<person><a/></person>\n")
    answer = soap.answer_to(request, b"<personResponse>1</personResponse>")
    assert read(answer) == but(REQUEST, body_element="personResponse")
    assert extra.encode() in answer
    assert b"<person>" not in answer
    soap.check_consistency(read(request), read(answer))


@pytest.mark.parametrize("charset", ["utf-16", "windows-1251", "utf-8-sig"])
def test_an_answer_is_in_utf_8(charset):
    name = charset.removesuffix("-sig")
    declared = f'<?xml version="1.0" encoding="{name}"?>\n'
    text = declared + envelope(HEADER.replace(">q<", ">й<")).decode()
    answer = soap.answer_to(text.encode(charset), b"<personResponse/>")
    assert read(answer).query_id == "й"
    assert answer.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<e:Envelope')


@pytest.mark.parametrize(
    "body",
    ["<person/>", "<person><person/></person>", "<person a='>'/><!-- </e:Body> -->"],
)
def test_an_answer_is_put_where_the_body_was(body):
    answer = soap.answer_to(envelope(body=body), b"<personResponse/>")
    assert b"<e:Body><personResponse/></e:Body></e:Envelope>" in answer


def test_there_must_be_a_body_to_answer_to():
    for content in (
        envelope(body=None),
        envelope()
        .replace(b"<e:Body><person/>", b"<e:Body/><e:X>")
        .replace(b"</e:Body>", b"</e:X>"),
    ):
        with pytest.raises(XRoadError, match="invalid_soap"):
            soap.answer_to(content, b"<a/>")


def test_without_its_body_a_message_has_no_token_either():
    """PR-SECTOKEN, chapter 3: so that a secret can be kept out of the log."""
    logged = soap.without_body(WHOLE)
    assert read(logged) == but(WHOLE, security_token=None, is_rpc=False)
    assert b"a.b.c" not in logged
    body = etree.fromstring(logged).find(f"{ENV}Body")
    assert [child.tag for child in body] == [f"{XROAD}person"]
    assert len(body[0]) == 0
    assert not body[0].text


@pytest.mark.parametrize(
    ("element", "logged"),
    [("personRequest", "person"), ("personXResponse", "personResponse")],
)
def test_without_its_body_the_element_is_named_after_the_service(element, logged):
    message = but(REQUEST, body_element=element)
    assert read(soap.without_body(message)).body_element == logged


def test_the_response_to_a_request():
    response = soap.response_to(but(REQUEST, body_element="personRequest"))
    assert response == but(REQUEST, body_element="personResponse")
    assert response.is_response
