"""The reference's metadata services, row by row, over two of our servers.

`metaservice-rest` and `metaservice-soap` are unit tests upstream, so their codes have no
prefix; `proxy-testsuite-metaservice` are whole exchanges. All are whole exchanges here.
"""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from lxml import etree

from kerege.exchange.storage.server_configuration import (
    WHOLE_SERVICE,
    AccessRight,
    Endpoint,
    Service,
    ServiceType,
)
from kerege.xroad import soap
from kerege.xroad.globalconf.values import Member, MemberClass, Subsystem
from kerege.xroad.identifier_xml import read_service_id
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.metadata import anonymised, read_openapi, with_address
from kerege.xroad.soap import XROAD_NAMESPACE, SoapMessage
from tests.conformance.proxy_suite import AT, CONSUMER, PRODUCER, suite_file
from tests.instances import sandbox_instance
from tests.server_parts import rights
from tests.servers import Pair
from tests.soap_parts import fault_code, parts_of, posted
from tests.vectors import XROAD, Row, needs_vectors, rows, xroad_path
from tests.wire import Http, RawServer, answer, request

pytestmark = needs_vectors

PROVIDER = ClientId("EE", "GOV", "1234TEST_CLIENT", "SUBCODE5")
NAMESPACE = f"{{{XROAD_NAMESPACE}}}"
SOAP_CODES = ("getNumber", "helloThere", "putThings")
SHOWN = "http://example.org/xroad-endpoint"
SCHEMA = {"xs": "http://www.w3.org/2001/XMLSchema"}


def service_of(provider: ClientId, code: str) -> ServiceId:
    return ServiceId(*provider.member.codes, provider.subsystem_code, code)


class World:
    """One exchange between a client and `PROVIDER`, or `PRODUCER` of the suite."""

    def __init__(self, folder, row: Row, served: RawServer) -> None:
        self.row = row
        is_suite = row.area.startswith("proxy-testsuite")
        owner = (
            ("BUSINESS/producer", "SUB")
            if is_suite
            else ("GOV/1234TEST_CLIENT", "SUBCODE5")
        )
        here = sandbox_instance(
            "EE", consumer=("BUSINESS/consumer", "sub"), provider=owner, at=AT
        )
        self.pair = Pair(folder, instance=here)
        self.pair.service = self.served = served
        for server in (self.pair.consumer, self.pair.provider):
            server.ocsp.by_certificate = lambda certificate: here.ocsp_response(
                certificate, AT + timedelta(days=1)
            )
        self.pair.consumer.rights = rights([CONSUMER])
        self.provider = PRODUCER if is_suite else PROVIDER

    def provide(
        self,
        *codes: str,
        kind: ServiceType = ServiceType.WSDL,
        file: str = "",
        closed: tuple[str, ...] = (),
        provider: ClientId | None = None,
    ) -> None:
        """Provide services; ``closed`` ones are open to nobody."""
        owner = provider or self.provider
        url = f"{self.served.url}/{file}" if file else ""
        services = [
            Service(
                service_of(owner, code),
                kind,
                "http://127.0.0.1:1/",
                60,
                verify_tls=False,
                description_url=url,
            )
            for code in (*codes, *closed)
        ]
        paths = (WHOLE_SERVICE, Endpoint("GET", "/pets"))
        chosen = paths[:1] if kind is ServiceType.WSDL else paths
        access = [
            AccessRight(owner, code, path, CONSUMER)
            for code in codes
            for path in chosen
        ]
        self.pair.provider.rights = rights([owner], services, access)

    async def rest(self, path: str, method: str = "GET") -> Http:
        target = f"/r1/{self.provider.path}/{path}"
        return await self.pair.send(method, target, {"X-Road-Client": CONSUMER.path})

    async def soap(self, code: str, body: str = "<x:request/>") -> Http:
        """Ask as upstream's builder does."""
        header = SoapMessage(
            client_id=CONSUMER,
            service_id=service_of(self.provider, code),
            query_id="1234567890",
            protocol_version="4.0",
            body_element=code,
        )
        asked = f'<x:{code} xmlns:x="{XROAD_NAMESPACE}">{body}</x:{code}>'
        message = posted(soap.write(header, asked.encode()))
        return await self.pair.consumer.client_call(message)

    async def suite(self, name: str) -> Http:
        """Send one of the suite's own messages."""
        message = posted(suite_file(f"metaservice-addon/{name}"))
        return await self.pair.consumer.client_call(message)

    async def wsdl_of(self, code: str) -> Http:
        return await self.soap("getWsdl", f"<x:serviceCode>{code}</x:serviceCode>")

    def require_fault(self, got: Http) -> bytes:
        assert self.row.expected == "fault"
        assert fault_code(got) == f"server.serverproxy.{self.row.error_code}"
        return got.body


