"""The requests of the reference's operational monitoring system test, over two servers.

They have no verdict of their own: each is sent as it is to the client's server, gets an
answer, and leaves the record on both sides that the system test looks for.
"""

import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from lxml import etree

from kerege.exchange.opmonitor.answering import About, MonitoringServices
from kerege.exchange.opmonitor.environment import Environment
from kerege.exchange.opmonitor.policy import MonitoringPolicy
from kerege.exchange.security_server.metaservices import SoapMetaservices
from kerege.exchange.security_server.monitoring_service import MonitoringService
from kerege.exchange.storage import Database
from kerege.exchange.storage.server_configuration import (
    WHOLE_SERVICE,
    AccessRight,
    Service,
    ServiceType,
)
from kerege.xroad import soap
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.opmonitoring import (
    METRICS_NAMESPACE,
    NAMESPACE,
    HistogramMetric,
    MetricSet,
    OperationalRecord,
    as_json,
)
from tests.instances import Instance, sandbox_instance
from tests.operational import NOW, RANDOM, provided, require_schema, store, xsd
from tests.server_parts import rights
from tests.servers import Pair, TestServer
from tests.soap_parts import TEXT_XML, binary, multipart, parts_of, posted
from tests.vectors import Row, needs_vectors, rows
from tests.wire import Http, answer

pytestmark = needs_vectors

AREA = "op-monitoring-systemtest"
NAME = "XTEE-CI-XM"
ENVELOPE = re.compile(rb"<([\w-]+):Envelope.*</\1:Envelope>", re.DOTALL)
MOCK = ("xroadGetRandom", "bodyMassIndex")
"""Services of the system test's mock."""
STORE_SCHEMA = "store_operational_data_request_schema.yaml"


@dataclass
class Sent:
    """One request, its answer, and what both servers recorded."""

    answer: Http
    client: OperationalRecord
    producer: OperationalRecord
    content: bytes = field(repr=False)

    @property
    def envelope(self) -> bytes:
        found = ENVELOPE.search(self.answer.body)
        assert found is not None
        return found[0]

    @property
    def body(self) -> etree._Element:
        (body,) = etree.fromstring(self.envelope).findall("{*}Body/*")
        return body


def requested(row: Row) -> tuple[bytes, str]:
    """Return a request's bytes, with line ends that MIME demands, and their type."""
    content = row.read(0)
    first = content.partition(b"\n")[0]
    if not first.startswith(b"--"):
        return content, TEXT_XML
    boundary = first.decode().strip().removeprefix("--")
    kind = f'multipart/related; type="text/xml"; boundary="{boundary}"'
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), kind


def header_of(content: bytes) -> soap.SoapMessage:
    found = ENVELOPE.search(content)
    assert found is not None
    header = soap.read(found[0], TEXT_XML)
    assert isinstance(header, soap.SoapMessage)
    return header


def instance_for(header: soap.SoapMessage) -> Instance:
    """Return the client's server and the service's, which may be one member's."""
    client, provider = header.client_id, header.service_id.client_id
    server = header.security_server
    return sandbox_instance(
        NAME,
        consumer=_plan(client, "System1"),
        provider=_plan(provider, "Center"),
        servers=("consumer", server.server_code if server else "provider"),
    )


def _plan(client: ClientId, subsystem: str) -> tuple[str, ...]:
    member = f"{client.member_class}/{client.member_code}"
    return (member, client.subsystem_code or subsystem)


def configure(pair: Pair, database: Database) -> None:
    """Let both servers know their owners, and the provider what it provides."""
    shared = pair.instance.shared_parameters()
    if shared.members[0].code == shared.members[1].code:
        first, second = shared.members
        both = dict.fromkeys((*first.subsystems, *second.subsystems))
        members = (replace(first, subsystems=tuple(both)),)
        shared = replace(shared, members=members)
    for server in (pair.consumer, pair.provider):
        server.global_conf = pair.instance.global_conf(shared)
    consumer, provider = pair.instance.consumer, pair.instance.provider
    pair.consumer.rights = rights((consumer.server_id.owner, *consumer.clients))
    services, access = [], []
    for owner in provider.clients:
        for code in MOCK:
            service_id = ServiceId(*owner.codes, code, "v1")
            kind = ServiceType.WSDL
            url = pair.service.url
            services.append(
                Service(service_id, kind, url, timeout_seconds=10, verify_tls=False)
            )
            access += [
                AccessRight(owner, code, WHOLE_SERVICE, one) for one in consumer.clients
            ]
    clients = (provider.server_id.owner, *provider.clients)
    pair.provider.rights = rights(clients, services, access)
    pair.service.answer = mock
    answer_itself(pair.provider, database, pair.clock)


