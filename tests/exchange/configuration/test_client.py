"""The configuration client against central servers that do what they want."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog

from kerege.exchange.configuration import (
    ConfigurationClient,
    ConfigurationSettings,
    ConfigurationStatus,
    load_directory,
    read_anchor_file,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import Anchor, PartMetadata
from kerege.xroad.globalconf.sources import VersionRange
from kerege.xroad.globalconf.values import ConfigurationSource
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import certificate_der
from tests.exchange.configuration.world import KZ_URL, World
from tests.xroad.certificates.pki import issue
from tests.xroad.globalconf.central import (
    NOW,
    CentralServer,
    shared_parameters,
)


async def test_the_first_round_gives_a_configuration(tmp_path: Path) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor)
    with pytest.raises(XRoadError) as refused:
        world.client.current()
    assert refused.value.code == "global_conf_outdated"
    world.serve(central)
    await world.client.update()
    conf = world.client.current()
    conf.require_current(NOW)
    assert conf.is_member(ClientId("KG", "GOV", "1", "system"))
    assert world.files == ("KG/private-params.xml", "KG/shared-params.xml")
    assert (world.folder / "instance-identifier").read_text() == "KG"
    metadata = PartMetadata.from_json(
        (world.folder / "KG" / "shared-params.xml.metadata").read_bytes()
    )
    assert metadata.version == 6
    assert metadata.expires == NOW + timedelta(seconds=600)
    assert load_directory(world.folder, at=NOW).expires == conf.expires
    status = world.client.status
    assert status.last_success == status.last_attempt == NOW
    assert status.source_url == "http://cs.example/internalconf?version=6"


async def test_older_central_servers_are_asked_down_to_their_version(
    tmp_path: Path,
) -> None:
    central = CentralServer(version=3)
    world = World(tmp_path, central.anchor)
    world.serve(central)
    await world.client.update()
    assert world.client.current().version == 3
    asked = [url for url in world.network.asked if url.startswith("http:")]
    assert [url.rpartition("=")[2] for url in asked[:4]] == ["6", "5", "4", "3"]


async def test_the_oldest_version_is_taken_without_asking_twice(tmp_path: Path) -> None:
    central = CentralServer(version=2)
    world = World(tmp_path, central.anchor)
    world.serve(central)
    await world.client.update()
    assert world.client.current().version == 2
    asked = [url for url in world.network.asked if "version=" in url]
    assert asked.count("http://cs.example/internalconf?version=2") == 1


async def test_what_has_not_changed_is_not_fetched_again(tmp_path: Path) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor)
    world.serve(central)
    await world.client.update()
    before = (world.folder / "KG" / "shared-params.xml").stat().st_mtime_ns
    world.network.asked.clear()
    world.now += timedelta(seconds=60)
    central.generated_at = world.now
    world.serve(central)
    await world.client.update()
    assert world.network.asked == ["http://cs.example/internalconf?version=6"]
    assert (world.folder / "KG" / "shared-params.xml").stat().st_mtime_ns == before
    assert world.client.current().expires == world.now + timedelta(seconds=600)


async def test_a_change_reaches_the_next_snapshot_and_not_the_old_one(
    tmp_path: Path,
) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor)
    world.serve(central)
    await world.client.update()
    old = world.client.current()
    assert central.shared is not None
    central.shared = replace(central.shared, global_groups=())
    world.serve(central)
    await world.client.update()
    assert old.global_groups("KG")
    assert not world.client.current().global_groups("KG")


async def test_a_part_that_is_no_longer_distributed_is_deleted(tmp_path: Path) -> None:
    part = (
        b'<c:conf xmlns:c="http://x-road.eu/xsd/xroad.xsd">'
        b"<ocspFetchInterval>90</ocspFetchInterval></c:conf>"
    )
    central = CentralServer(extra={"FETCHINTERVAL": ("fetchinterval-params.xml", part)})
    world = World(tmp_path, central.anchor)
    world.serve(central)
    await world.client.update()
    assert world.client.current().extensions.ocsp_fetch_interval_seconds == 90
    assert "KG/fetchinterval-params.xml" in world.files
    stray = world.folder / "KG" / "left-behind"
    stray.write_text("x")
    central.extra.clear()
    world.serve(central)
    await world.client.update()
    assert world.client.current().extensions.ocsp_fetch_interval_seconds == 1200
    assert world.files == ("KG/private-params.xml", "KG/shared-params.xml")
    names = {path.name for path in (world.folder / "KG").iterdir()}
    assert not any("fetchinterval" in name for name in names)
    assert not stray.exists()


async def test_when_nobody_answers_the_last_good_configuration_is_served(
    tmp_path: Path,
) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor)
    world.serve(central)
    await world.client.update()
    world.serve()
    error = await world.refused()
    assert error.code == "global_conf_get_version_failed"
    assert "cs.example" in error.message
    conf = world.client.current()
    conf.require_current(NOW)
    with pytest.raises(XRoadError) as refused:
        conf.require_current(NOW + timedelta(seconds=601))
    assert refused.value.code == "global_conf_outdated"
    assert [url for url, _ in world.client.status.failures] == [
        "http://cs.example/internalconf",
        "https://cs.example/internalconf",
    ]
    assert world.client.status.last_success == NOW


async def test_a_server_that_starts_again_serves_what_is_on_disk(
    tmp_path: Path,
) -> None:
    central = CentralServer()
    first = World(tmp_path, central.anchor)
    first.serve(central)
    await first.client.update()
    second = World(tmp_path, central.anchor)
    second.client.load()
    second.client.current().require_current(NOW)
    await second.refused()
    second.client.current().require_current(NOW)


async def test_a_first_start_warns_of_nothing_and_a_damaged_folder_is_told(
    tmp_path: Path,
) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor)
    world.serve(central)
    with structlog.testing.capture_logs() as logs:
        await world.client.update()
    assert {line["log_level"] for line in logs} <= {"debug"}
    again = World(tmp_path, central.anchor)
    again.serve(central)
    (again.folder / "KG" / "shared-params.xml").write_bytes(b"<conf")
    (again.folder / "KG" / "private-params.xml").unlink()
    (again.folder / "instance-identifier").write_bytes(b"\xff")
    with structlog.testing.capture_logs() as logs:
        await again.client.update()
    assert logs[0]["event"] == "configuration_on_disk_not_usable"
    assert logs[0]["log_level"] == "warning"


async def test_without_anything_on_disk_loading_says_so(tmp_path: Path) -> None:
    world = World(tmp_path, CentralServer().anchor)
    with pytest.raises(XRoadError) as refused:
        world.client.load()
    assert refused.value.code == "malformed_global_conf"


async def test_an_expired_configuration_is_not_taken(tmp_path: Path) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor)
    world.serve(central)
    world.now = NOW + timedelta(seconds=601)
    assert (await world.refused()).code == "global_conf_outdated"
    assert not world.folder.exists()


async def test_a_part_with_another_hash_is_not_taken(tmp_path: Path) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor)
    world.serve(central)
    for url, answer in world.network.answers.items():
        if url.endswith("shared-params.xml") and isinstance(answer, bytes):
            world.network.answers[url] = answer.replace(b"SS1", b"SS9")
    error = await world.refused()
    assert error.code == "global_conf_part_downloaded_file_integrity_failure"
    assert not world.folder.exists()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (500, "global_conf_part_download_failure"),
        (404, "global_conf_part_download_failure"),
        (None, "global_conf_part_download_failure"),
    ],
)
async def test_a_part_that_cannot_be_had_fails_the_whole_location(
    answer: int | None, code: str, tmp_path: Path
) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor)
    world.serve(central)
    (private,) = (u for u in world.network.answers if u.endswith("private-params.xml"))
    if answer is None:
        del world.network.answers[private]
    else:
        world.network.answers[private] = answer
    assert (await world.refused()).code == code
    assert not world.folder.exists()


async def test_a_directory_that_is_an_error_page_fails(tmp_path: Path) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor, versions=VersionRange(fixed=6))
    world.network.answers = {"http://cs.example/internalconf?version=6": 503}
    error = await world.refused()
    assert error.code == "global_conf_download_url_connection_failure"
    assert "503" in error.message


async def test_signed_parameters_that_cannot_be_used_are_not_taken(
    tmp_path: Path,
) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor)
    world.serve(central)
    await world.client.update()
    central.shared = shared_parameters("KZ")
    world.serve(central)
    error = await world.refused()
    assert error.code == "global_conf_part_invalid_instance_identifier"
    assert world.client.current().instances == ("KG",)


async def test_a_location_that_does_not_work_is_passed_over_and_forgotten(
    tmp_path: Path,
) -> None:
    spare = CentralServer(url="http://spare.example/internalconf")
    main = CentralServer(key=spare.key)
    anchor = Anchor("KG", (*main.anchor.sources, *spare.anchor.sources))
    world = World(tmp_path, anchor)
    world.serve(spare)
    await world.client.update()
    assert "spare.example" in world.client.status.source_url
    world.network.asked.clear()
    await world.client.update()
    assert world.network.asked == ["http://spare.example/internalconf?version=6"]
    world.serve(main)
    await world.client.update()
    assert world.client.status.source_url.startswith("http://cs.example/")
    assert world.client.status.failures[0][0] == ("http://spare.example/internalconf")


async def test_a_new_signing_key_needs_no_new_anchor(tmp_path: Path) -> None:
    new_key = issue("CN=new signing key")
    central = CentralServer()
    source = ConfigurationSource(
        "cs.example",
        (
            certificate_der(central.key.certificate),
            certificate_der(new_key.certificate),
        ),
    )
    central.shared = replace(shared_parameters(), sources=(source,))
    world = World(tmp_path, central.anchor)
    world.serve(central)
    await world.client.update()
    anchor_of_old_key = central.anchor
    central.key = new_key
    central.generated_at = NOW + timedelta(seconds=60)
    world.serve(central)
    await world.client.update()
    assert world.client.current().expires == NOW + timedelta(seconds=660)
    fresh = World(tmp_path / "other", anchor_of_old_key)
    fresh.serve(central)
    error = await fresh.refused()
    assert error.code == "global_conf_missing_verification_cert"
    assert "anchor" in error.advice


async def test_the_anchor_file_is_read_in_every_round(tmp_path: Path) -> None:
    central = CentralServer()
    file = tmp_path / "anchor.xml"
    world = World(tmp_path, file)
    world.serve(central)
    assert (await world.refused()).code == "anchor_file_not_found"
    file.write_bytes(b"<x/>")
    assert (await world.refused()).code == "malformed_anchor"
    file.write_bytes(central.anchor.to_xml())
    await world.client.update()
    assert world.client.current().instance == "KG"
    assert read_anchor_file(file) == central.anchor
    file.write_bytes(b" " * (1024 * 1024 + 1))
    assert (await world.refused()).code == "malformed_anchor"
    other = CentralServer("KZ", KZ_URL)
    file.write_bytes(other.anchor.to_xml())
    world.serve(other)
    await world.client.update()
    assert world.client.current().instance == "KZ"
    assert not (world.folder / "KG").exists()


async def test_a_disk_that_does_not_work_is_a_fault_and_not_a_crash(
    tmp_path: Path,
) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor)
    world.serve(central)
    world.folder.write_text("a file where the folder should be")
    assert (await world.refused()).code == "global_conf_part_file_save_failure"


async def test_it_goes_on_after_a_bad_round(tmp_path: Path) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor, update_interval_seconds=0)
    rounds: asyncio.Queue[ConfigurationStatus] = asyncio.Queue()
    update = world.client.update

    async def observed() -> None:
        try:
            await update()
        finally:
            rounds.put_nowait(world.client.status)

    world.client.update = observed
    with structlog.testing.capture_logs() as logs:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            task = group.create_task(world.client.run())
            assert (await rounds.get()).last_success is None
            world.serve(central)
            while (await rounds.get()).last_success is None:
                pass
            task.cancel()
    assert any(log["event"] == "configuration_not_updated" for log in logs)
    assert world.network.closed
    world.client.current().require_current(NOW)


async def test_two_rounds_at_once_are_done_one_after_the_other(tmp_path: Path) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor)
    world.serve(central)
    await asyncio.gather(world.client.update(), world.client.update())
    parts = [url for url in world.network.asked if url.endswith(".xml")]
    assert len(parts) == len(set(parts)) == 2


def test_the_clock_is_the_real_one_by_default(tmp_path: Path) -> None:
    client = ConfigurationClient(
        CentralServer().anchor, ConfigurationSettings(tmp_path)
    )
    assert isinstance(client._clock(), datetime)
    assert client._clock().tzinfo is not None


async def test_an_anchor_without_sources_is_told_apart(tmp_path: Path) -> None:
    world = World(tmp_path, Anchor("KG", ()))
    error = await world.refused()
    assert error.code == "global_conf_download_url_connection_failure"
    assert "no location" in error.message


async def test_a_location_of_a_part_that_is_no_address_is_a_failure(
    tmp_path: Path,
) -> None:
    central = CentralServer()
    world = World(tmp_path, central.anchor, versions=VersionRange(fixed=6))
    parts = tuple(replace(part, location="//[x/y.xml") for part in central.parts())
    directory = central.directory(parts[:1])
    world.network.answers = {"http://cs.example/internalconf?version=6": directory}
    assert (await world.refused()).code == "global_conf_part_download_failure"