def file_of(name: str, content: bytes | None = None) -> RawServer:
    """Return what serves one of the vectors, without a Content-Type as upstream."""
    path = xroad_path(f"metaservice/{name}")
    return RawServer(answer(body=path.read_bytes() if content is None else content))


def services_in(got: Http, code: str) -> list[ServiceId]:
    assert got.get("content-type") == "text/xml; charset=UTF-8"
    (listed,) = etree.fromstring(got.body).iter(f"{NAMESPACE}{code}Response")
    validate(listed)
    return [read_service_id(one) for one in listed]


def validate(element: etree._Element) -> None:
    """Hold an element against the reference's schema."""
    schema = etree.parse(XROAD / "xsd" / "service-metainfo.xsd")
    etree.XMLSchema(schema).assertValid(etree.fromstring(etree.tostring(element)))


def without_space(content: bytes) -> str:
    """Return a document in canonical form, without the white space of its layout."""
    parser = etree.XMLParser(remove_blank_text=True)
    root = etree.fromstring(content, parser)
    return etree.tostring(root, method="c14n", with_comments=True).decode()


def operations_of(wsdl: bytes) -> set[str]:
    root = etree.fromstring(wsdl)
    names = root.iterfind(".//{*}portType/{*}operation")
    return {str(one.get("name")) for one in names}


# The stories, by the name of the row.


async def only_get(world: World) -> None:
    world.provide("a", kind=ServiceType.REST)
    for code in ("listMethods", "allowedMethods"):
        assert (await world.rest(code)).status == 200
        refused = await world.rest(code, "POST")
        assert refused.get("x-road-error") == "server.serverproxy.unknown_service"


async def rest_services(world: World) -> None:
    world.provide("a", "b", "c", kind=ServiceType.OPENAPI3)
    code = "listMethods" if "List" in world.row.case else "allowedMethods"
    got = await world.rest(code)
    assert got.start == "HTTP/1.1 200 OK"
    listed = json.loads(got.body)["service"]
    assert [one["service_code"] for one in listed] == ["a", "b", "c"]
    assert all(
        one["endpoint_list"] == [{"method": "GET", "path": "/pets"}] for one in listed
    )


async def openapi(world: World) -> None:
    world.provide("foobar", kind=ServiceType.OPENAPI3, file="petstore.yaml")
    got = await world.rest("getOpenAPI?serviceCode=foobar")
    assert got.start == "HTTP/1.1 200 OK"
    assert got.get("content-type") == "text/plain"
    assert got.body


async def openapi_yaml(world: World) -> None:
    world.provide("yaml", kind=ServiceType.OPENAPI3, file="petstore.yaml")
    got = await world.rest("getOpenAPI?serviceCode=yaml")
    text = got.body.decode()
    assert "http://petstore.swagger.io/v1/cats" not in text
    assert text.count("/v1/cats") == 1
    assert text.count("null") == 2
    for quoted in ('- "this"', '- "should"', '- "be"', '- "a string"', '- url: ""'):
        assert quoted in text
    before = yaml.safe_load(world.row.read(0))
    before["servers"][0]["url"] = "/v1/cats"
    assert yaml.safe_load(text) == before


async def openapi_json(world: World) -> None:
    world.provide("json", kind=ServiceType.OPENAPI3, file="petstore.json")
    got = await world.rest("getOpenAPI?serviceCode=json")
    text = got.body.decode()
    assert "https://petstore.swagger.io/v2" not in text
    assert '"/v2"' in text
    assert "https://{username}.petstore.swagger.io:{port}/{basePath}" in text
    assert json.loads(text)["paths"] == json.loads(world.row.read(0))["paths"]


async def openapi_too_old(world: World) -> None:
    name = "openapi_incompatible_version.yaml"
    world.provide("yaml", kind=ServiceType.OPENAPI3, file=name)
    got = await world.rest("getOpenAPI?serviceCode=yaml")
    assert world.row.expected == "fault"
    assert got.get("x-road-error") == f"server.serverproxy.{world.row.error_code}"
    assert b"Incompatible openapi version" in got.body


