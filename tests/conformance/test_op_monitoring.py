"""The reference's tests of operational monitoring, row by row.

What its daemon does with a database of its own, our server does with its own one.
"""

import json
import zlib
from datetime import datetime, timedelta

import pytest
from lxml import etree

from kerege.exchange.opmonitor.answering import About, Asking, MonitoringServices
from kerege.exchange.opmonitor.buffer import MonitoringBuffer
from kerege.exchange.opmonitor.policy import MonitoringPolicy
from kerege.exchange.opmonitor.queries import Question, find
from kerege.exchange.opmonitor.rows import remove_before
from kerege.exchange.security_server.operational import endpoint_path
from kerege.exchange.storage import Database
from kerege.exchange.storage.server_configuration import Endpoint
from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.opmonitoring import (
    FIELDS,
    NAMESPACE,
    MetricSet,
    MonitoringAnswer,
    OperationalDataRequest,
    OperationalRecord,
    as_json,
    payload,
    read_operational_data_request,
    read_record,
    require_available,
    require_stored,
    stored_answer,
)
from tests.operational import (
    CENTER,
    NOW,
    RANDOM,
    SYSTEM1,
    Noted,
    provided,
    record,
    require_schema,
    store,
    xsd,
)
from tests.servers import Pair
from tests.vectors import Row, needs_vectors, rows

pytestmark = needs_vectors

SERVER = SecurityServerId("XTEE-CI-XM", "GOV", "00000001", "00000001_1")
OM = f"{{{NAMESPACE}}}"
DAY = 86_400


def services(
    database: Database, now: datetime = NOW, policy: MonitoringPolicy | None = None
) -> MonitoringServices:
    """Return the monitoring services of the server that the requests are for."""
    about = About(
        server_id=SERVER,
        started=NOW - timedelta(hours=1),
        proxy_version="7.8.0",
        clock=lambda: now,
        monitoring_client=lambda: None,
        system_metrics=lambda _: MetricSet("systemMetrics", ()),
        is_provided=lambda _: True,
    )
    return MonitoringServices(database, policy or MonitoringPolicy(), about)


def asking(content: bytes) -> Asking:
    """Read a request as a server does."""
    header = soap.read(content, "text/xml")
    assert isinstance(header, soap.SoapMessage)
    return Asking(header.client_id, header.service_id, header.security_server, content)


def body_of(answer: MonitoringAnswer) -> etree._Element:
    """Return the answer's element, which the reference's schema allows."""
    element = etree.fromstring(answer.body)
    xsd("op-monitoring.xsd").assertValid(element)
    return element


def found(database: Database, first: int, last: int, **more) -> tuple[list, int | None]:
    """Return records as the reference's test asks for them, and where they go on."""
    answer = find(database, Question(first, last, **more))
    content = json.loads(zlib.decompress(answer.payload_gzip, 31))
    require_schema("query_operational_data_response_payload_schema.yaml", content)
    assert len(content["records"]) == answer.count
    return content["records"], answer.next_from


def count(database: Database, first: int, last: int, **more) -> tuple[int, int | None]:
    records, next_from = found(database, first, last, **more)
    return len(records), next_from


def require_refused(row: Row, request: OperationalDataRequest, before: int) -> None:
    with pytest.raises(XRoadError) as refused:
        require_available(request, before)
    assert refused.value.code == row.error_code == "client.invalid_request"


# The stories, by the name of the row.


async def operational_data(database: Database, row: Row) -> None:
    answer = await services(database).answer(asking(row.read(0)))
    body = body_of(answer)
    assert body.tag == f"{OM}getSecurityServerOperationalDataResponse"
    assert body.findtext(f"{OM}recordsCount") == "0"
    records = body.findtext(f"{OM}records")
    assert records == "cid:operational-monitoring-data.json.gz"
    assert answer.attachment is not None
    assert answer.attachment.content_id == "operational-monitoring-data.json.gz"
    assert answer.attachment.media_type == "application/gzip"
    content = zlib.decompress(answer.attachment.content, 31)
    assert json.loads(content) == {"records": []}


