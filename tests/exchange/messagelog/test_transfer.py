"""Archives leave for another folder: whole, once, and none is lost on the way."""

import fcntl
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kerege.exchange.messagelog import ArchiveJob, Archiver, transfer
from kerege.exchange.messagelog.archive_chains import ArchiveChains
from kerege.exchange.messagelog.transfer import move_archives, run_command
from kerege.exchange.storage import Database
from kerege.xroad.faults import XRoadError
from tests.exchange.messagelog.world import World, make_world, raises

FIRST, SECOND = "mlog-1-2-aa.zip", "mlog-KG_GOV_1-1-2-bb.zip.gpg"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / FIRST).write_bytes(b"first")
    (folder / SECOND).write_bytes(b"second")
    for other in ("tmp-mlog-x.tmp", "notes.zip"):
        (folder / other).write_bytes(b"stays")
    return folder


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_archives_are_moved_and_nothing_else(here: Path, there: Path):
    assert move_archives(here, there) == 2
    assert names(there) == [FIRST, SECOND]
    assert (there / SECOND).read_bytes() == b"second"
    assert (there / FIRST).stat().st_mode & 0o777 == 0o600
    assert names(here) == ["notes.zip", "tmp-mlog-x.tmp"]
    assert move_archives(here, there) == 0


def test_nobody_reads_a_copy_in_the_making(here: Path, there: Path, monkeypatch):
    """In a folder of many, somebody has made the copy's file before us and waits."""
    part = there / f".{FIRST}{transfer.PART_SUFFIX}"
    part.touch(0o666)
    seen = []
    copy = shutil.copyfileobj

    def watched(source, target, size):
        seen.append(os.fstat(target.fileno()).st_mode & 0o777)
        copy(source, target, size)

    monkeypatch.setattr(transfer.shutil, "copyfileobj", watched)
    monkeypatch.setattr(Path, "chmod", None)
    before = os.umask(0)
    try:
        with part.open("rb") as waiting:
            assert move_archives(here, there) == 2
            assert waiting.read() == b""
    finally:
        os.umask(before)
    assert seen == [0o600, 0o600]


def test_a_copy_follows_no_link(here: Path, there: Path, tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"of somebody else")
    (there / f".{FIRST}{transfer.PART_SUFFIX}").symlink_to(victim)
    assert move_archives(here, there) == 2
    assert victim.read_bytes() == b"of somebody else"
    assert not (there / FIRST).is_symlink()


def test_copies_leave_the_archives_here(here: Path, there: Path):
    assert move_archives(here, there, keep=True) == 2
    assert move_archives(here, there, keep=True) == 0
    assert {FIRST, SECOND} <= set(names(here))


def test_an_archive_in_the_making_is_left_alone(here: Path, there: Path):
    assert move_archives(here, there, unfinished={FIRST}) == 1
    assert names(there) == [SECOND]


def test_what_a_crash_left_half_way_is_finished(here: Path, there: Path):
    (there / f".{FIRST}.part").write_bytes(b"fi")
    shutil.copy(here / SECOND, there / SECOND)  # named there, not yet removed here
    assert move_archives(here, there) == 1
    assert names(there) == [FIRST, SECOND]
    assert (there / FIRST).read_bytes() == b"first"


@pytest.mark.parametrize("content", [b"other", b"longer than it"])
def test_another_archive_of_that_name_is_never_overwritten(
    here: Path, there: Path, content: bytes
):
    (there / SECOND).write_bytes(content)
    with raises("io_error"):
        move_archives(here, there)
    assert (there / SECOND).read_bytes() == content
    assert (here / SECOND).read_bytes() == b"second"
    assert (there / FIRST).read_bytes() == b"first", "those before it are moved"


