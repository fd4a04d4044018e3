"""Monitoring services are asked over two servers, as anybody on the exchange asks."""

import json
import zlib
from dataclasses import replace
from datetime import timedelta

from lxml import etree

from kerege.exchange.opmonitor.answering import About, Asking, MonitoringServices
from kerege.exchange.opmonitor.environment import Environment
from kerege.exchange.opmonitor.policy import MonitoringPolicy
from kerege.exchange.opmonitor.rows import insert_records
from kerege.exchange.security_server.monitoring_service import MonitoringService
from kerege.exchange.storage import Database
from kerege.exchange.storage.server_configuration import (
    Client,
    ClientStatus,
    ConnectionType,
)
from kerege.xroad import soap
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.opmonitoring import METRICS_NAMESPACE, NAMESPACE, MetricSet
from kerege.xroad.soap import SoapMessage
from tests.operational import NOW, record, xsd
from tests.servers import Pair
from tests.soap_parts import TEXT_XML, fault_code, parts_of, posted
from tests.vectors import needs_vectors
from tests.wire import Http

OM = f"{{{NAMESPACE}}}"
M = f"{{{METRICS_NAMESPACE}}}"
ALL_TIMES = "<o:recordsFrom>0</o:recordsFrom><o:recordsTo>9999999999</o:recordsTo>"


def monitored(pair: Pair, database: Database, central: ClientId | None = None) -> None:
    """Give the provider's server its monitoring services."""
    server_id = pair.provider.server_id
    about = About(
        server_id,
        started=pair.clock() - timedelta(hours=1),
        proxy_version="7.8.0",
        clock=pair.clock,
        monitoring_client=lambda: central,
        system_metrics=Environment(lambda: (), pair.clock).metrics,
        is_provided=lambda service: pair.provider.rights.service(service) is not None,
    )
    services = MonitoringServices(database, MonitoringPolicy(), about)
    pair.provider.runtime.built_in_services = [MonitoringService(services)]


async def ask(
    pair: Pair, code: str, body: str, client: ClientId | None = None, **header: object
) -> Http:
    """Ask the owner of the provider's server."""
    owner = pair.provider.server_id.owner
    rights = pair.provider.rights
    itself = Client(owner, ConnectionType.HTTP, ClientStatus.REGISTERED)
    pair.provider.rights = replace(rights, clients={**rights.clients, owner: itself})
    service = ServiceId(*owner.codes, None, code)
    message = SoapMessage(
        client_id=client or pair.client,
        service_id=service,
        query_id="q-1",
        protocol_version="4.0",
        body_element=code,
        **header,
    )
    content = soap.write(message, body.encode())
    return await pair.consumer.client_call(posted(content))


def data_request(inner: str = ALL_TIMES, more: str = "") -> str:
    return (
        f'<o:getSecurityServerOperationalData xmlns:o="{NAMESPACE}">'
        f"<o:searchCriteria>{inner}</o:searchCriteria>{more}"
        "</o:getSecurityServerOperationalData>"
    )


def metrics_request(*names: str) -> str:
    fields = "".join(f"<m:outputField>{name}</m:outputField>" for name in names)
    return (
        f'<m:getSecurityServerMetrics xmlns:m="{METRICS_NAMESPACE}">'
        f"<m:outputSpec>{fields}</m:outputSpec></m:getSecurityServerMetrics>"
    )


def store_what_passed(pair: Pair, database: Database) -> None:
    """Store the provider's records, two minutes ago so that they are told."""
    at = int(pair.clock().timestamp()) - 120
    with database.write() as connection:
        insert_records(connection, pair.provider.operational, at)


def records_of(answer: Http) -> list[dict]:
    (_, envelope), (head, content) = parts_of(answer)
    assert soap.read(envelope, TEXT_XML).is_response
    assert head["content-id"] == "<operational-monitoring-data.json.gz>"
    assert head["content-type"] == "application/gzip"
    return json.loads(zlib.decompress(content, 31))["records"]


def body_of(envelope: bytes) -> etree._Element:
    (body,) = etree.fromstring(envelope).findall("{*}Body/*")
    return body


async def test_a_client_sees_the_messages_that_it_has_a_part_in(
    tmp_path, sqlite_database
):
    async with Pair(tmp_path) as pair:
        monitored(pair, sqlite_database)
        pair.offer("echo")
        await pair.send("GET", "echo/people/14001")
        store_what_passed(pair, sqlite_database)
        code = "getSecurityServerOperationalData"

        (record,) = records_of(await ask(pair, code, data_request()))

        assert record["securityServerType"] == "Producer"
        assert record["serviceCode"] == "echo"
        assert record["statusCode"] == 200
        assert record["succeeded"] is True
        assert record["requestInTs"] <= record["requestOutTs"]
        assert record["responseInTs"] <= record["responseOutTs"]
        assert "securityServerInternalIp" not in record
        assert "14001" not in json.dumps(record)  # no path is ever recorded


async def test_a_stranger_sees_nothing_of_it(tmp_path, sqlite_database):
    async with Pair(tmp_path) as pair:
        monitored(pair, sqlite_database)
        pair.offer("echo")
        await pair.send("GET", "echo")
        store_what_passed(pair, sqlite_database)
        stranger = pair.instance.consumer.clients[1]

        got = await ask(
            pair, "getSecurityServerOperationalData", data_request(), stranger
        )

        assert records_of(got) == []