async def health_data(database: Database, row: Row) -> None:
    first = ServiceId(*SYSTEM1.codes, "xroad/GetRandom", "v2")
    second = ServiceId(*SYSTEM1.codes, "xroad/GetRandom")
    other = ServiceId("XTEE-CI-XM", "GOV", "00000001", "System2", "xroad/GetRandom")
    sizes = {"request_size": 999, "response_size": 888, "service_type": "REST"}
    store(
        database,
        int(NOW.timestamp()) - 60,
        *(provided(second, **sizes) for _ in range(10)),
        *(provided(other, succeeded=i % 2 == 0) for i in range(10)),
        *(provided(first, succeeded=i % 2 == 0, **sizes) for i in range(10)),
    )
    answer = await services(database).answer(asking(row.read(0)))
    assert answer.attachment is None
    body = body_of(answer)
    started = str(int((NOW - timedelta(hours=1)).timestamp() * 1000))
    assert body.findtext(f"{OM}monitoringStartupTimestamp") == started
    events = body.findall(f"{OM}servicesEvents/{OM}serviceEvents")
    assert len(events) == 2
    by_version = {e.findtext("{*}service/{*}serviceVersion"): e for e in events}
    assert by_version["v2"].findtext("{*}service/{*}serviceCode") == "xroad/GetRandom"
    period = by_version["v2"].find(f"{OM}lastPeriodStatistics")
    assert period is not None
    assert period.findtext(f"{OM}successfulRequestCount") == "5"
    assert period.findtext(f"{OM}unsuccessfulRequestCount") == "5"
    assert period.findtext(f"{OM}requestAverageSize") == "999.0"
    assert period.findtext(f"{OM}responseSizeStdDev") == "0.0"
    assert by_version["v2"].findtext(f"{OM}serviceType") == "REST"
    period = by_version[None].find(f"{OM}lastPeriodStatistics")
    assert period is not None
    assert period.findtext(f"{OM}successfulRequestCount") == "10"


def with_fields(row: Row, *names: str) -> OperationalDataRequest:
    """Read a request for these fields."""
    fields = "".join(f"<o:outputField>{name}</o:outputField>" for name in names)
    content = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:o="{NAMESPACE}"><e:Body><o:getSecurityServerOperationalData>'
        "<o:searchCriteria><o:recordsFrom>1</o:recordsFrom>"
        "<o:recordsTo>2</o:recordsTo></o:searchCriteria>"
        f"<o:outputSpec>{fields}</o:outputSpec>"
        "</o:getSecurityServerOperationalData></e:Body></e:Envelope>"
    )
    return read_operational_data_request(content.encode())


async def known_fields(_: Database, row: Row) -> None:
    names = ("monitoringDataTs", "securityServerInternalIp")
    assert with_fields(row).output_fields == frozenset()
    assert with_fields(row, *names).output_fields == frozenset(names)


async def unknown_field(_: Database, row: Row) -> None:
    with pytest.raises(XRoadError) as refused:
        with_fields(row, "UNKNOWN-FIELD")
    assert refused.value.code == row.error_code
    assert refused.value.message == (
        "Unknown output field in search criteria: UNKNOWN-FIELD"
    )


async def negative_from(_: Database, row: Row) -> None:
    require_refused(row, OperationalDataRequest(-10, 10), 100)


async def negative_to(_: Database, row: Row) -> None:
    require_refused(row, OperationalDataRequest(10, -10), 100)


async def to_before_from(_: Database, row: Row) -> None:
    require_refused(row, OperationalDataRequest(10, 5), 100)


async def not_available(_: Database, row: Row) -> None:
    require_refused(row, OperationalDataRequest(10, 10), 5)
    require_available(OperationalDataRequest(10, 10), 11)