def answer_itself(
    server: TestServer,
    database: Database,
    clock: Any,
    system_metrics: Callable[[bool], MetricSet] | None = None,
) -> None:
    about = About(
        server.server_id,
        clock() - timedelta(hours=1),
        "7.8.0",
        clock,
        monitoring_client=lambda: None,
        system_metrics=system_metrics or Environment(lambda: (), clock).metrics,
        is_provided=lambda service: server.rights.service(service) is not None,
    )
    services = MonitoringServices(database, MonitoringPolicy(), about)
    server.runtime.built_in_services = (
        MonitoringService(services),
        SoapMetaservices(server.runtime),
    )


def mock(http: Http) -> bytes:
    """Answer as the system test's mock: a header repeated, two attachments, a fault."""
    found = ENVELOPE.search(http.body)
    assert found is not None
    header = header_of(http.body)
    if header.issue == "faultPlease":
        fault = soap.write_fault("SOAP-ENV:Client", "As you wish")
        return answer(
            "500 Server Error", headers={"Content-Type": TEXT_XML}, body=fault
        )
    name = header.body_element
    body = f'<x:{name}Response xmlns:x="http://mock.x-road.test"/>'.encode()
    content = soap.answer_to(found[0], body)
    if header.issue != "attachmentsPlease":
        return answer(headers={"Content-Type": TEXT_XML}, body=content)
    attached = multipart(content, [binary(b"one", "a"), binary(b"two", "b")])
    kind = 'multipart/related; type="text/xml"; boundary=MIMEB1'
    return answer(headers={"Content-Type": kind}, body=attached)


# What the system test looks for, by the name of the row.


def simple(sent: Sent) -> None:
    assert sent.answer.status == 200
    assert sent.body.tag == "{http://mock.x-road.test}xroadGetRandomResponse"
    for kept in (sent.client, sent.producer):
        assert kept.succeeded
        assert kept.request_size == len(sent.content)
        assert kept.request_attachment_count == kept.response_attachment_count == 0
        assert kept.request_mime_size is kept.response_mime_size is None
    assert sent.client.response_size == len(sent.answer.body)


def user(sent: Sent) -> None:
    simple(sent)
    assert sent.client.message_user_id == "EE37702211232"


def party_and_issue(sent: Sent) -> None:
    simple(sent)
    for kept in (sent.client, sent.producer):
        assert kept.represented_party_class == "GOV"
        assert kept.represented_party_code == "MEMBER3"
        assert kept.message_user_id == "EE37702211230"
        assert kept.message_issue == "issue-1"
        assert kept.message_id == "1234567890"


def attached(count: int) -> Callable[[Sent], None]:
    def look(sent: Sent) -> None:
        assert sent.answer.status == 200
        for kept in (sent.client, sent.producer):
            assert kept.succeeded
            assert kept.request_attachment_count == count
            assert kept.request_mime_size is not None
            assert kept.request_size is not None
            assert kept.request_mime_size > kept.request_size

    return look


def answered_with_attachments(sent: Sent) -> None:
    assert len(parts_of(sent.answer)) == 3
    for kept in (sent.client, sent.producer):
        assert kept.response_attachment_count == 2
        assert kept.response_size is not None
        assert kept.response_mime_size == kept.response_size + len(b"onetwo")


def mocked_fault(sent: Sent) -> None:
    assert soap.read_fault(sent.answer.body).code == "SOAP-ENV:Client"
    for kept in (sent.client, sent.producer):
        assert not kept.succeeded
        assert (kept.fault_code, kept.fault_string) == (
            "SOAP-ENV:Client",
            "As you wish",
        )


def unknown(sent: Sent) -> None:
    code = "server.serverproxy.unknown_service"
    assert soap.read_fault(sent.answer.body).code == code
    for kept in (sent.client, sent.producer):
        assert (kept.succeeded, kept.fault_code) == (False, code)
        assert kept.service_code == "xroadGetDate"


def methods(sent: Sent) -> None:
    assert etree.QName(sent.body).localname == "listMethodsResponse"
    codes = {one.text for one in sent.body.iter("{*}serviceCode")}
    assert codes == set(MOCK)


def metrics(sent: Sent) -> None:
    xsd("monitoring.xsd").assertValid(sent.body)
    names = {one.text for one in sent.body.iter(f"{{{METRICS_NAMESPACE}}}name")}
    assert {"proxyVersion", "systemMetrics", "TotalPhysicalMemory"} <= names


