"""Lists of clients and of services, as catalogues read them."""

import json

import pytest
from lxml import etree

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import MemberInfo
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.metadata import (
    RestService,
    accepts_json,
    client_list_json,
    client_list_xml,
    is_rest_metaservice,
    is_soap_metaservice,
    rest_methods_json,
    soap_methods,
    soap_with_wsdl,
    wanted_wsdl,
)
from tests.vectors import XROAD, needs_vectors

MEMBER = ClientId("KG", "GOV", "70000001")
SUBSYSTEM = ClientId("KG", "GOV", "70000001", "Айыл")
CLIENTS = (
    MemberInfo(MEMBER, 'Office "A" & <B>'),
    MemberInfo(SUBSYSTEM, 'Office "A" & <B>', "Register"),
)
ENVELOPE = (
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">'
    b"<e:Header><h>kept</h></e:Header><e:Body>%b</e:Body></e:Envelope>"
)
ASKED = (
    b'<x:getWsdl xmlns:x="http://x-road.eu/xsd/xroad.xsd">'
    b"<x:serviceCode> person </x:serviceCode>%b</x:getWsdl>"
)


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        (["application/json"], True),
        (["text/xml;q=1.0", "application/json;q=0.9 , text/*"], True),
        (["text/html, APPLICATION/JSON; charset=utf-8"], True),
        ([], False),
        (["text/xml, */*", "application/*"], False),
        (["application/json-patch"], False),
    ],
)
def test_json_must_be_named(accept, is_json):
    assert accepts_json(accept) is is_json


def test_clients_as_json():
    member, subsystem = json.loads(client_list_json(CLIENTS))["member"]
    assert member == {
        "id": {
            "member_class": "GOV",
            "member_code": "70000001",
            "object_type": "MEMBER",
            "xroad_instance": "KG",
        },
        "name": 'Office "A" & <B>',
    }
    assert subsystem["id"]["subsystem_code"] == "Айыл"
    assert subsystem["subsystem_name"] == "Register"


@needs_vectors
def test_clients_as_xml_fit_the_schema():
    root = etree.fromstring(client_list_xml(CLIENTS))
    schema = etree.XMLSchema(etree.parse(XROAD / "xsd" / "service-metainfo.xsd"))
    schema.assertValid(root)
    assert [one.findtext("{*}name") for one in root] == ['Office "A" & <B>'] * 2
    assert [one.findtext("{*}subsystemName") for one in root] == [None, "Register"]


def test_services_of_a_member_itself_have_no_subsystem():
    service = RestService(ServiceId("KG", "GOV", "1", None, "x"), False, ())
    (shown,) = json.loads(rest_methods_json([service]))["service"]
    assert shown == {
        "member_class": "GOV",
        "member_code": "1",
        "object_type": "SERVICE",
        "service_code": "x",
        "service_type": "REST",
        "xroad_instance": "KG",
        "endpoint_list": [],
    }


def test_codes_are_compared_by_case_and_rest_asks_with_get():
    assert is_rest_metaservice("GET", "getOpenAPI")
    assert not is_rest_metaservice("HEAD", "getOpenAPI")
    assert not is_rest_metaservice("GET", "getOpenApi")
    assert not is_rest_metaservice("GET", "getWsdl")
    assert is_soap_metaservice("getWsdl")
    assert not is_soap_metaservice("getWSDL")


def test_an_answer_in_soap_keeps_the_header_of_the_question():
    services = [ServiceId("KG", "GOV", "1", "s", "a", "v1")]
    answer = soap_methods(ENVELOPE % b"<listMethods/>", "listMethods", services)
    root = etree.fromstring(answer)
    assert root.findtext("{*}Header/h") == "kept"
    (listed,) = root.iter("{*}listMethodsResponse")
    assert [e.text for e in listed[0]] == ["KG", "GOV", "1", "s", "a", "v1"]
    assert root.find(".//listMethods") is None


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        (b"", ("person", None)),
        (b"<x:serviceVersion>v1</x:serviceVersion>", ("person", "v1")),
        (b"<x:serviceVersion/>", ("person", None)),
        (b"<serviceVersion>v1</serviceVersion>", ("person", None)),
    ],
)
def test_a_question_for_a_wsdl_names_the_service(version, wanted):
    assert wanted_wsdl(ENVELOPE % (ASKED % version)) == wanted


@pytest.mark.parametrize("body", [b"", b"text", b"<!-- no -->"])
def test_a_body_without_a_question_is_refused(body):
    with pytest.raises(XRoadError, match="Body is empty") as caught:
        wanted_wsdl(ENVELOPE % body)
    assert caught.value.code == "invalid_request"


def test_the_answer_with_a_wsdl_repeats_the_question():
    media_type, content = soap_with_wsdl(
        ENVELOPE % (ASKED % b"" + b"<!-- after -->"),
        b"<wsdl/>",
        boundary="b1",
        content_id="u-1",
    )
    assert (
        media_type == 'multipart/related; type="text/xml"; charset=UTF-8; boundary=b1'
    )
    _, first, second, end = content.split(b"--b1")
    envelope = etree.fromstring(first.partition(b"\r\n\r\n")[2].strip())
    (asked,) = envelope.iter("{*}getWsdlResponse")
    assert asked.findtext("{*}serviceCode") == " person "
    assert second.endswith(b"\r\n\r\n<wsdl/>\r\n")
    assert b"Content-ID: <wsdl=u-1@x-road.eu>\r\n" in second
    assert end == b"--\r\n"