async def to_in_the_future(database: Database, _: Row) -> None:
    policy = MonitoringPolicy(offset_seconds=60)
    request = rows_request(1477468193, int(NOW.timestamp()) - 60 + 10)
    answer = await services(database, policy=policy).answer(asking(request))
    next_from = body_of(answer).findtext(f"{OM}nextRecordsFrom")
    assert next_from == str(int(NOW.timestamp()) - 60)


def rows_request(first: int, last: int) -> bytes:
    """Return the reference's own request, for another time."""
    (row,) = [r.values[0] for r in rows("op-monitoring") if "handleOp" in r.id]
    text = row.read(0).decode()
    text = text.replace(">1477468193<", f">{first}<").replace(
        ">1477468205<", f">{last}<"
    )
    return text.encode()


async def periods(database: Database, _: Row) -> None:
    for second in (1474968960, 1474968980):
        store(database, second, record())
    assert count(database, 234, 123) == (0, None)
    assert count(database, 1474968960, 1474968980) == (2, None)
    for first, last, kept in (
        (1474968970, 1474968990, 1474968980),
        (1474968950, 1474968970, 1474968960),
    ):
        ((only,), next_from) = found(database, first, last)
        assert (only["monitoringDataTs"], next_from) == (kept, None)
        assert only["messageId"]


async def overflow(database: Database, _: Row) -> None:
    begin = 1474968980
    store(database, begin, *[record()] * 8)
    store(database, begin + 1, *[record()] * 17)
    assert count(database, begin, begin, most=10) == (8, None)
    assert count(database, begin, begin, most=8) == (8, None)
    assert count(database, begin, begin, most=5) == (8, None)
    assert count(database, begin, begin + 10, most=10) == (25, None)
    store(database, begin + 5, record())
    assert count(database, begin - 20, begin + 10, most=8) == (8, begin + 1)
    assert count(database, begin - 20, begin + 10, most=10) == (25, begin + 2)
    assert count(database, begin + 1, begin + 10, most=10) == (17, begin + 2)
    assert count(database, begin + 2, begin + 10, most=10) == (1, None)


async def output_fields(database: Database, _: Row) -> None:
    store(database, 1474968960, record())
    names = frozenset(("requestInTs", "securityServerInternalIp", "securityServerType"))
    ((own,), _next) = found(database, 1474968960, 1474968980, fields=names)
    assert own == {
        "requestInTs": 14749689780000,
        "securityServerInternalIp": "192.168.3.250",
        "securityServerType": "Client",
    }
    ask = {"client": SYSTEM1, "fields": names}
    ((others,), _next) = found(database, 1474968960, 1474968980, **ask)
    assert others == {"requestInTs": 14749689780000, "securityServerType": "Client"}
    only = {"client": SYSTEM1, "fields": frozenset(("faultCode",))}
    assert found(database, 1474968960, 1474968980, **only) == ([{}], None)
    ((whole,), _next) = found(database, 1474968960, 1474968980, client=SYSTEM1)
    assert "securityServerInternalIp" not in whole
    assert whole["messageUserId"] == "EE37702211230"


async def parties(database: Database, _: Row) -> None:
    member = ClientId("XTEE-CI-XM", "GOV", "00000011")
    for at, client, provider in (
        (60, SYSTEM1, CENTER),
        (70, SYSTEM1, CENTER),
        (80, SYSTEM1, SYSTEM1),
        (80, CENTER, SYSTEM1),
        (80, CENTER, CENTER),
        (90, SYSTEM1, member),
        (91, member, member),
        (92, member, SYSTEM1),
    ):
        service = ServiceId(
            *provider.member.codes, provider.subsystem_code, "xroadGetRandom"
        )
        store(database, 1474968900 + at, record(client, service))
    unknown = ClientId("XTEE-CI-XM", "GOV", "00000001", "UNKNOWN")

    def seen(client=None, provider=None, first=1474968960, last=1474968980) -> int:
        return count(database, first, last, client=client, provider=provider)[0]

    assert seen(SYSTEM1) == 4
    assert seen(unknown) == 0
    assert seen(SYSTEM1, CENTER) == 2
    assert seen(SYSTEM1, unknown) == 0
    assert seen(unknown, CENTER) == 0
    assert seen(SYSTEM1, SYSTEM1) == 2
    assert seen(None, CENTER) == 3
    assert seen(None, unknown) == 0
    assert seen(member, None, 1474968990, 1474968993) == 3
    assert seen(SYSTEM1, member, 1474968990, 1474968993) == 1