def health(sent: Sent) -> None:
    xsd("op-monitoring.xsd").assertValid(sent.body)
    assert etree.QName(sent.body).localname == "getSecurityServerHealthDataResponse"
    events = list(sent.body.iter(f"{{{NAMESPACE}}}serviceEvents"))
    assert len(events) == 1  # what is stored before each request


def records(sent: Sent) -> None:
    (_, _), (_, content) = parts_of(sent.answer)
    xsd("op-monitoring.xsd").assertValid(sent.body)
    found = json.loads(zlib.decompress(content, 31))["records"]
    assert [one["messageId"] for one in found] == ["stored before"]
    assert found[0]["securityServerInternalIp"]  # the server's owner sees everything
    assert sent.producer.response_attachment_count == 1


LOOKED_FOR = {
    "empty_body.query": user,
    "get_security_server_metrics.query": metrics,
    "health_data.query": health,
    "health_data_ss2.query": health,
    "list_methods.query": methods,
    "mtom_attachment.query": attached(1),
    "multiple_attachments.query": attached(3),
    "operational_data.query": records,
    "operational_data_ss2.query": records,
    "response_with_attachments.query": answered_with_attachments,
    "service_cluster.query": simple,
    "service_in_ss2.query": simple,
    "simple.query": simple,
    "simple_represented_party_and_issue.query": party_and_issue,
    "soap_fault.query": mocked_fault,
    "swa_ref_attachment.query": attached(1),
    "unknown_service.query": unknown,
}


@pytest.mark.parametrize("row", rows(AREA))
async def test_a_request_is_answered_and_leaves_its_records(
    tmp_path, sqlite_database: Database, row: Row
):
    content, kind = requested(row)
    header = header_of(content)
    pair = Pair(tmp_path, instance=instance_for(header))
    now = int(pair.clock().timestamp())
    content = content.replace(b"records_from_placeholder", str(now - 200).encode())
    content = content.replace(b"records_to_placeholder", str(now - 100).encode())
    store(sqlite_database, now - 150, provided(RANDOM, message_id="stored before"))
    async with pair:
        configure(pair, sqlite_database)
        got = await pair.consumer.client_call(posted(content, kind))
        (client,), (producer,) = pair.consumer.operational, pair.provider.operational

    LOOKED_FOR[row.case](Sent(got, client, producer, content))

    require_schema(STORE_SCHEMA, {"records": [as_json(client), as_json(producer)]})
    for kept, side in ((client, "Client"), (producer, "Producer")):
        assert kept.security_server_type == side
        assert kept.message_id == header.query_id
        assert kept.message_protocol_version == "4.0"
        assert kept.client_member_code == header.client_id.member_code
        assert kept.client_subsystem_code == header.client_id.subsystem_code
        assert kept.service_code == header.service_id.service_code
        assert kept.service_version == header.service_id.service_version
        assert kept.service_type == "WSDL"
        assert kept.xroad_version == "7.8.0"
        assert kept.x_request_id == client.x_request_id
        assert kept.client_security_server_address == "127.0.0.1"
        assert kept.service_security_server_address == "127.0.0.1"


@pytest.mark.parametrize("row", rows("proxy-testsuite-proxymonitor"))
async def test_metrics_of_the_machine_stand_beside_the_version(
    tmp_path, sqlite_database: Database, row: Row
):
    measured = HistogramMetric("someName", NOW, 0.125, 500.143, 50.6, 46.3, 1.5)

    def some_metrics(is_owner: bool) -> MetricSet:  # noqa: FBT001 - as `Environment`
        assert is_owner
        return MetricSet("someMetricSet", (measured,))

    instance = sandbox_instance(
        "EE",
        consumer=("BUSINESS/producer", "sub"),
        provider=("BUSINESS/producer", "sub"),
        servers=("other", "ownerServer"),
    )
    async with Pair(tmp_path, instance=instance) as pair:
        configure(pair, sqlite_database)
        answer_itself(pair.provider, sqlite_database, pair.clock, some_metrics)
        got = await pair.consumer.client_call(posted(row.read(0)))

    (body,) = etree.fromstring(got.body).findall("{*}Body/*")
    xsd("monitoring.xsd").assertValid(body)
    (root,) = body
    name, version, metrics = root
    assert name.text == "SERVER:EE/BUSINESS/producer/ownerServer"
    assert version.findtext("{*}name") == "proxyVersion"
    assert metrics.findtext("{*}name") == "someMetricSet"
    (histogram,) = metrics.findall("{*}histogramMetric")
    assert histogram.findtext("{*}min") == "0.125"
    assert histogram.findtext("{*}max") == "500.143"
    assert row.expected == "reply"
