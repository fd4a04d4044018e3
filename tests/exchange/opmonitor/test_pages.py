"""Pages for this machine: nobody says who they are, so nobody is told who did what."""

import json

import pytest

from kerege.exchange.opmonitor.policy import MonitoringPolicy
from kerege.exchange.security_server.known_names import KnownNames
from kerege.exchange.security_server.monitoring_pages import (
    MAX_RECORDS,
    MonitoringPages,
)
from kerege.exchange.storage import Database
from kerege.xroad.identifiers import ClientId, ServiceId
from tests.instances import sandbox_instance
from tests.operational import NOW, provided, record, store
from tests.server_parts import rights

PIN = "20101196379439"


def pages_of(database: Database) -> MonitoringPages:
    instance = sandbox_instance()
    names = KnownNames(instance.global_conf, lambda: rights(instance.provider.clients))
    return MonitoringPages(database, MonitoringPolicy(), lambda: NOW, names, NOW)


async def shown(pages: MonitoringPages, path: str, query: str = "", status: int = 200):
    page = await pages.show(path, query)
    assert page.status == status
    return json.loads(page.content)


def parties() -> tuple[ClientId, ServiceId]:
    instance = sandbox_instance()
    provider = instance.provider.clients[0]
    service = ServiceId(*provider.member.codes, provider.subsystem_code, "echo")
    return instance.consumer.clients[0], service


def at(seconds_ago: int) -> int:
    return int(NOW.timestamp()) - seconds_ago


async def test_a_record_tells_what_passed_and_not_who_asked_for_what(
    sqlite_database: Database,
):
    client, service = parties()
    personal = {
        "message_user_id": PIN,
        "message_issue": PIN,
        "message_id": PIN,
        "represented_party_code": PIN,
        "fault_string": PIN,
        "rest_method": "GET",
    }
    store(sqlite_database, at(5), record(client, service, **personal))

    content = await shown(pages_of(sqlite_database), "operational-data")

    (told,) = content["records"]
    assert told["client"] == str(client)
    assert told["service"] == str(service)
    assert told["restMethod"] == "GET"
    assert told["succeeded"] is True
    assert PIN not in json.dumps(content)


async def test_a_personal_code_in_the_place_of_a_service_code_is_not_told(
    sqlite_database: Database,
):
    _, service = parties()
    wrong = ServiceId(*service.client_id.codes, PIN)
    failed = {"succeeded": False, "fault_code": f"server.{PIN}", "x_request_id": PIN}
    store(sqlite_database, at(5), provided(wrong, **failed))
    pages = pages_of(sqlite_database)

    content = await shown(pages, "operational-data")
    told = content["records"][0]
    assert told["service"] == f"SERVICE:{service.client_id.short}/?"
    assert (told["faultCode"], told["xRequestId"]) == ("server.?", "?")
    health = await shown(pages, "health-data")
    assert health["services"][0]["unsuccessful"] == 1
    assert PIN not in json.dumps([content, health])


async def test_pages_follow_each_other_without_a_gap(sqlite_database: Database):
    client, service = parties()
    for number in range(5):
        size = {"request_size": number}
        store(sqlite_database, at(50 - number), record(client, service, **size))
    pages = pages_of(sqlite_database)

    first = await shown(pages, "operational-data", "limit=3")
    second = await shown(pages, "operational-data", f"limit=3&after={first['after']}")
    third = await shown(pages, "operational-data", f"after={second['after']}")

    sizes = [r["requestSize"] for r in (*first["records"], *second["records"])]
    assert sizes == [0, 1, 2, 3, 4]
    assert (first["more"], second["more"]) == (True, False)
    assert (third["records"], third["after"]) == ([], second["after"])


async def test_what_is_too_young_or_too_old_is_not_told(sqlite_database: Database):
    for ago in (3600, 30, 1):
        store(sqlite_database, at(ago), record(request_size=ago))
    pages = pages_of(sqlite_database)

    async def sizes(query: str = "") -> list[int]:
        content = await shown(pages, "operational-data", query)
        return [told["requestSize"] for told in content["records"]]

    assert await sizes() == [30]
    assert await sizes("from=0") == [3600, 30]
    assert await sizes(f"from=0&to={at(100)}") == [3600]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("limit=0", f"limit is a number from 1 to {MAX_RECORDS}"),
        (f"limit={MAX_RECORDS + 1}", f"limit is a number from 1 to {MAX_RECORDS}"),
        ("from=yesterday", "from is a whole number"),
        ("after=-1", "after is a whole number"),
        ("to=" + "9" * 30, "to is a whole number"),
        ("user=" + PIN, "Unknown parameter 'user'"),
        ("&".join(f"a{n}=1" for n in range(20)), "More than 8 parameters"),
    ],
)
async def test_a_wrong_question_is_refused_with_its_reason(
    sqlite_database: Database, query: str, reason: str
):
    content = await shown(
        pages_of(sqlite_database), "operational-data", query, status=400
    )
    assert content == {"error": reason}


async def test_there_are_no_other_pages(sqlite_database: Database):
    assert await shown(pages_of(sqlite_database), "users", status=404)