async def test_the_central_monitoring_client_sees_everything(tmp_path, sqlite_database):
    async with Pair(tmp_path) as pair:
        central = pair.instance.consumer.clients[1]
        monitored(pair, sqlite_database, central)
        pair.offer("echo")
        await pair.send("GET", "echo")
        store_what_passed(pair, sqlite_database)

        got = await ask(
            pair, "getSecurityServerOperationalData", data_request(), central
        )

        assert records_of(got)[0]["securityServerInternalIp"] == "127.0.0.1"


async def test_a_wrong_request_is_a_fault_of_the_service(tmp_path, sqlite_database):
    async with Pair(tmp_path) as pair:
        monitored(pair, sqlite_database)
        spec = "<o:outputSpec><o:outputField>PIN</o:outputField></o:outputSpec>"

        got = await ask(
            pair, "getSecurityServerOperationalData", data_request(more=spec)
        )

        assert fault_code(got) == "client.invalid_request"
        assert b"Unknown output field in search criteria: PIN" in got.body


@needs_vectors
async def test_health_data_tell_of_the_services_that_answered(
    tmp_path, sqlite_database
):
    async with Pair(tmp_path) as pair:
        monitored(pair, sqlite_database)
        pair.offer("echo")
        await pair.send("GET", "echo")
        store_what_passed(pair, sqlite_database)
        body = f'<o:getSecurityServerHealthData xmlns:o="{NAMESPACE}"/>'

        got = await ask(pair, "getSecurityServerHealthData", body)

        health = body_of(got.body)
        xsd("op-monitoring.xsd").assertValid(health)
        (event,) = health.iter(f"{OM}serviceEvents")
        assert event.findtext("{*}service/{*}serviceCode") == "echo"
        assert event.findtext(f"{OM}serviceType") == "REST"
        period = event.find(f"{OM}lastPeriodStatistics")
        assert period.findtext(f"{OM}successfulRequestCount") == "1"
        assert period.findtext(f"{OM}unsuccessfulRequestCount") == "0"


async def test_health_data_do_not_tell_what_was_asked_for_in_vain(
    tmp_path, sqlite_database
):
    """A personal code in a service code's place, and one that XML cannot hold."""
    async with Pair(tmp_path) as pair:
        monitored(pair, sqlite_database)
        pair.offer("echo")
        await pair.send("GET", "echo")
        await pair.send("GET", "49002010976/details")
        await pair.send("GET", "%01/details")
        store_what_passed(pair, sqlite_database)
        body = f'<o:getSecurityServerHealthData xmlns:o="{NAMESPACE}"/>'

        got = await ask(pair, "getSecurityServerHealthData", body)

        (event,) = body_of(got.body).iter(f"{OM}serviceEvents")
        assert event.findtext("{*}service/{*}serviceCode") == "echo"
        assert b"49002010976" not in got.body


@needs_vectors
async def test_metrics_are_for_the_central_monitoring_client_and_the_owner(
    tmp_path, sqlite_database
):
    async with Pair(tmp_path) as pair:
        monitored(pair, sqlite_database)
        code = "getSecurityServerMetrics"
        got = await ask(pair, code, metrics_request())
        assert fault_code(got) == "server.serverproxy.access_denied"

        monitored(pair, sqlite_database, pair.client)
        got = await ask(pair, code, metrics_request("OperatingSystem"))

        metrics = body_of(got.body)
        xsd("monitoring.xsd").assertValid(metrics)
        top = metrics.find(f"{M}metricSet")
        assert top.findtext(f"{M}name") == str(pair.provider.server_id)
        assert top.findtext(f"{M}stringMetric/{M}value") == "7.8.0"
        assert top.findtext(f"{M}metricSet/{M}name") == "systemMetrics"
        (only,) = top.findall(f"{M}metricSet/{M}stringMetric")
        assert only.findtext(f"{M}name") == "OperatingSystem"


async def test_an_owner_sees_all_records_only_if_it_names_this_server(
    sqlite_database: Database,
):
    """The reference believes whichever server the header names, its owner's own too."""
    server = SecurityServerId("XTEE-CI-XM", "GOV", "00000001", "SS1")
    about = About(
        server,
        NOW,
        "7.8.0",
        lambda: NOW,
        monitoring_client=lambda: None,
        system_metrics=lambda _: MetricSet("", ()),
        is_provided=lambda _: True,
    )
    services = MonitoringServices(sqlite_database, MonitoringPolicy(), about)
    with sqlite_database.write() as connection:
        insert_records(connection, [record()], int(NOW.timestamp()) - 120)
    owner = ServiceId(*server.owner.codes, None, "getSecurityServerOperationalData")
    content = soap.write(
        SoapMessage(server.owner, owner, "q", "4.0", owner.service_code),
        data_request().encode(),
    )

    async def seen(client: ClientId, named: SecurityServerId | None) -> int:
        answer = await services.answer(Asking(client, owner, named, content))
        assert answer.attachment is not None
        found = json.loads(zlib.decompress(answer.attachment.content, 31))
        return len(found["records"])

    stranger = ClientId("XTEE-CI-XM", "COM", "666")
    own_server = SecurityServerId(*stranger.codes, "SS6")
    assert await seen(server.owner, server) == 1
    assert await seen(server.owner, None) == 0  # as a client: it had no part in it
    assert await seen(stranger, own_server) == 0
    assert await seen(stranger, server) == 0
