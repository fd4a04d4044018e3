"""The reference's own REST proxy tests, over two of our servers with TLS between.

One instance EE at 2020-01-01, a client's server, a provider's server, and a service
that sends the body back unless a row says otherwise.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest

from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage.server_configuration import Endpoint, ServiceType
from kerege.exchange.tls import peer_server_context
from kerege.xroad.transport import Fault
from tests.conformance.recordings import Multipart
from tests.instances import Instance, sandbox_instance
from tests.servers import Pair
from tests.vectors import Row, needs_vectors, rows
from tests.wire import Http, RawServer, answer, request

pytestmark = needs_vectors

AT = datetime(2020, 1, 1, tzinfo=UTC)
LARGE = 13 * 1024 * 1024 + 104_729
BASE = "/r1/EE/BUSINESS/producer"
UNRESOLVABLE = ("server.invalid.", "127.0.0,78", "\ufeffzero\u200b.width", "::1")
JSON = {"Content-Type": "application/json"}
VALUE = b'{"value" : 42}'


def instance() -> Instance:
    return sandbox_instance(
        "EE",
        consumer=("BUSINESS/consumer", "sub", "sub/system", "subsystem"),
        provider=("BUSINESS/producer", "sub", "s/ub"),
        at=AT,
    )


def make_pair(folder) -> Pair:
    """Return the servers; OCSP responses are from tomorrow, as in the reference."""
    pair = Pair(folder, instance=instance(), service_answer=echo)
    for server in (pair.consumer, pair.provider):
        server.ocsp.by_certificate = lambda certificate: pair.instance.ocsp_response(
            certificate, AT + timedelta(days=1)
        )
    return pair


def echo(asked: Http) -> bytes:
    kind = asked.get("content-type") or "application/octet-stream"
    return answer(headers={"Content-Type": kind}, body=asked.body)


async def simple_post(pair: Pair, **headers: str) -> Http:
    pair.offer("echo")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    got = await pair.send("POST", f"{BASE}/sub/echo", {**JSON, **named}, VALUE)
    assert got.status == 200
    assert json.loads(got.body)["value"] == 42
    return got


def require_fault(got: Http, row: Row) -> None:
    assert got.status == 500
    assert got.get("x-road-error") == row.error_code
    assert row.expected == "fault"


# The stories, by the name of the row.


async def missing_client(pair: Pair, row: Row) -> None:
    pair.offer("echo")
    got = await pair.consumer.client_call(request("GET", f"{BASE}/sub/echo"))
    require_fault(got, row)


async def malformed_uri(pair: Pair, row: Row) -> None:
    require_fault(await pair.send("GET", "/r1/invalid"), row)


async def handles_post(pair: Pair, _: Row) -> None:
    await simple_post(pair)


async def keeps_query_id(pair: Pair, _: Row) -> None:
    query_id = "8a2ff8e9-ef7c-4da7-a7b9-6fd3dd3ae4dc"
    got = await simple_post(pair, X_Road_Id=query_id)
    assert pair.service.requests[0].all("x-road-id") == [query_id]
    assert got.all("x-road-id") == [query_id]


async def has_content_length(pair: Pair, _: Row) -> None:
    await simple_post(pair)
    (called,) = pair.service.requests
    assert called.get("content-length") == str(len(VALUE))
    assert called.get("transfer-encoding") is None


async def request_hash_is_unique(pair: Pair, _: Row) -> None:
    pair.offer("echo")
    headers = {"X-Road-Id": "queryid"}
    both = [await pair.send("POST", f"{BASE}/sub/echo", headers) for _ in range(2)]
    hashes = {got.get("x-road-request-hash") for got in both}
    assert len(hashes - {None}) == 2
    assert len({got.get("x-road-request-id") for got in both}) == 2
    assert [got.get("x-road-id") for got in both] == ["queryid", "queryid"]


async def has_one_date(pair: Pair, _: Row) -> None:
    got = await simple_post(pair)
    assert len(got.all("date")) == 1
    dated = "Wed, 01 Jan 2020 00:00:00 GMT"
    pair.service.answer = answer(headers={"Date": dated}, body=VALUE)
    got = await simple_post(pair)
    assert got.all("date") == [dated]


async def percent_encoded_identifiers(pair: Pair, _: Row) -> None:
    pair.offer("öäå", provider=pair.instance.provider.clients[1])
    got = await pair.send(
        "GET",
        f"{BASE}/s%2Fub/%C3%B6%C3%A4%C3%A5/path%3B/",
        {"X-Road-Client": "EE/BUSINESS/consumer/sub%2Fsystem"},
    )
    assert got.status == 200
    assert pair.service.requests[0].target == "/path%3B/"


async def empty_path(pair: Pair, _: Row) -> None:
    pair.offer("service")
    client = {"X-Road-Client": "EE/BUSINESS/consumer/subsystem"}
    got = await pair.send("GET", f"{BASE}/sub/service/", client)
    assert got.status == 200
    assert pair.service.requests[0].target == "/"


async def large_answer(pair: Pair, _: Row) -> None:
    octets = bytes(range(256)) * (LARGE // 256 + 1)
    pair.service.answer = answer(
        headers={"Content-Type": "application/octet-stream"}, body=octets[:LARGE]
    )
    pair.offer("test")
    got = await pair.send("GET", f"{BASE}/sub/test?bytes={LARGE}")
    assert got.status == 200
    assert got.body == octets[:LARGE]
    assert pair.service.requests[0].target == f"/?bytes={LARGE}"
    spools = (pair.consumer.folder / "spool", pair.provider.folder / "spool")
    assert [list(folder.iterdir()) for folder in spools] == [[], []]


async def redirect(pair: Pair, _: Row) -> None:
    location = f"{BASE}/sub/notexists"
    pair.service.answer = answer("302 Found", {"Location": location})
    pair.offer("service")
    got = await pair.send("GET", f"{BASE}/sub/service")
    assert (got.status, got.get("location")) == (302, location)
    assert len(pair.service.requests) == 1


async def wsdl_service(pair: Pair, row: Row) -> None:
    pair.offer("wsdl", type=ServiceType.WSDL)
    require_fault(await pair.send("GET", f"{BASE}/sub/wsdl"), row)
    assert pair.service.requests == []


async def patch(pair: Pair, row: Row) -> None:
    pair.offer("service", endpoint=Endpoint("GET", "**"))
    assert (await pair.send("GET", f"{BASE}/sub/service")).status == 200
    require_fault(await pair.send("PATCH", f"{BASE}/sub/service", body=b"x"), row)
    assert [called.method for called in pair.service.requests] == ["GET"]


async def resolvable_address(pair: Pair, _: Row) -> None:
    shared = pair.instance.shared_parameters(addresses=("127.0.0.1", *UNRESOLVABLE))
    pair.consumer.global_conf = pair.instance.global_conf(shared)
    await simple_post(pair)


async def accept(pair: Pair, row: Row) -> None:
    pair.offer("wsdl", type=ServiceType.WSDL)
    accepted = row.case.partition(" ")[2]
    headers = {} if accepted == "(none)" else {"Accept": accepted}
    got = await pair.send("GET", f"{BASE}/sub/wsdl", headers)
    require_fault(got, row)
    assert got.get("content-type") == row.notes.partition("Content-Type = ")[2]
    if "json" in row.notes:
        assert json.loads(got.body)["type"] == row.error_code
    else:
        assert f"<type>{row.error_code}</type>".encode() in got.body


STORIES = {
    "shouldFailIfClientHeaderMissing": missing_client,
    "shouldFailIfMalformedRequestURI": malformed_uri,
    "shouldHandleSimplePost": handles_post,
    "shouldKeepQueryId": keeps_query_id,
    "shouldHaveContentLengthHeader": has_content_length,
    "requestHashShouldBeUnique": request_hash_is_unique,
    "shouldHaveOnlyOneDateHeader": has_one_date,
    "shouldAcceptPercentEncodedIdentifiers": percent_encoded_identifiers,
    "shouldAcceptEmptyPath": empty_path,
    "shouldGetLargeBinaryMessage": large_answer,
    "shouldNotFollow302Redirects": redirect,
    "shouldNotAllowCallingWSDLServices": wsdl_service,
    "shouldNotAllowPATCH": patch,
    "shouldSelectResolvableAddress": resolvable_address,
    "shouldRespectAcceptHeaderInErrorResponse": accept,
}


@pytest.mark.parametrize("row", rows("rest-proxy"))
async def test_rest_proxy(row: Row, tmp_path):
    async with make_pair(tmp_path) as pair:
        await STORIES[row.case.partition(" ")[0]](pair, row)


# Versions of the client's server.

VERSIONS = {
    "minimum not set": ("7.1.3", ""),
    "minimum equal": ("6.26.3", "6.26.3"),
    "minimum above": ("6.26.3", "7.1.3"),
}
"""What the peer says, and the least that is wanted."""


@pytest.mark.parametrize("row", rows("client-proxy-version"))
async def test_version_of_the_clients_server(row: Row, tmp_path):
    version, minimum = VERSIONS[row.case]
    pair = make_pair(tmp_path)
    pair.provider.settings = Settings(minimum_client_version=minimum)
    relay = RawServer(b"", ssl=peer_server_context(pair.provider.identity))
    async with relay:
        pair.consumer.peer_port = relay.port
        async with pair:
            pair.offer("echo")
            await pair.send("POST", f"{BASE}/sub/echo", JSON, VALUE)
            message = relay.requests[0].raw
            assert message.count(b"x-proxy-version: 7.8.0\r\n") == 1
            said = b"x-proxy-version: %b\r\n" % version.encode()
            message = message.replace(b"x-proxy-version: 7.8.0\r\n", said)
            identity = pair.consumer.identity
            got = Multipart.of(await pair.provider.peer_call(message, identity))
    fault = got.one(Fault)
    if row.expected == "pass":
        assert fault is None
        assert got.body == VALUE
        return
    assert fault.error.code == f"server.serverproxy.{row.error_code}"
    wanted = "The minimum supported version for client security server is: 7.1.3 "
    assert fault.error.message == wanted
    assert pair.service.requests == []
