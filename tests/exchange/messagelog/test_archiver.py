"""Records become archives, archives follow each other, old records leave."""

import hashlib
import os
import stat
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from kerege.exchange.messagelog import (
    ArchiveJob,
    Archiver,
    MessageLog,
    archive_chains,
    archiver,
    bodies,
    cleaning,
)
from kerege.exchange.messagelog.archive_chains import ArchiveChains
from kerege.exchange.spool import MEMORY_LIMIT, Spool
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import archives, timestamps
from kerege.xroad.archive import read_archive, verify_archive
from kerege.xroad.asic import read_container
from kerege.xroad.faults import XRoadError
from tests.exchange.messagelog.world import World, make_world, raises, spooled


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def archiver_of(world: World, pause: Callable[[float], object] = id) -> Archiver:
    return Archiver(world.database, world.policy, clock=world.clock, pause=pause)


def archive_names(world: World) -> list[str]:
    return sorted(path.name for path in world.policy.archive.iterdir())


async def stamped(world: World, *names: str, **changes: object) -> None:
    """Log messages a second apart, and have them time-stamped."""
    async with world.log() as log:
        await write_and_stamp(world, log, *names, **changes)


async def write_and_stamp(
    world: World, log: MessageLog, *names: str, **changes: object
) -> None:
    for name in names:
        await log.write(world.record(name, **changes))
        world.clock.forward(seconds=1)
    await log.job.run_once()


def verify_chain(world: World) -> list[str]:
    """Verify all archives as one chain; return the names of their containers."""
    names: list[str] = []
    previous = ""
    for name in _in_chain_order(world):
        archive = read_archive((world.policy.archive / name).read_bytes())
        previous = verify_archive(archive, previous=previous)
        names += [container.name for container in archive.info.containers]
    with world.database.read() as connection:
        state = connection.execute(select(archives)).one()
    assert state.last_digest == previous
    assert state.pending_file is None
    return names


def _in_chain_order(world: World) -> list[str]:
    after = {}
    for name in archive_names(world):
        archive = read_archive((world.policy.archive / name).read_bytes())
        after[archive.info.previous.file_name] = name
    ordered: list[str] = []
    while following := after.get(ordered[-1] if ordered else ""):
        ordered.append(following)
    assert len(ordered) == len(after)
    return ordered


async def test_time_stamped_records_are_archived_and_others_wait(world: World):
    async with world.log() as log:
        await write_and_stamp(world, log, "q1", "q2")
        await log.write(world.record("unstamped"))

    assert archiver_of(world).archive() == 2

    names = verify_chain(world)
    assert [name.split("-")[0] for name in names] == ["q1", "q2"]
    assert {s.query_id: s.archived for s in world.stored()} == {
        "q1": True,
        "q2": True,
        "unstamped": False,
    }
    with world.database.read() as connection:
        assert connection.execute(select(timestamps.c.archived)).scalar() is True
    assert archiver_of(world).archive() == 0
    assert len(archive_names(world)) == 1


async def test_an_archive_has_the_reference_names_and_the_body_of_a_message(
    world: World,
):
    body = b"z" * (MEMORY_LIMIT + 1)
    spool = await spooled(world.policy.bodies, body)
    await stamped(world, "q1", body=spool)
    archiver_of(world).archive()

    (name,) = archive_names(world)
    assert name.startswith("mlog-20261124120000-20261124120000-")
    with zipfile.ZipFile(world.policy.archive / name) as archive:
        container, linking_info = archive.namelist()
        read = read_container(archive.read(container))
    assert stat.S_IMODE((world.policy.archive / name).stat().st_mode) == 0o600
    assert container.startswith("q1-request-")
    assert container.endswith(".asice")
    assert linking_info == "linkinginfo"
    assert read.message == world.stored()[0].message
    assert [a.digest(world.policy.digest) for a in read.attachments] == [
        hashlib.sha512(body).digest()
    ]


async def test_a_new_archive_starts_above_the_limit_and_each_links_to_the_last(
    database: Database, tmp_path: Path
):
    world = make_world(database, tmp_path, archive_max_bytes=1)
    await stamped(world, "q1", "q2", "q3")
    assert archiver_of(world).archive() == 3
    await stamped(world, "q4")
    assert archiver_of(world).archive() == 1

    assert len(archive_names(world)) == 4
    assert [n.split("-")[0] for n in verify_chain(world)] == ["q1", "q2", "q3", "q4"]


async def test_more_records_than_are_read_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(archiver, "PAGE", 2)
    monkeypatch.setattr(archiver, "IDS_AT_ONCE", 3)
    monkeypatch.setattr(archive_chains, "MARKED_AT_ONCE", 2)
    await stamped(world, *(f"q{i}" for i in range(7)))

    assert archiver_of(world).archive() == 7
    assert len(verify_chain(world)) == 7
    assert all(stored.archived for stored in world.stored())


async def test_a_crash_before_the_rename_leaves_a_file_that_the_next_run_removes(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    await stamped(world, "q1")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _killed)
        patch.setattr(Path, "unlink", lambda *_a, **_k: None)
        with raises("io_error"):
            archiver_of(world).archive()
    assert [n for n in archive_names(world) if n.startswith("tmp-")]

    assert archiver_of(world).archive() == 1
    assert len(archive_names(world)) == 1
    assert len(verify_chain(world)) == 1


