"""What catalogues ask: who is there, which services, which of them for me, and how."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from kerege.exchange.messagelog import Direction
from kerege.exchange.storage.server_configuration import Endpoint, ServiceType
from kerege.exchange.tls import peer_server_context
from kerege.xroad.globalconf import GlobalConf, InstanceConfiguration
from kerege.xroad.x509 import certificate_der
from tests.instances import sandbox_instance
from tests.server_parts import registered
from tests.servers import Pair
from tests.wire import RawServer, answer, request

PETS = b"""\
openapi: 3.0.0
info: {title: Pets, version: '1.0'}
servers:
  - url: http://pets.internal:8080/v1
paths:
  /pets:
    get: {responses: {}}
"""


def describing(content: bytes, content_type: str = "application/yaml"):
    return answer(headers={"Content-Type": content_type}, body=content)


async def ask(pair: Pair, path: str, **headers: str | None):
    got = await pair.send("GET", path, headers)
    return got, json.loads(got.body)


async def test_the_services_of_a_provider_are_listed(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("address", endpoint=Endpoint("GET", "/persons/*"))
        pair.offer("pets", type=ServiceType.OPENAPI3)
        pair.offer("old", type=ServiceType.WSDL)
        got, listed = await ask(pair, "listMethods")
    assert (got.status, got.get("content-type")) == (200, "application/json")
    provider = pair.provider_client
    assert listed == {
        "service": [
            {
                "member_class": provider.member_class,
                "member_code": provider.member_code,
                "object_type": "SERVICE",
                "service_code": code,
                "service_type": kind,
                "subsystem_code": provider.subsystem_code,
                "xroad_instance": provider.instance,
                "endpoint_list": endpoints,
            }
            for code, kind, endpoints in (
                ("address", "REST", [{"method": "GET", "path": "/persons/*"}]),
                ("pets", "OPENAPI", []),
            )
        ]
    }


async def test_nobody_needs_a_right_to_ask_and_is_told_of_the_own_rights_only(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("closed", to=())
        pair.offer("address", endpoint=Endpoint("GET", "/persons/*"))
        _, every = await ask(pair, "listMethods")
        _, allowed = await ask(pair, "allowedMethods")
    assert [s["service_code"] for s in every["service"]] == ["closed", "address"]
    (address,) = allowed["service"]
    assert address["service_code"] == "address"
    assert address["endpoint_list"] == [{"method": "GET", "path": "/persons/*"}]


async def test_the_answer_is_signed_and_logged_on_both_sides(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("address")
        got, _ = await ask(pair, "listMethods", **{"X-Road-UserId": "EE1234"})
        for server in (pair.consumer, pair.provider):
            asked, answered = server.log.records
            assert asked.record.direction is Direction.REQUEST
            assert answered.record.direction is Direction.RESPONSE
            assert answered.body == got.body
        assert pair.service.requests == []
        block = answered.record.message.decode().split("\r\n")
    assert block[:2] == ["200", "OK"]
    assert "X-Road-UserId:EE1234" in block
    assert block[-2] == "Content-Type:application/json"
    assert block[-3].startswith("x-road-request-hash:")


async def test_a_question_does_not_decide_how_its_answer_is_read(tmp_path):
    secret = {
        "Authorization": "Basic c2VjcmV0",
        "Content-Type": "text/html",
        "Content-Encoding": "gzip",
        "Cookie": "a=b",
        "Set-Cookie": "a=b",
        "X-Road-Error": "server.clientproxy.internal_error",
        "X-Road-Service": "A/B/C/D/e",
    }
    async with Pair(tmp_path) as pair:
        pair.offer("address")
        got, _ = await ask(pair, "listMethods", **secret, X_Other="kept")
    for name in ("authorization", "content-encoding", "cookie", "set-cookie"):
        assert got.all(name) == []
    assert got.all("x-road-error") == []
    assert got.all("content-type") == ["application/json"]
    assert len(got.all("x-road-service")) == 1
    assert got.all("x_other") == ["kept"]


async def test_only_get_asks_for_metadata(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("address")
        got = await pair.send("POST", "listMethods", body=b"{}")
    assert got.status == 500
    assert got.get("x-road-error") == "server.serverproxy.unknown_service"


async def test_a_request_with_a_body_gets_an_answer_that_belongs_to_it(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("address")
        got = await pair.send("GET", "listMethods", body=b"why not")
    assert got.status == 200


async def test_a_service_cannot_take_the_place_of_a_metadata_service(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("listMethods")
        _, listed = await ask(pair, "listMethods")
        assert pair.service.requests == []
    assert [s["service_code"] for s in listed["service"]] == ["listMethods"]


async def test_a_description_is_handed_on_without_the_host_behind_it(tmp_path):
    async with Pair(tmp_path, service_answer=describing(PETS)) as pair:
        url = pair.service.url + "/openapi.yaml"
        pair.offer("pets", type=ServiceType.OPENAPI3, description_url=url)
        got = await pair.send("GET", "getOpenAPI?serviceCode=pets")
        (fetched,) = pair.service.requests
    assert (got.status, got.get("content-type")) == (200, "application/yaml")
    assert b"pets.internal" not in got.body
    assert b'- url: "/v1"' in got.body
    assert fetched.start == "GET /openapi.yaml HTTP/1.1"
    assert fetched.get("x-road-client") is None


async def test_a_service_that_does_not_describe_itself_holds_up_no_other(tmp_path):
    silent = RawServer(None)
    async with silent, Pair(tmp_path, service_answer=describing(PETS)) as pair:
        described = {"type": ServiceType.OPENAPI3}
        pair.offer("silent", **described, description_url=silent.url)
        pair.offer("pets", **described, description_url=pair.service.url)
        waiting = [
            asyncio.ensure_future(pair.send("GET", "getOpenAPI?serviceCode=silent"))
            for _ in range(20)
        ]
        got = await pair.send("GET", "getOpenAPI?serviceCode=pets")
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
    assert got.status == 200


async def test_a_description_behind_https_is_judged_as_its_service(tmp_path):
    identity = sandbox_instance().identity()
    context = peer_server_context(identity)
    async with (
        Pair(tmp_path) as pair,
        RawServer(describing(PETS), ssl=context) as service,
    ):
        described = {"type": ServiceType.OPENAPI3, "description_url": service.url}
        pair.offer("strict", **described, verify_tls=True)
        pair.offer("lenient", **described, verify_tls=False)
        refused, fault = await ask(pair, "getOpenAPI?serviceCode=strict")
        assert service.requests == []
        got = await pair.send("GET", "getOpenAPI?serviceCode=lenient")
        owner, rights = pair.provider_client, pair.provider.rights
        der = certificate_der(identity.certificates[0])
        listed = registered(owner, rights.clients[owner].connection, der)
        pair.provider.rights = replace(
            rights, clients={**rights.clients, owner: listed}
        )
        now = await pair.send("GET", "getOpenAPI?serviceCode=strict")
    assert refused.status == 500
    assert fault["type"] == "server.serverproxy.ssl_authentication_failed"
    assert (got.status, now.status) == (200, 200)


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("", "invalid_request", "Missing serviceCode"),
        ("?serviceCode=", "invalid_request", "Missing serviceCode"),
        ("?serviceCode=other", "internal_error", "Service not found"),
        ("?serviceCode=Pets", "internal_error", "Service not found"),
        ("?serviceCode=plain", "internal_error", "Invalid service type: REST"),
        ("?serviceCode=old", "internal_error", "Invalid service type: WSDL"),
        ("?serviceCode=away", "internal_error", "Received HTTP error: 403 - Forbidden"),
        ("?serviceCode=file", "invalid_url", "must be one of http or https"),
    ],
)
async def test_what_has_no_description_is_refused(tmp_path, query, code, text):
    async with Pair(tmp_path, service_answer=answer("403 Forbidden")) as pair:
        described = {"type": ServiceType.OPENAPI3}
        pair.offer("plain")
        pair.offer("old", type=ServiceType.WSDL, description_url=pair.service.url)
        pair.offer("away", **described, description_url=pair.service.url)
        pair.offer("file", **described, description_url="file:///etc/passwd")
        got, fault = await ask(pair, f"getOpenAPI{query}")
        verdicts = [e.verdict for e in pair.provider.exchanges]
    assert got.status == 500
    assert fault["type"] == f"server.serverproxy.{code}"
    assert text in fault["message"]
    assert str(pair.service.port) not in fault["message"]
    assert verdicts == [f"server.serverproxy.{code}"]


async def test_the_members_of_the_instance_are_listed(tmp_path):
    async with Pair(tmp_path) as pair:
        plain = await pair.consumer.client_call(request("GET", "/listClients"))
        as_json = await pair.consumer.client_call(
            request(
                "GET",
                "/listClients?xRoadInstance=" + pair.client.instance,
                {"Accept": "text/xml;q=1.0, application/json;q=0.9"},
            )
        )
    assert plain.get("content-type") == "text/xml; charset=UTF-8"
    assert as_json.get("content-type") == "application/json; charset=utf-8"
    members = json.loads(as_json.body)["member"]
    client = pair.client
    assert {
        "id": {
            "member_class": client.member_class,
            "member_code": client.member_code,
            "object_type": "SUBSYSTEM",
            "subsystem_code": client.subsystem_code,
            "xroad_instance": client.instance,
        },
        "name": pair.consumer.global_conf.member_name(client),
    } in members
    assert plain.body.count(b"<xroad:member>") == len(members)


async def list_of(pair: Pair, instance: str) -> list[dict]:
    target = f"/listClients?xRoadInstance={instance}"
    asked = request("GET", target, {"Accept": "application/json"})
    got = await pair.consumer.client_call(asked)
    return json.loads(got.body)["member"]


async def test_the_members_of_a_federated_instance_are_listed(tmp_path):
    async with Pair(tmp_path) as pair:
        here = pair.instance.shared_parameters()
        there = replace(here, instance="FI", members=here.members[:1])
        expires = pair.instance.at + timedelta(days=1)
        pair.consumer.global_conf = GlobalConf(
            here.instance,
            [
                InstanceConfiguration(
                    here, pair.consumer.global_conf.private_parameters(), expires
                ),
                InstanceConfiguration(there, None, expires),
            ],
        )
        listed = await list_of(pair, "FI")
        own = await list_of(pair, "")
    assert {one["id"]["xroad_instance"] for one in listed} == {"FI"}
    assert len(listed) < len(own)


async def test_the_list_is_that_of_the_newest_configuration(tmp_path):
    async with Pair(tmp_path) as pair:
        before = await list_of(pair, "")
        assert await list_of(pair, "") == before
        shared = pair.instance.shared_parameters()
        fewer = replace(shared, members=shared.members[:1])
        pair.consumer.global_conf = pair.instance.global_conf(fewer)
        after = await list_of(pair, "")
    assert len(after) < len(before)


async def test_a_query_of_a_thousand_parameters_is_refused(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("address")
        many = "&".join(["a=b"] * 1000)
        got = await pair.consumer.client_call(request("GET", f"/listClients?{many}"))
        asked, fault = await ask(pair, f"getOpenAPI?{many}")
    assert b"<faultcode>server.clientproxy.invalid_request</faultcode>" in got.body
    assert asked.status == 500
    assert fault["type"] == "server.serverproxy.invalid_request"


async def test_an_instance_that_is_not_known_has_no_list(tmp_path):
    async with Pair(tmp_path) as pair:
        got = await pair.consumer.client_call(
            request("GET", "/listClients?xRoadInstance=elsewhere")
        )
    assert got.status == 200
    assert got.get("content-type") == "text/xml;charset=utf-8"
    assert b"<faultcode>server.clientproxy.internal_error</faultcode>" in got.body
    assert b"Shared parameters of instance elsewhere are not known" in got.body