def test_a_full_disk_loses_nothing(
    here: Path, there: Path, monkeypatch: pytest.MonkeyPatch
):
    real: Callable[[int], None] = os.fsync

    def full(handle: int) -> None:
        if b"second" in Path(f"/proc/self/fd/{handle}").read_bytes():
            raise OSError(28, "No space left on device")
        real(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda h: real(h) if is_folder(h) else full(h))
        with raises("io_error"):
            move_archives(here, there)
    assert names(there) == [FIRST]
    assert (here / SECOND).exists()
    assert move_archives(here, there) == 1


def is_folder(handle: int) -> bool:
    return Path(f"/proc/self/fd/{handle}").is_dir()


def test_a_folder_that_is_not_there_is_not_made(here: Path, tmp_path: Path):
    with raises("io_error"):
        move_archives(here, tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    assert (here / FIRST).exists()


def test_two_transfers_do_not_work_at_once(here: Path, there: Path):
    descriptor = os.open(here, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with raises("action_not_possible"):
            move_archives(here, there)
    finally:
        os.close(descriptor)
    assert move_archives(here, there) == 2


def test_a_command_works_in_the_folder_and_says_why_it_fails(here: Path, there: Path):
    run_command(f"/bin/cp {FIRST} {there}", here)
    assert names(there) == [FIRST]
    script = "import os,sys; sys.exit(os.environ['KEREGE_ARCHIVE_DIRECTORY'])"
    with pytest.raises(XRoadError) as caught:
        run_command(f'{sys.executable} -c "{script}"', here)
    assert caught.value.code == "io_error"
    assert "ended with 1" in caught.value.message
    assert caught.value.advice == f"It said: {here}"
    with raises("io_error"):
        run_command("no-such-program", here)


def test_a_command_that_does_not_end_is_ended(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transfer, "MAX_COMMAND_SECONDS", 0.1)
    with pytest.raises(XRoadError, match="did not end"):
        run_command("sleep 600", here)


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path, there: Path) -> World:
    return make_world(sqlite_database, tmp_path, transfer_to=there)


async def stamped(world: World, name: str) -> None:
    async with world.log() as log:
        await log.write(world.record(name))
        await log.job.run_once()


def unmount(folder: Path) -> None:
    folder.rename(folder.with_name("unmounted"))


def mount(folder: Path) -> None:
    folder.with_name("unmounted").rename(folder)


async def test_the_job_moves_what_it_archived_and_goes_on_when_it_cannot(
    world: World, there: Path
):
    archiver = Archiver(world.database, world.policy, clock=world.clock)
    job = ArchiveJob(archiver, world.policy)
    await stamped(world, "q1")
    unmount(there)
    with capture_logs() as logs:
        assert await job.run_once() == (1, 0)
    assert "archives not transferred" in [entry["event"] for entry in logs]
    assert len(names(world.policy.archive)) == 1

    mount(there)
    await stamped(world, "q2")
    assert await job.run_once() == (1, 0)
    assert names(world.policy.archive) == []
    assert len(names(there)) == 2
    ((group, end),) = archiver.ends()
    assert group == ""
    assert end.file_name in names(there)


async def test_an_announced_archive_is_not_moved_while_it_may_be_withdrawn(
    world: World, there: Path, monkeypatch: pytest.MonkeyPatch
):
    await stamped(world, "q1")
    archiver = Archiver(world.database, world.policy, clock=world.clock)

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ArchiveChains, "mark", killed)
        with pytest.raises(KeyboardInterrupt):
            archiver.archive()
    assert len(names(world.policy.archive)) == 1
    assert archiver.transfer() == 0
    assert archiver.archive() == 1
    assert archiver.transfer() == 1


async def test_a_command_is_run_only_if_there_are_archives(world: World, there: Path):
    policy = replace(
        world.policy, transfer_to=None, transfer_command=f"touch {there}/ran"
    )
    archiver = Archiver(world.database, policy, clock=world.clock)
    archiver.transfer()
    assert names(there) == []
    await stamped(world, "q1")
    archiver.archive()
    archiver.transfer()
    assert names(there) == ["ran"]
