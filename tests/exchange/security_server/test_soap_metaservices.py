"""The same questions in SOAP: which services, which for me, and the WSDL of one."""

from dataclasses import replace

import pytest
from lxml import etree

from kerege.exchange.storage.server_configuration import ServiceType
from kerege.xroad import soap
from kerege.xroad.identifier_xml import read_service_id
from kerege.xroad.identifiers import ServiceId
from kerege.xroad.soap import XROAD_NAMESPACE, SoapMessage
from tests.servers import Pair
from tests.soap_parts import ask, fault_code, parts_of, posted
from tests.wire import Http, answer

PERSON = "<x:serviceCode>person</x:serviceCode>"
XROAD = f"{{{XROAD_NAMESPACE}}}"
WSDL = b"""<?xml version="1.0"?>
<!-- ours --><d:definitions xmlns:d="http://schemas.xmlsoap.org/wsdl/"
 xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"><d:service name="s"><d:port name="p">
<s:address location="http://person.internal/x"/></d:port></d:service></d:definitions>"""


def named(pair: Pair, code: str, version: str | None = None) -> ServiceId:
    owner = pair.provider_client
    codes = (owner.instance, owner.member_class, owner.member_code)
    return ServiceId(*codes, owner.subsystem_code, code, version)


async def ask_wsdl(pair: Pair, body: str) -> Http:
    header = SoapMessage(
        client_id=pair.client,
        service_id=named(pair, "getWsdl"),
        query_id="q-1",
        protocol_version="4.0",
        body_element="getWsdl",
    )
    asked = f'<x:getWsdl xmlns:x="{XROAD_NAMESPACE}">{body}</x:getWsdl>'
    message = soap.write(header, asked.encode())
    return await pair.consumer.client_call(posted(message))


def services_in(http: Http, code: str) -> list[ServiceId]:
    root = etree.fromstring(http.body)
    (listed,) = root.iter(f"{XROAD}{code}Response")
    return [read_service_id(one) for one in listed]


async def test_services_that_soap_reaches_are_listed(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("rest")
        open_one = pair.offer("open", type=ServiceType.WSDL)
        closed = pair.offer("closed", type=ServiceType.WSDL, to=())
        every = await ask(pair, named(pair, "listMethods"))
        allowed = await ask(pair, named(pair, "allowedMethods", "v1"))
        for server in (pair.consumer, pair.provider):
            assert len(server.log.records) == 4
    assert every.get("content-type") == "text/xml; charset=UTF-8"
    assert services_in(every, "listMethods") == [open_one, closed]
    assert services_in(allowed, "allowedMethods") == [open_one]
    header = soap.read(every.body, "text/xml")
    assert header.service_id == named(pair, "listMethods")
    assert header.request_hash


async def test_the_wsdl_of_a_service_is_attached_without_its_address(tmp_path):
    served = answer(headers={"Content-Type": "text/xml"}, body=WSDL)
    async with Pair(tmp_path, service_answer=served) as pair:
        url = pair.service.url + "/person?wsdl"
        pair.offer("person", type=ServiceType.WSDL, description_url=url)
        got = await ask_wsdl(pair, PERSON)
        (fetched,) = pair.service.requests
    assert fetched.start == "GET /person?wsdl HTTP/1.1"
    (_, envelope), (headers, wsdl) = parts_of(got)
    (echoed,) = etree.fromstring(envelope).iter(f"{XROAD}getWsdlResponse")
    assert echoed.findtext(f"{XROAD}serviceCode") == "person"
    assert headers["content-type"] == "text/xml"
    assert headers["content-transfer-encoding"] == "binary"
    assert headers["content-id"].startswith("<wsdl=")
    assert headers["content-id"].endswith("@x-road.eu>")
    assert b'location="http://example.org/xroad-endpoint"' in wsdl
    assert b"<!-- ours -->" in wsdl
    assert b"person.internal" not in wsdl


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("", "invalid_request", b"Missing serviceCode in message body"),
        ("<x:serviceCode/>", "invalid_request", b"Missing serviceCode"),
        (
            "<x:serviceCode>other</x:serviceCode>",
            "unknown_service",
            b"Could not find wsdl URL for service",
        ),
        (
            "<x:serviceCode>Person</x:serviceCode>",
            "unknown_service",
            b"Could not find wsdl URL for service",
        ),
        (
            f"{PERSON}<x:serviceVersion>v9</x:serviceVersion>",
            "unknown_service",
            b"Could not find wsdl URL for service",
        ),
        (
            "<x:serviceCode>bare</x:serviceCode>",
            "unknown_service",
            b"Could not find wsdl URL for service",
        ),
        (
            "<x:serviceCode>rest</x:serviceCode>",
            "service_type",
            b"Service is a REST service and does not have a WSDL",
        ),
        (
            PERSON,
            "internal_error",
            b"Received HTTP error: 403 - Forbidden",
        ),
    ],
)
async def test_what_has_no_wsdl_is_refused(tmp_path, body, code, text):
    async with Pair(tmp_path, service_answer=answer("403 Forbidden")) as pair:
        pair.offer("rest")
        pair.offer("bare", type=ServiceType.WSDL)
        url = pair.service.url
        pair.offer("person", type=ServiceType.WSDL, description_url=url)
        got = await ask_wsdl(pair, body)
    assert got.status == 200
    assert fault_code(got) == f"server.serverproxy.{code}"
    assert text in got.body


async def test_without_a_version_any_version_will_do(tmp_path):
    served = answer(headers={"Content-Type": "text/xml"}, body=WSDL)
    async with Pair(tmp_path, service_answer=served) as pair:
        offered = pair.offer(
            "person", type=ServiceType.WSDL, description_url=pair.service.url
        )
        rights = pair.provider.rights
        service = rights.services[offered]
        versioned = replace(offered, service_version="v1")
        services = {versioned: replace(service, service_id=versioned)}
        pair.provider.rights = replace(rights, services=services)
        got = await ask_wsdl(pair, PERSON)
    assert len(parts_of(got)) == 2


async def test_a_bomb_in_the_place_of_a_wsdl_is_not_handed_on(tmp_path):
    bomb = b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    async with Pair(tmp_path, service_answer=answer(body=bomb)) as pair:
        pair.offer("person", type=ServiceType.WSDL, description_url=pair.service.url)
        got = await ask_wsdl(pair, PERSON)
    assert fault_code(got) == "server.serverproxy.internal_error"
    assert b"has a DOCTYPE, which is not allowed" in got.body
