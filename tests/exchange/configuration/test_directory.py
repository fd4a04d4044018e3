"""The configuration on disk, and the snapshot of it that a process serves."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from kerege.exchange.configuration import (
    LocalConfiguration,
    Readiness,
    directory as directory_module,
    load_directory,
    readiness,
)
from kerege.exchange.configuration.directory import (
    delete_other_files,
    delete_other_instances,
    read_files,
    read_instance,
    save,
    save_if_changed,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import PartMetadata
from tests.xroad.globalconf import central
from tests.xroad.globalconf.central import NOW

LATER = NOW + timedelta(minutes=10)


def write(path: Path, instance: str = "KG", **changes: bytes) -> None:
    metadata = PartMetadata(LATER, 6).to_json()
    files = {
        "instance-identifier": b"KG",
        f"{instance}/shared-params.xml": central.shared_parameters(instance).to_xml(),
        f"{instance}/shared-params.xml.metadata": metadata,
        f"{instance}/private-params.xml": central.private_parameters(instance).to_xml(),
        f"{instance}/private-params.xml.metadata": metadata,
    }
    for name, content in (files | changes).items():
        save(path / name, content)


def test_a_directory_is_loaded(tmp_path: Path) -> None:
    write(tmp_path)
    conf = load_directory(tmp_path, at=NOW)
    conf.require_current(NOW)
    assert readiness(tmp_path) is Readiness.READY_TO_INIT


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(XRoadError) as refused:
        load_directory(tmp_path / "nowhere")
    assert refused.value.code == "malformed_global_conf"


def test_hidden_and_unfinished_files_are_not_read(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / ".lock").write_text("x")
    (tmp_path / "KG" / ".shared-params.xml.abc").write_text("half")
    assert not any(name.split("/")[-1][0] == "." for name in read_files(tmp_path))
    assert ".shared-params.xml.abc" not in read_instance(tmp_path / "KG")


def test_too_many_and_too_large_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    monkeypatch.setattr(directory_module, "MAX_FILES", 3)
    with pytest.raises(XRoadError) as refused:
        read_files(tmp_path)
    assert refused.value.code == "malformed_global_conf"
    monkeypatch.setattr(directory_module, "MAX_FILES", 100)
    monkeypatch.setattr(directory_module, "MAX_XML_BYTES", 100)
    with pytest.raises(XRoadError) as refused:
        read_files(tmp_path)
    assert refused.value.code == "malformed_global_conf"


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a" / "b"
    save(file, b"old")
    assert file.stat().st_mode & 0o777 == 0o644

    def fail(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        save(file, b"new")
    assert file.read_bytes() == b"old"
    assert [path.name for path in file.parent.iterdir()] == ["b"]


def test_a_file_that_says_the_same_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    save_if_changed(file, b"one")
    before = file.stat()
    save_if_changed(file, b"one")
    assert file.stat().st_ino == before.st_ino
    save_if_changed(file, b"two")
    assert file.read_bytes() == b"two"


def test_other_instances_are_deleted_and_files_left(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "K Z")
    assert (tmp_path / "K+Z").is_dir() is False
    save(tmp_path / "K+Z" / "shared-params.xml", b"x")
    delete_other_instances(tmp_path, {"KG", "K Z"})
    assert {path.name for path in tmp_path.iterdir()} == {
        "KG",
        "K+Z",
        "instance-identifier",
    }


def test_what_somebody_else_keeps_in_the_same_folder_is_left_alone(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    others = {
        tmp_path / ".ssh" / "id_ed25519",
        tmp_path / "Documents" / "work" / "thesis.txt",
        tmp_path / "KG" / "notes" / "thesis.txt",
        tmp_path / "backup" / "shared-params.xml",
        tmp_path / "backup" / "older" / "shared-params.xml",
    }
    for other in others:
        save(other, b"work of years")
    save(tmp_path / "KZ" / "shared-params.xml", b"a partner that left")
    (tmp_path / "link").symlink_to(tmp_path / "KG")

    delete_other_instances(tmp_path, {"KG"})
    delete_other_files(tmp_path / "KG", {"shared-params.xml"})

    assert all(other.read_bytes() == b"work of years" for other in others)
    assert not (tmp_path / "KZ").exists()
    assert (tmp_path / "link").is_symlink()


def local(path: Path) -> LocalConfiguration:
    return LocalConfiguration(path, clock=lambda: NOW)


async def test_a_process_serves_what_another_one_downloads(tmp_path: Path) -> None:
    configuration = local(tmp_path)
    assert not configuration.is_loaded
    with pytest.raises(XRoadError) as refused:
        configuration.current()
    assert refused.value.code == "global_conf_outdated"
    write(tmp_path)
    await configuration.reload()
    first = configuration.current()
    await configuration.reload()
    assert configuration.current() is not first
    assert configuration.current().expires == LATER
    assert configuration.shared_parameters("KG") is not None
    assert configuration.shared_parameters("KZ") is None


async def test_a_broken_disk_does_not_take_the_snapshot_away(tmp_path: Path) -> None:
    write(tmp_path)
    configuration = local(tmp_path)
    configuration.load()
    good = configuration.current()
    save(tmp_path / "KG" / "shared-params.xml", b"broken")
    with structlog.testing.capture_logs() as logs:
        await configuration.reload()
    assert configuration.current() is good
    assert [log["event"] for log in logs] == ["configuration_part_left_out"]
    (tmp_path / "instance-identifier").unlink()
    with pytest.raises(XRoadError):
        await configuration.reload()
    assert configuration.current() is good


async def test_it_reloads_until_it_is_cancelled(tmp_path: Path) -> None:
    configuration = local(tmp_path)
    rounds: asyncio.Queue[bool] = asyncio.Queue()
    reload = configuration.reload

    async def observed() -> None:
        try:
            await reload()
        finally:
            rounds.put_nowait(configuration.is_loaded)

    configuration.reload = observed
    with structlog.testing.capture_logs():
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            task = group.create_task(configuration.run(interval_seconds=0))
            assert not await rounds.get()
            write(tmp_path)
            while not await rounds.get():
                pass
            task.cancel()
    configuration.current().require_current(NOW)


def test_a_directory_says_why_it_cannot_be_loaded(tmp_path: Path) -> None:
    assert readiness(tmp_path) is Readiness.FAILURE_MALFORMED
    (tmp_path / "KG").mkdir()
    assert readiness(tmp_path) is Readiness.FAILURE_MISSING_INSTANCE_IDENTIFIER
    save(tmp_path / "instance-identifier", b"KG")
    file = tmp_path / "instance-identifier"
    assert readiness(file) is Readiness.FAILURE_CONFIGURATION_ERROR
    assert readiness(tmp_path) is Readiness.READY_TO_INIT


def test_an_unpacked_verification_configuration_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "verificationconf"
    save(folder / "instance-identifier", b"KG")
    shared = central.shared_parameters().to_xml(version=4)
    save(folder / "KG" / "shared-params.xml", shared)
    metadata = b'{"configurationVersion":"4"}'
    save(folder / "KG" / "shared-params.xml.metadata", metadata)
    for path in (tmp_path, folder):
        conf = load_directory(path)
        assert conf.version == 4
        assert conf.trust("KG").authorities[0].name == "CA"