async def test_a_crash_between_archive_and_database_puts_no_record_in_two_archives(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    await stamped(world, "q1")
    with monkeypatch.context() as patch:
        patch.setattr(ArchiveChains, "mark", _database_gone)
        with raises("database_error"):
            archiver_of(world).archive()
    assert len(archive_names(world)) == 1

    await stamped(world, "q2")
    assert archiver_of(world).archive() == 2
    assert len(archive_names(world)) == 1
    assert [name.split("-")[0] for name in verify_chain(world)] == ["q1", "q2"]


async def test_a_body_folder_that_is_not_there_stops_the_archiving(world: World):
    spool = await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1))
    await stamped(world, "q1", body=spool)
    elsewhere = world.policy.bodies.rename(world.policy.bodies.with_name("moved"))
    with raises("io_error"):
        archiver_of(world).archive()
    assert archive_names(world) == []

    elsewhere.rename(world.policy.bodies)
    assert archiver_of(world).archive() == 1
    (name,) = archive_names(world)
    archive = read_archive((world.policy.archive / name).read_bytes())
    container = b"".join(archive.chunks(archive.members[0]))
    assert [a.size for a in read_container(container).attachments] == [MEMORY_LIMIT + 1]


async def test_an_archive_is_on_stable_storage_before_it_has_its_name(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    steps: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(handle: int) -> None:
        steps.append("fsync " + Path(f"/proc/self/fd/{handle}").readlink().name[:4])
        real_fsync(handle)

    def rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return real_rename(path, target)

    def mark(self: ArchiveChains, *arguments: object) -> None:
        steps.append("commit")
        real_mark(self, *arguments)  # type: ignore[arg-type]  # passed on as they came

    await stamped(world, "q1")
    real_mark = ArchiveChains.mark
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(ArchiveChains, "mark", mark)
    archiver_of(world).archive()

    assert steps == ["fsync tmp-", "rename", "fsync arch", "commit"]


def _killed(*_arguments: object) -> None:
    raise OSError(5, "killed")


def _database_gone(*_arguments: object) -> None:
    raise OperationalError("UPDATE", {}, Exception("server closed the connection"))


async def test_a_missing_archive_folder_is_an_error_and_changes_nothing(world: World):
    await stamped(world, "q1")
    world.policy.archive.rmdir()
    with raises("io_error"):
        archiver_of(world).archive()

    assert not world.stored()[0].archived


async def test_a_lost_body_does_not_stop_the_archiving(world: World):
    spool = await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1))
    async with world.log() as log:
        await log.write(world.record("lost", body=spool))
        await log.write(world.record("whole", body=Spool.of(b"small")))
        await log.job.run_once()
    for path in world.policy.bodies.iterdir():
        path.unlink()

    assert archiver_of(world).archive() == 2
    (name,) = archive_names(world)
    with zipfile.ZipFile(world.policy.archive / name) as archive:
        counts = [
            len(read_container(archive.read(each)).attachments)
            for each in archive.namelist()[:2]
        ]
    assert sorted(counts) == [0, 1]


def test_a_body_that_is_gone_says_where_it_should_be(tmp_path: Path):
    with pytest.raises(XRoadError) as caught:
        list(bodies.read(tmp_path, "gone.body"))
    assert caught.value.code == "io_error"
    assert str(tmp_path) in caught.value.advice


async def test_archived_records_stay_for_the_keeping_time_then_leave_with_all_of_it(
    world: World,
):
    spool = await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1))
    async with world.log() as log:
        await log.write(world.record("large", body=spool))
        await log.write(world.record("attached", attachments=[Spool.of(b"a")]))
        await log.job.run_once()
    archiver_of(world).archive()

    world.clock.forward(days=29)
    assert archiver_of(world).clean() == 0
    world.clock.forward(days=2)
    assert archiver_of(world).clean() == 2

    assert world.stored() == []
    assert world.files() == []
    with world.database.read() as connection:
        assert connection.execute(select(timestamps.c.id)).all() == []


async def test_what_is_not_archived_is_never_removed(
    database: Database, tmp_path: Path
):
    world = make_world(database, tmp_path, keep_seconds=0)
    await stamped(world, "q1")
    world.clock.forward(days=400)

    assert archiver_of(world).clean() == 0
    assert len(world.stored()) == 1


async def test_cleaning_gives_writers_a_turn_between_small_batches(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cleaning, "CLEANED_AT_ONCE", 2)
    world = make_world(database, tmp_path, keep_seconds=0)
    await stamped(world, *(f"q{i}" for i in range(5)))
    archiver_of(world).archive()
    left: list[int] = []

    cleaner = archiver_of(world, pause=lambda _s: left.append(len(world.stored())))
    assert cleaner.clean() == 5
    assert left == [3, 1, 0]


async def test_body_files_without_a_record_are_removed_when_they_are_old(
    world: World,
):
    spool = await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1))
    async with world.log() as log:
        await log.write(world.record(body=spool))
    (kept,) = world.files()
    for name in ("old.body", "young.body", "other.txt"):
        (world.policy.bodies / name).write_bytes(b"")
    world.clock.forward(hours=2)
    now = world.clock().timestamp()
    for name, age in ((kept, 7200), ("old.body", 3700), ("young.body", 3500)):
        os.utime(world.policy.bodies / name, (now - age, now - age))

    archiver_of(world).clean()

    assert world.files() == sorted([kept, "other.txt", "young.body"])


async def test_the_job_archives_and_cleans_and_survives_trouble(world: World):
    job = ArchiveJob(archiver_of(world), world.policy)
    await stamped(world, "q1")
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            world.policy.archive.rmdir()
        elif len(slept) == 2:
            world.policy.archive.mkdir()
            world.clock.now += timedelta(days=31)
        else:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await job.run(sleep)

    assert slept == [600, 6 * 3600, 6 * 3600]
    assert len(archive_names(world)) == 1
    assert world.stored() == []


async def test_the_interval_0_switches_archiving_off(
    database: Database, tmp_path: Path
):
    world = make_world(database, tmp_path, archive_interval_seconds=0)
    await ArchiveJob(archiver_of(world), world.policy).run()
