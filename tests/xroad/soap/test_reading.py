"""SOAP messages: the X-Road header, faults, and what is refused."""

import contextlib

import pytest
from hypothesis import given, strategies as st

from kerege.xroad import soap
from kerege.xroad.faults import RelayedFaultError, XRoadError, soap_fault
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.rest import RepresentedParty
from kerege.xroad.soap import SoapMessage

XML = "text/xml; charset=UTF-8"
CLIENT = """<x:client id:objectType="SUBSYSTEM"><id:xRoadInstance>KG</id:xRoadInstance>
<id:memberClass>GOV</id:memberClass><id:memberCode>1</id:memberCode>
<id:subsystemCode>portal</id:subsystemCode></x:client>"""
SERVICE = """<x:service id:objectType="SERVICE"><id:xRoadInstance>KG</id:xRoadInstance>
<id:memberClass>GOV</id:memberClass><id:memberCode>2</id:memberCode>
<id:subsystemCode>register</id:subsystemCode><id:serviceCode>person</id:serviceCode>
</x:service>"""
SERVER = """<x:securityServer id:objectType="SERVER">
<id:xRoadInstance>KG</id:xRoadInstance><id:memberClass>GOV</id:memberClass>
<id:memberCode>2</id:memberCode><id:serverCode>ss</id:serverCode></x:securityServer>"""
PARTY = """<r:representedParty><r:partyClass>COM</r:partyClass>
<r:partyCode>3</r:partyCode></r:representedParty>"""
REQUIRED = CLIENT + SERVICE + "<x:id>q</x:id><x:protocolVersion>4.0</x:protocolVersion>"


def envelope(header: str | None = REQUIRED, body: str | None = "<person/>") -> bytes:
    header = "" if header is None else f"<e:Header>{header}</e:Header>"
    body = "" if body is None else f"<e:Body>{body}</e:Body>"
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:x="http://x-road.eu/xsd/xroad.xsd" '
        'xmlns:id="http://x-road.eu/xsd/identifiers" '
        'xmlns:r="http://x-road.eu/xsd/representation.xsd">'
        f"{header}{body}</e:Envelope>"
    ).encode()


def code_of(content: bytes, content_type: str = XML) -> str:
    with pytest.raises(XRoadError) as refused:
        soap.read(content, content_type)
    return refused.value.code


def test_the_header_says_who_asks_whom_for_what():
    header = (
        f"<other/>{REQUIRED}{SERVER}{PARTY}<x:userId>u<!-- c -->1</x:userId>"
        '<x:issue>case 7</x:issue><x:requestHash algorithmId="a">aGk=</x:requestHash>'
    )
    message = soap.read(
        envelope(header, "<!-- c --><ns:personResponse xmlns:ns='n'/>"), XML
    )
    assert message == SoapMessage(
        client_id=ClientId("KG", "GOV", "1", "portal"),
        service_id=ServiceId("KG", "GOV", "2", "register", "person"),
        query_id="q",
        protocol_version="4.0",
        body_element="personResponse",
        user_id="u1",
        issue="case 7",
        represented_party=RepresentedParty("3", "COM"),
        security_server=SecurityServerId("KG", "GOV", "2", "ss"),
        request_hash="aGk=",
    )
    assert message.is_response