async def cleaning(database: Database, _: Row) -> None:
    store(database, 1474968970, record())
    store(database, 1474968980, record())
    assert remove_before(database, 1474968975) == 1
    ((kept,), _next) = found(database, 1474968960, 1474968980)
    assert kept["monitoringDataTs"] == 1474968980


async def truncation(database: Database, _: Row) -> None:
    long = "long " * 60
    store(database, 1, record(message_issue=long, fault_string=long))
    ((kept,), _next) = found(database, 1, 1)
    assert kept["messageIssue"] == long[:255]
    assert kept["faultString"] == long
    store(database, 2, record(fault_string="x" * 3000))
    ((kept,), _next) = found(database, 2, 2)
    assert len(kept["faultString"]) == 2048


async def minimal(database: Database, _: Row) -> None:
    needed = {
        "securityServerInternalIp": "127.0.0.1",
        "securityServerType": "Client",
        "requestInTs": 1,
        "responseOutTs": 2,
        "succeeded": True,
    }
    assert needed.keys() == {f.name for f in FIELDS.values() if f.required}
    store(database, 1, read_record(needed))
    assert found(database, 1, 1)[0] == [{"monitoringDataTs": 1, **needed}]
    for name in needed:
        with pytest.raises(XRoadError) as refused:
            read_record({k: v for k, v in needed.items() if k != name})
        assert refused.value.message == f"A record has no {name}"
    with pytest.raises(XRoadError) as refused:
        read_record({**needed, "securityServerType": "INVALID"})
    assert refused.value.message == "Invalid value of securityServerType"


async def records_payload(_: Database, __: Row) -> None:
    assert payload([{}, {}]) == b'{"records":[{},{}]}'


async def stored_well(_: Database, row: Row) -> None:
    assert row.inputs == ("opmonitoring/store_operational_data_response_schema.yaml",)
    assert json.loads(stored_answer()) == {"status": "OK"}
    require_schema(
        "store_operational_data_response_schema.yaml", json.loads(stored_answer())
    )
    require_stored(stored_answer())


async def stored_badly(_: Database, __: Row) -> None:
    said = stored_answer(XRoadError("invalid_request", "Error Message"))
    assert json.loads(said) == {"status": "Error", "errorMessage": "Error Message"}
    require_schema("store_operational_data_response_schema.yaml", json.loads(said))
    with pytest.raises(XRoadError) as refused:
        require_stored(b'{"errorMessage": "Error Message"}')
    assert refused.value.message == "Records not stored: Error Message"


async def server_types(_: Database, __: Row) -> None:
    for kind in ("Client", "Producer"):
        read = read_record(as_json(record(security_server_type=kind)))
        assert read.security_server_type == kind
    with pytest.raises(XRoadError):
        read_record(as_json(record(security_server_type="UNKNOWN")))


async def buffer_overflow(_: Database, __: Row) -> None:
    buffer = MonitoringBuffer(2)
    for number in range(3):
        buffer.add(Noted(OperationalRecord(request_in_ts=number)))
    assert [r.record().request_in_ts for r in buffer.take(10)] == [1, 2]
    assert buffer.dropped == 1


async def buffer_off(_: Database, __: Row) -> None:
    buffer = MonitoringBuffer(0)
    buffer.add(Noted(record()))
    assert (len(buffer), buffer.take(10), buffer.dropped) == (0, [], 0)