async def three_codes(world: World) -> None:
    world.provide("a", file="wsdl.wsdl")
    assert services_in(await world.soap("listMethods"), "listMethods")
    assert services_in(await world.soap("allowedMethods"), "allowedMethods")
    assert len(parts_of(await world.wsdl_of("a"))) == 2
    for other in ("getWSDL", "listmethods", "getOpenAPI"):
        got = await world.soap(other)
        assert fault_code(got) == "server.serverproxy.unknown_service"


async def soap_services(world: World) -> None:
    code = "listMethods" if "List" in world.row.case else "allowedMethods"
    closed = ("closed",) if code == "allowedMethods" else ()
    world.provide(*SOAP_CODES, closed=closed)
    got = await world.soap(code)
    assert services_in(got, code) == [service_of(PROVIDER, c) for c in SOAP_CODES]
    header = soap.read(got.body, "text/xml")
    assert header.client_id == CONSUMER
    assert header.service_id == service_of(PROVIDER, code)


async def no_service_code(world: World) -> None:
    world.provide("a")
    text = world.require_fault(await world.soap("getWsdl"))
    assert b"Missing serviceCode in message body" in text


async def no_wsdl_url(world: World) -> None:
    world.provide("a")
    text = world.require_fault(await world.wsdl_of("someServiceWithoutWsdl"))
    assert b"Could not find wsdl URL for service" in text


async def wsdl_url_says_403(world: World) -> None:
    world.provide("someServiceWithWsdl122", file="wsdlMock")
    world.served.answer = answer("403 Forbidden")
    text = world.require_fault(await world.wsdl_of("someServiceWithWsdl122"))
    assert b"Received HTTP error: 403 - Forbidden" in text


async def only_the_address_changes(world: World) -> None:
    world.provide("a", file="wsdl.wsdl")
    original = world.row.read(0)
    _, (_, wsdl) = parts_of(await world.wsdl_of("a"))
    there = "https://172.28.128.2:8084/mocktestServiceBinding"
    back = with_address(wsdl, there, code="x")
    assert without_space(back) == without_space(original)
    assert without_space(wsdl) != without_space(original)


async def wsdl(world: World) -> None:
    world.provide("someServiceWithWsdl122", file="wsdl.wsdl")
    got = await world.wsdl_of("someServiceWithWsdl122")
    require_wsdl(got)
    header = soap.read(parts_of(got)[0][1], "text/xml")
    assert header.service_id == service_of(PROVIDER, "getWsdl")


def require_wsdl(got: Http) -> None:
    content_type = got.get("content-type") or ""
    start = 'multipart/related; type="text/xml"; charset=UTF-8; boundary='
    assert content_type.startswith(start)
    (_, _), (headers, content) = parts_of(got)
    assert headers["content-type"] == "text/xml"
    assert operations_of(content) == {"getRandom", "helloService"}
    addresses = etree.fromstring(content).iter("{*}address")
    assert [one.get("location") for one in addresses] == [SHOWN]


async def wsdl_of_rest(world: World) -> None:
    world.provide("a", kind=ServiceType.REST, file="wsdl.wsdl")
    world.require_fault(await world.wsdl_of("a"))


async def sample(world: World) -> None:
    """Ours has the parts of the reference's sample, in their order."""
    boundary = "xroadZTLLyIMMYnAYliBumWCqHJYAhutxNf"
    raw = xroad_path("metaservice/wsdl_response.xml").read_bytes()
    theirs = Http(
        "HTTP/1.1 200 OK",
        (("Content-Type", f"multipart/related; boundary={boundary}"),),
        raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").rstrip() + b"\r\n",
        b"",
    )
    world.provide("getRandom", file="wsdl.wsdl")
    ours = await world.wsdl_of("getRandom")
    both = [parts_of(one) for one in (theirs, ours)]
    assert [h["content-type"] for h, _ in both[0]] == [
        h["content-type"] for h, _ in both[1]
    ]
    bodies = [body_of(parts[0][1].strip()) for parts in both]
    assert bodies[0] == bodies[1]


def body_of(envelope: bytes) -> list[tuple[str, str]]:
    (body,) = etree.fromstring(envelope).iter("{*}Body")
    return [(str(e.tag), (e.text or "").strip()) for e in body.iterdescendants()]


async def suite_list_methods(world: World) -> None:
    owner = replace(PRODUCER, subsystem_code="SUB")
    codes = ("getRandom", "helloService", "ListMembers")
    world.provide(*codes, provider=owner)
    got = await world.suite("listMethods.query")
    assert services_in(got, "listMethods") == [service_of(owner, c) for c in codes]