def test_a_byte_order_mark_and_mtom_are_understood():
    content = b"\xef\xbb\xbf" + envelope()
    message = soap.read(content, 'application/xop+xml; type="text/xml"')
    assert not message.is_response
    assert message.represented_party is None
    assert not message.is_rpc


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid_soap"),
        (b"<a>", "invalid_soap"),
        (b"<a/>", "invalid_soap"),
        (b"<!DOCTYPE a><a/>", "invalid_soap"),
        (b'<!DOCTYPE e [<!ENTITY x "y">]>' + envelope(), "invalid_soap"),
        (envelope().replace(b"schemas.xmlsoap", b"schemas.other"), "invalid_soap"),
        (envelope(header=None), "missing_header"),
        (envelope(body=None), "missing_body"),
        (envelope(body=""), "invalid_body"),
        (envelope(body="text"), "invalid_body"),
        (envelope(body="<person/><person/>"), "invalid_body"),
        (envelope(body="<person/></e:Body><e:Body>"), "invalid_body"),
        (envelope(body="<other/>"), "inconsistent_headers"),
        (envelope(REQUIRED + "<x:id>2</x:id>"), "duplicate_header_field"),
        (envelope(REQUIRED + CLIENT), "duplicate_header_field"),
        (
            envelope(REQUIRED + PARTY.replace("partyClass", "partyCode")),
            "duplicate_header_field",
        ),
        (envelope(REQUIRED.replace("4.0", "3.1")), "invalid_protocol_version"),
        (envelope(CLIENT + SERVICE + "<x:id>q</x:id>"), "missing_header_field"),
        (envelope(REQUIRED.replace(CLIENT, "")), "missing_header_field"),
        (envelope(REQUIRED.replace(SERVICE, "")), "missing_header_field"),
        (envelope(REQUIRED.replace("<x:id>q</x:id>", "")), "missing_header_field"),
        (envelope(REQUIRED.replace('"SERVICE"', '"SERVER"')), "invalid_xml"),
        (envelope(REQUIRED.replace('"SERVICE"', '"NEVER"')), "invalid_xml"),
        (
            envelope(REQUIRED.replace('"SUBSYSTEM"', '"MEMBER"')),
            "invalid_client_identifier",
        ),
    ],
)
def test_malformed_messages_are_refused(content, code):
    assert code_of(content) == code


@pytest.mark.parametrize("content_type", ["", "text/html", "application/xml", "x"])
def test_other_content_types_are_refused(content_type):
    assert code_of(envelope(), content_type) == "invalid_content_type"


def test_our_own_faults_are_read_again():
    sent = XRoadError("server.serverproxy.access_denied", 'No <a> & "b"', detail="uuid")
    read = soap.read_fault(soap_fault(sent))
    assert (read.code, read.message, read.detail) == (
        sent.code,
        sent.message,
        sent.detail,
    )
    assert read.xml == soap_fault(sent)
    assert isinstance(soap.read(read.xml, XML), RelayedFaultError)


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("<detail><faultDetail>d</faultDetail></detail>", "d"),
        ("<detail><z:faultDetail xmlns:z='z'>d</z:faultDetail></detail>", "d"),
        ("<detail>d</detail>", "d"),
        ("<detail><code>17</code></detail>", ""),
        ("<detail/>", ""),
        ("", ""),
    ],
)
def test_details_are_found_wherever_they_are(detail, expected):
    fault = f"<e:Fault><faultcode>c</faultcode>{detail}</e:Fault>"
    assert soap.read_fault(envelope(None, fault)).detail == expected


def test_a_fault_cannot_put_lines_into_headers():
    fault = "<e:Fault><faultcode> a&#10;X-B: c ө </faultcode></e:Fault>"
    assert soap.read_fault(envelope(None, fault)).code == "a?X-B: c ?"


def test_faults_are_bounded():
    fault = (
        f"<e:Fault><faultcode>{'c' * 9999}</faultcode>"
        f"<faultstring>{'s' * 99999}</faultstring></e:Fault>"
    )
    read = soap.read_fault(envelope(None, fault))
    assert (len(read.code), len(read.message)) == (255, 10_000)


def test_what_is_no_fault_is_refused():
    with pytest.raises(XRoadError, match="invalid_message"):
        soap.read_fault(envelope())
    nameless = "<e:Fault><faultstring>s</faultstring></e:Fault>"
    with pytest.raises(XRoadError, match="invalid_soap"):
        soap.read_fault(envelope(None, nameless))


@given(st.binary(max_size=200), st.text(max_size=60))
def test_any_bytes_give_a_message_or_a_fault(data, text):
    for content in (
        data,
        envelope().replace(b"<person/>", data),
        envelope(REQUIRED + text.encode("utf-8", "replace").decode()),
        envelope(
            None, f"<e:Fault>{text.encode('utf-8', 'replace').decode()}</e:Fault>"
        ),
    ):
        with contextlib.suppress(XRoadError):
            assert soap.read(content, XML)