async def endpoint_paths(_: Database, __: Row) -> None:
    endpoints = (
        Endpoint("GET", "/pets/*/cat/*"),
        Endpoint("POST", "/pets/*/cat"),
        Endpoint("GET", "/pets/*/cat"),
        Endpoint("GET", "/pets/*/cat/small"),
        Endpoint("GET", "/pets/first/cat/small"),
        Endpoint("*", "/pets/first/cat/small"),
    )
    for path, pattern in (
        ("/pets/123/cat", "/pets/*/cat"),
        ("/pets/999/cat", "/pets/*/cat"),
        ("/pets/123/cat/1", "/pets/*/cat/*"),
        ("/pets/123/cat/small", "/pets/*/cat/small"),
        ("/pets/first/cat/small", "/pets/first/cat/small"),
        ("/pets", None),
        ("/pets/cat/1", None),
        ("/docs/1", None),
    ):
        assert endpoint_path(endpoints, "GET", path) == pattern, path
    assert endpoint_path((), "GET", "/path") is None


async def schemas(database: Database, row: Row) -> None:
    """What is stored, and what is told, is what the reference's schemas allow."""
    store_schema, query_schema = row.inputs
    told = json.loads(payload([as_json(record()), as_json(provided(RANDOM))]))
    require_schema(store_schema.removeprefix("opmonitoring/"), told)
    assert query_schema.endswith("query_operational_data_response_payload_schema.yaml")
    store(database, 1, record())
    assert found(database, 1, 1)[0] == [{"monitoringDataTs": 1, **as_json(record())}]


STORIES = {
    "handleOperationalDataRequest": operational_data,
    "handleHealthDataRequest": health_data,
    "checkOutputFields ok": known_fields,
    "checkOutputFields unknown": unknown_field,
    "checkTimestamps negative from": negative_from,
    "checkTimestamps negative to": negative_to,
    "checkTimestamps to before from": to_before_from,
    "checkTimestamps not available": not_available,
    "nextRecordsFrom when recordsTo is in the future": to_in_the_future,
    "storeAndQueryDataFromPeriods": periods,
    "storeAndQueryDataCausingOverflow": overflow,
    "filter by output fields": output_fields,
    "filter by client and service provider": parties,
    "cleanupLogRecords": cleaning,
    "stringTruncation": truncation,
    "minimal record": minimal,
    "OperationalDataRecords payload": records_payload,
    "store response OK": stored_well,
    "store response error": stored_badly,
    "securityServerType": server_types,
    "buffer overflow": buffer_overflow,
    "buffer disabled": buffer_off,
    "endpoint path": endpoint_paths,
    "schemas (no test)": schemas,
}
ELSEWHERE = {"REST client record"}
"""Needs servers: see below."""


@pytest.mark.parametrize(
    "row", [r for r in rows("op-monitoring") if r.values[0].case not in ELSEWHERE]
)
async def test_operational_monitoring_does_what_the_reference_does(
    database: Database, row: Row
):
    await STORIES[row.case](database, row)


def test_every_row_has_its_story():
    cases = {row.values[0].case for row in rows("op-monitoring")}
    assert cases == STORIES.keys() | ELSEWHERE


@pytest.mark.parametrize(
    "row", [r for r in rows("op-monitoring") if r.values[0].case in ELSEWHERE]
)
async def test_a_failed_rest_message_leaves_a_record_at_the_client(tmp_path, row: Row):
    assert "REST" in row.case
    async with Pair(tmp_path) as pair:
        provider = pair.provider_client
        code = "pets"
        got = await pair.send("GET", f"/r1/{provider.path}/{code}/pets/1")
        assert got.status == 500  # nobody offers such a service
        (kept,) = pair.consumer.operational
        told = as_json(kept)
        require_schema(
            "store_operational_data_request_schema.yaml", {"records": [told]}
        )
        assert told["securityServerType"] == "Client"
        assert told["serviceType"] == "REST"
        assert told["serviceCode"] == code
        assert told["restMethod"] == "GET"
        assert "restPath" not in told
        assert told["messageProtocolVersion"] == "1"
        assert told["xRequestId"]
        assert told["succeeded"] is False
        assert told["faultCode"] == "server.serverproxy.unknown_service"
        assert told["clientSubsystemCode"] == pair.client.subsystem_code
