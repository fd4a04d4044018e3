"""A disk that is not mounted is not taken for a disk that has lost everything."""

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kerege.exchange.messagelog import Archiver
from kerege.exchange.messagelog.bodies_folder import (
    MARK,
    accept_lost_bodies,
    are_right,
    mark_bodies,
)
from kerege.exchange.spool import MEMORY_LIMIT
from kerege.exchange.storage import Database
from kerege.xroad.archive import read_archive
from kerege.xroad.asic import read_container
from tests.exchange.messagelog.world import World, make_world, raises, spooled


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    made = make_world(database, tmp_path)
    mark_bodies(database, made.policy.bodies)
    return made


async def log_large(world: World) -> None:
    body = await spooled(world.policy.bodies, bytes(MEMORY_LIMIT + 1))
    async with world.log() as log:
        await log.write(world.record(body=body))
        await log.job.run_once()


def unmount(world: World) -> Path:
    """Leave an empty folder in the place of the real one."""
    disk = world.policy.bodies.rename(world.policy.bodies.with_name("disk"))
    world.policy.bodies.mkdir()
    return disk


def mount(world: World, disk: Path) -> None:
    shutil.rmtree(world.policy.bodies)
    disk.rename(world.policy.bodies)


def start(world: World) -> list[str]:
    """Do what a server does at its start; return what it logs."""
    with capture_logs() as logs:
        mark_bodies(world.database, world.policy.bodies)
    return [entry["event"] for entry in logs]


def archiver_of(world: World) -> Archiver:
    return Archiver(world.database, world.policy, clock=world.clock)


def attachments(world: World) -> int:
    (path,) = world.policy.archive.iterdir()
    archive = read_archive(path.read_bytes())
    container = read_container(b"".join(archive.chunks(archive.members[0])))
    return len(container.attachments)


async def test_an_empty_mount_point_stops_archiving_until_the_disk_is_there(
    world: World,
):
    await log_large(world)
    disk = unmount(world)
    assert start(world) == ["folder of logged bodies is another"]
    with raises("io_error"):
        archiver_of(world).archive()
    assert not world.stored()[0].archived
    assert not (world.policy.bodies / MARK).exists()

    mount(world, disk)
    assert start(world) == []
    assert archiver_of(world).archive() == 1
    assert attachments(world) == 1


async def test_bodies_that_are_lost_for_good_are_archived_without_once_somebody_says_so(
    world: World,
):
    await log_large(world)
    shutil.rmtree(unmount(world))
    accept_lost_bodies(world.database, world.policy.bodies)
    assert start(world) == []
    assert archiver_of(world).archive() == 1
    assert attachments(world) == 0


async def test_where_there_is_nothing_to_lose_a_new_folder_is_taken(world: World):
    unmount(world)
    assert start(world) == []
    assert (world.policy.bodies / MARK).exists()


async def test_a_single_lost_body_is_lost(world: World):
    await log_large(world)
    (name,) = [name for name in world.files() if name.endswith(".body")]
    (world.policy.bodies / name).unlink()
    assert archiver_of(world).archive() == 1
    assert attachments(world) == 0


async def test_the_folder_of_another_server_is_another(
    world: World, tmp_path_factory: pytest.TempPathFactory
):
    await log_large(world)
    (world.policy.bodies / MARK).write_text("0" * 32)
    assert not are_right(world.database, world.policy.bodies)
    (world.policy.bodies / MARK).write_bytes(b"\xff" * 1000)
    assert start(world) == ["folder of logged bodies is another"]


def test_many_workers_start_at_once(database: Database, tmp_path: Path):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: mark_bodies(database, tmp_path), range(8)))
    assert are_right(database, tmp_path)


def test_a_log_that_was_never_marked_is_not_doubted(database: Database, tmp_path: Path):
    assert are_right(database, tmp_path)
    accept_lost_bodies(database, tmp_path)
    assert not (tmp_path / MARK).exists()
