"""Containers are downloaded from the client port."""

import io
import zipfile
from pathlib import Path

import pytest

from kerege.exchange.messagelog import (
    AsicRequest,
    Direction,
    Download,
    InstanceConfiguration,
    MessageLog,
    asic_download,
    download_status,
    downloads,
    verification_configuration,
)
from kerege.exchange.spool import MEMORY_LIMIT, Spool
from kerege.exchange.storage import Database
from kerege.xroad.asic import read_container
from kerege.xroad.faults import XRoadError
from tests.exchange.messagelog.authority import tsa_down
from tests.exchange.messagelog.world import World, make_world, raises, spooled

WHO = {
    "xRoadInstance": "TEST",
    "memberClass": "COM",
    "memberCode": "1234",
    "subsystemCode": "Client",
    "queryId": "q1",
}


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


async def exchange(world: World, log: MessageLog, *, stamp: bool = True) -> None:
    """Log a request and its response."""
    for direction in Direction:
        await log.write(world.record("q1", direction, body=Spool.of(b"body")))
        world.clock.forward(seconds=1)
    if stamp:
        await log.job.run_once()


async def ask(log: MessageLog, *flags: str, **who: str) -> Download:
    parameters = WHO | who | dict.fromkeys(flags, "")
    return await asic_download(log, AsicRequest.from_parameters(parameters))


async def content(download: Download) -> bytes:
    return b"".join([chunk async for chunk in download.chunks()])


async def test_without_flags_both_directions_come_in_one_zip(world: World):
    async with world.log() as log:
        await exchange(world, log)
        download = await ask(log)
        data = await content(download)

    assert download.media_type == "application/zip"
    assert download.disposition == 'attachment; filename="q1.zip"'
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        request, response = archive.namelist()
        assert request.startswith("q1-request-")
        assert response.startswith("q1-response-")
        for name in (request, response):
            assert len(read_container(archive.read(name)).attachments) == 1


@pytest.mark.parametrize("direction", ["request", "response"])
async def test_one_direction_is_named_in_the_file(world: World, direction: str):
    async with world.log() as log:
        await exchange(world, log)
        download = await ask(log, f"{direction}Only")
        data = await content(download)

    assert download.file_name == f"q1-{direction}.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (name,) = archive.namelist()
    assert name.startswith(f"q1-{direction}-")


async def test_unique_gives_the_container_itself(world: World):
    async with world.log() as log:
        await exchange(world, log)
        download = await ask(log, "unique", "requestOnly")
        data = await content(download)

    assert download.media_type == "application/vnd.etsi.asic-e+zip"
    assert download.file_name.startswith("q1-request-")
    assert download.file_name.endswith(".asice")
    assert read_container(data).message == world.stored()[0].message


async def test_unique_gives_the_oldest_of_several(world: World):
    async with world.log() as log:
        await exchange(world, log)
        await exchange(world, log)
        download = await ask(log, "unique", "requestOnly")
        await content(download)

    assert download.file_name == world.stored()[0].container_name


async def test_large_bodies_are_read_on_the_way(world: World):
    body = bytes(range(256)) * (MEMORY_LIMIT // 256 + 1)
    spool = await spooled(world.policy.bodies, body)
    async with world.log() as log:
        await log.write(world.record("q1", body=spool))
        await log.job.run_once()
        chunks = [c async for c in (await ask(log, "unique", "requestOnly")).chunks()]

    (attachment,) = read_container(b"".join(chunks)).attachments
    assert b"".join(attachment.chunks()) == body


async def test_nothing_found_is_404(world: World):
    async with world.log() as log:
        await exchange(world, log)
        for other in (
            {"queryId": "q2"},
            {"subsystemCode": "Other"},
            {"xRoadInstance": "OTHER"},
            {"memberClass": "GOV"},
            {"memberCode": "5678"},
            {"subsystemCode": ""},
        ):
            with pytest.raises(XRoadError) as caught:
                await ask(log, **other)
            assert download_status(caught.value) == 404


async def test_what_is_not_time_stamped_is_500_unless_forced(world: World):
    async with world.log() as log:
        await exchange(world, log, stamp=False)
        with pytest.raises(XRoadError) as caught:
            await ask(log)
        assert download_status(caught.value) == 500
        assert "not been timestamped" in caught.value.message

        data = await content(await ask(log, "force"))

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == 2
    assert all(stored.timestamp for stored in world.stored())


async def test_forcing_fails_when_the_authority_does(world: World):
    async with world.log() as log:
        await exchange(world, log, stamp=False)
        world.timestamper.failing = tsa_down()
        with raises("timestamping_failed"):
            await ask(log, "force")


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"xRoadInstance": ""}, "xRoadInstance"),
        ({"memberClass": ""}, "memberClass"),
        ({"memberCode": ""}, "memberCode"),
        ({"queryId": ""}, "queryId"),
        ({"requestOnly": "", "responseOnly": ""}, "same time"),
        ({"unique": ""}, "not applicable"),
    ],
)
def test_parameters_that_make_no_sense_are_400(parameters: dict[str, str], says: str):
    with pytest.raises(XRoadError) as caught:
        AsicRequest.from_parameters(WHO | parameters)
    assert download_status(caught.value) == 400
    assert says in caught.value.message


def test_a_member_needs_no_subsystem():
    parameters = {k: v for k, v in WHO.items() if k != "subsystemCode"}
    assert AsicRequest.from_parameters(parameters).party.subsystem_code is None


async def test_too_many_messages_with_one_id_are_400(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(downloads, "MAX_CONTAINERS", 1)
    async with world.log() as log:
        await exchange(world, log)
        with raises("bad_request"):
            await ask(log)


async def test_a_record_that_is_cleaned_away_in_between_is_404(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    async with world.log() as log:
        await exchange(world, log)
        monkeypatch.setattr(downloads, "load", lambda *_arguments: [])
        with raises("not_found"):
            await ask(log, "unique", "requestOnly")


async def test_a_query_id_with_odd_characters_makes_a_safe_file_name(world: World):
    odd = 'ң/../"q"\r\n'
    async with world.log() as log:
        await log.write(world.record(odd))
        await log.job.run_once()
        download = await ask(log, queryId=odd)
        await content(download)

    assert download.file_name == "%D2%A3%2F..%2F%22q%22%0D%0A.zip"


async def test_the_verification_configuration_has_every_instance():
    from tests.exchange.messagelog.authority import NOON

    download = verification_configuration(
        "ONE",
        [
            InstanceConfiguration("ONE", b"<one/>", "6"),
            InstanceConfiguration("TWO", b"<two/>", "3"),
        ],
        time=NOON,
    )
    data = await content(download)

    assert download.file_name == "verificationconf.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    assert entries == {
        "verificationconf/ONE/shared-params.xml": b"<one/>",
        "verificationconf/ONE/shared-params.xml.metadata": (
            b'{"configurationVersion":"6"}'
        ),
        "verificationconf/TWO/shared-params.xml": b"<two/>",
        "verificationconf/TWO/shared-params.xml.metadata": (
            b'{"configurationVersion":"3"}'
        ),
        "verificationconf/instance-identifier": b"ONE",
    }
