"""Bodies that are not logged, or only their beginning."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from kerege.exchange.messagelog import (
    BodyLogging,
    Direction,
    LargeBodies,
    LogCipher,
    LogKey,
    LogRecord,
)
from kerege.exchange.spool import MEMORY_LIMIT, Spool
from kerege.exchange.storage import Database
from kerege.xroad.asic import read_container, write_container
from kerege.xroad.identifiers import ClientId, ServiceId
from tests.exchange.messagelog.world import World, make_world, raises, spooled

PATIENTS = ClientId("KG", "GOV", "1", "Patients")
SCHOOLS = ClientId("KG", "GOV", "1", "Schools")
CLIENT = ClientId("KG", "COM", "2", "Clinic")
DIAGNOSIS = b"diagnosis-of-Aigul"
REQUEST = (
    b"POST\r\n/r1/KG/GOV/1/Patients/find/diagnosis-of-Aigul?q=diagnosis-of-Aigul\r\n"
    b"X-Road-Client:KG/COM/2/Clinic\r\nX-Diagnosis:diagnosis-of-Aigul\r\n"
    b"x-road-id:q1\r\n"
)
RESPONSE = (
    b"200\r\nOK\r\nX-Diagnosis:diagnosis-of-Aigul\r\nx-road-id:q1\r\n"
    b"x-road-client:KG/COM/2/Clinic\r\nx-road-service:KG/GOV/1/Patients/find\r\n"
    b"x-road-request-hash:aGFzaA==\r\n"
)
SOAP = b"""<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:i="http://x-road.eu/xsd/identifiers">
<e:Header>
<x:client i:objectType="SUBSYSTEM"><i:xRoadInstance>KG</i:xRoadInstance>
<i:memberClass>COM</i:memberClass><i:memberCode>2</i:memberCode>
<i:subsystemCode>Clinic</i:subsystemCode></x:client>
<x:service i:objectType="SERVICE"><i:xRoadInstance>KG</i:xRoadInstance>
<i:memberClass>GOV</i:memberClass><i:memberCode>1</i:memberCode>
<i:subsystemCode>Patients</i:subsystemCode><i:serviceCode>find</i:serviceCode></x:service>
<x:id>q1</x:id><x:protocolVersion>4.0</x:protocolVersion>
<own xmlns="urn:own">diagnosis-of-Aigul</own>
</e:Header><e:Body><find xmlns="urn:own">diagnosis-of-Aigul</find></e:Body></e:Envelope>"""


def record(world: World, message: bytes, **changes: object) -> LogRecord:
    service = ServiceId("KG", "GOV", "1", "Patients", "find")
    made = world.record("q1", message=message, client_id=CLIENT, service_id=service)
    return made._replace(**changes)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("logging", "logged_here", "logged_there"),
    [
        (BodyLogging(), True, True),
        (BodyLogging(enabled=False), False, False),
        (BodyLogging(local=frozenset({PATIENTS})), False, True),
        (BodyLogging(remote=frozenset({PATIENTS})), True, False),
        (BodyLogging(enabled=False, local=frozenset({PATIENTS})), True, False),
        (BodyLogging(local=frozenset({SCHOOLS, CLIENT})), True, True),
        (BodyLogging(local=frozenset({PATIENTS.member})), True, True),
    ],
)
def test_a_message_goes_by_the_service_that_it_names(
    tmp_path: Path, logging: BodyLogging, *, logged_here: bool, logged_there: bool
):
    world = World(None, None)  # type: ignore[arg-type]  # nothing is written
    message = record(world, REQUEST)
    assert logging.logs(message._replace(client_side=False)) is logged_here
    assert logging.logs(message._replace(client_side=True)) is logged_there


async def test_without_bodies_only_who_asked_whom_is_logged(
    database: Database, tmp_path: Path
):
    world = make_world(database, tmp_path, body_logging=BodyLogging(enabled=False))
    large = await spooled(world.policy.bodies, DIAGNOSIS * MEMORY_LIMIT)
    answer = {"direction": Direction.RESPONSE}
    async with world.log() as log:
        await log.write(record(world, REQUEST, body=Spool.of(DIAGNOSIS)))
        await log.write(record(world, RESPONSE, body=large, **answer))
        await log.write(record(world, SOAP, attachments=(Spool.of(DIAGNOSIS),)))
        latin = SOAP.replace(b"UTF-8", b"x").replace(b"Aigul", b"Aig\xfcl")
        await log.write(record(world, latin, **answer))
    large.discard()

    request, response, envelope, unreadable = world.stored()
    assert request.message == (
        b"POST\r\n/r1/KG/GOV/1/Patients/find\r\n"
        b"X-Road-Client:KG/COM/2/Clinic\r\nx-road-id:q1\r\n"
    )
    assert response.message.startswith(b"200\r\nOK\r\nx-road-id:q1\r\n")
    assert b"<x" in envelope.message or b"client" in envelope.message
    assert b"findResponse" in unreadable.message
    for stored in world.stored():
        assert b"diagnosis" not in stored.message
        assert stored.attachments == ()
        assert stored.signature, "who signed stays"
        write_container(stored.parts(world.policy.bodies), time=stored.time)
    assert world.files() == []


@pytest.mark.parametrize("cipher", [None, LogCipher([LogKey.new()])])
async def test_the_beginning_of_a_large_body_is_logged(
    database: Database, tmp_path: Path, cipher: LogCipher | None
):
    world = make_world(
        database,
        tmp_path,
        max_body_bytes=MEMORY_LIMIT + 5,
        large_bodies=LargeBodies.TRUNCATE,
        cipher=cipher,
    )
    whole = bytes(range(256)) * (2 * MEMORY_LIMIT // 256)
    large = await spooled(world.policy.bodies, whole)
    fits = await spooled(world.policy.bodies, whole[: MEMORY_LIMIT + 5])
    async with world.log() as log:
        for body in (large, fits):
            await log.write(world.record(body=body))
            body.discard()
        world.clock.forward(seconds=1)
        small = replace(world.policy, max_body_bytes=3)
        async with replace(world, policy=small).log() as strict:
            await strict.write(world.record(body=Spool.of(b"abcdef")))
        world.clock.forward(seconds=1)
        none = replace(world.policy, max_body_bytes=0)
        async with replace(world, policy=none).log() as strict:
            await strict.write(world.record(body=Spool.of(b"abcdef")))

    found = []
    for stored in world.stored():
        parts = stored.parts(world.policy.bodies, cipher)
        container = read_container(write_container(parts, time=stored.time))
        bodies = [b"".join(each.chunks()) for each in container.attachments]
        found.append(bodies)
        (row,) = stored.attachments
        assert (
            row.digest == hashlib.sha512(DATA.get(row.size, whole)[: row.size]).digest()
        )
    assert found == [
        [whole[: MEMORY_LIMIT + 5]],
        [whole[: MEMORY_LIMIT + 5]],
        [b"abc"],
        [],
    ]


DATA = {6: b"abcdef"}


async def test_a_large_body_is_refused_where_that_is_wanted(
    database: Database, tmp_path: Path
):
    world = make_world(
        database, tmp_path, max_body_bytes=3, large_bodies=LargeBodies.REFUSE
    )
    async with world.log() as log:
        with raises("logging_failed"):
            await log.write(world.record(body=Spool.of(b"abcd")))