async def suite_allowed_methods(world: World) -> None:
    codes = ("getRandom", "helloService", "ListMembers")
    world.provide(*codes, closed=("closed",))
    got = await world.suite("allowedMethods.query")
    assert services_in(got, "allowedMethods") == [
        service_of(PRODUCER, c) for c in codes
    ]


async def suite_wsdl(world: World) -> None:
    world.provide("getRandom", file="wsdl.wsdl")
    require_wsdl(await world.suite("getWsdl.query"))


async def suite_list_clients(world: World) -> None:
    plan = {"producer": "subsystem", "anothermemeber": "somesub", "thirdmember": None}
    shared = world.pair.instance.shared_parameters()
    members = tuple(
        Member(
            MemberClass("BUSINESS"),
            code,
            f"{code}-name",
            (Subsystem(sub, f"{sub}-name"),) if sub else (),
        )
        for code, sub in plan.items()
    )
    listed = replace(shared, members=members, security_servers=())
    world.pair.consumer.global_conf = world.pair.instance.global_conf(listed)
    got = await world.pair.consumer.client_call(
        request("GET", "/listClients?xRoadInstance=EE")
    )
    assert got.get("content-type") == "text/xml; charset=UTF-8"
    root = etree.fromstring(got.body)
    validate(root)
    found = [
        (
            one.findtext("{*}id/{*}memberCode"),
            one.findtext("{*}id/{*}subsystemCode"),
            one.findtext("{*}name"),
            one.findtext("{*}subsystemName"),
        )
        for one in root
    ]
    assert found == [
        ("producer", None, "producer-name", None),
        ("producer", "subsystem", "producer-name", "subsystem-name"),
        ("anothermemeber", None, "anothermemeber-name", None),
        ("anothermemeber", "somesub", "anothermemeber-name", "somesub-name"),
        ("thirdmember", None, "thirdmember-name", None),
    ]


STORIES = {
    "shouldBeAbleToHandle listMethods/allowedMethods": only_get,
    "shouldHandleGetOpenApi": openapi,
    "shouldOverrideServerUrlsForYaml": openapi_yaml,
    "shouldOverrideServerUrlsForJson": openapi_json,
    "shouldDetectUnsupportedOpenapiVersion": openapi_too_old,
    "shouldBeAbleToHandle listMethods/allowedMethods/getWsdl": three_codes,
    "shouldThrowWhenMissingServiceCodeInWsdlRequestBody": no_service_code,
    "shouldThrowUnknownServiceWhenWsdlUrlNotFound": no_wsdl_url,
    "shouldThrowRuntimeExWhenWsdlUrlNotOk200": wsdl_url_says_403,
    "getWsdlShouldModifyOnlyEndpointAddress": only_the_address_changes,
    "shouldHandleGetWsdl": wsdl,
    "shouldThrowInvalidServiceTypeExWhenGetWsdl": wsdl_of_rest,
    "wsdl_response.xml (sample)": sample,
    "ListMethodsMessage": suite_list_methods,
    "AllowedMethodsMessage": suite_allowed_methods,
    "GetWSDLMessage": suite_wsdl,
    "GetListClientsMessage": suite_list_clients,
}
LISTS = {"metaservice-rest": rest_services, "metaservice-soap": soap_services}


@pytest.mark.parametrize(
    "row", rows("metaservice-rest", "metaservice-soap", "proxy-testsuite-metaservice")
)
async def test_metaservices(row: Row, tmp_path):
    file = next((i for i in row.inputs if i.startswith("metaservice/")), None)
    name = (file or "metaservice/wsdl.wsdl").removeprefix("metaservice/")
    served = file_of("wsdl.wsdl" if name == "wsdl_response.xml" else name)
    world = World(tmp_path, row, served)
    async with world.pair:
        story = STORIES.get(row.case) or LISTS[row.area]
        await story(world)


@pytest.mark.parametrize(
    ("name", "endpoints"),
    [("security-server-admin.yaml", 138), ("central-server-admin.yaml", 102)],
)
def test_large_descriptions_of_the_reference_are_read_and_shown(name, endpoints):
    content = xroad_path(f"openapi/{name}").read_bytes()
    read = read_openapi(content, is_json=False, url="https://here/openapi.yaml")
    assert len(read.endpoints) == endpoints
    assert read.problems == ()
    assert read.base_url == "https://here/api/v1"
    shown = yaml.safe_load(anonymised(content, is_json=False))
    before = yaml.safe_load(content)
    assert json.loads(json.dumps(shown["components"], default=str)) == json.loads(
        json.dumps(before["components"], default=str)
    )
    assert shown["paths"].keys() == before["paths"].keys()
