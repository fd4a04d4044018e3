"""Disks that are wrong, each alone: real file systems of their own."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kerege.exchange.doctor import Severity
from kerege.exchange.storage.message_log_tables import records, timestamps
from tests.exchange.doctor.test_ocsp_and_tsa import log
from tests.exchange.doctor.world import now, only

WARNING = Severity.WARNING


@contextlib.contextmanager
def disk(folder: Path, *options: str) -> Iterator[None]:
    """Mount a file system in memory on a folder; that needs a privilege."""
    folder.mkdir(exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_disk_that_is_full(world):
    with disk(world.folder / "archive", "size=1m"):
        async with world:
            found = await world.examine()
    wrong = only(found, "D-DISK-FULL", "archive", "1 MiB are left")
    assert "keep_records_days" in wrong.advice


async def test_a_disk_that_has_little_space_left(world):
    with disk(world.folder / "spool", "size=900m"):
        async with world:
            found = await world.examine()
    only(found, "D-DISK-LOW", "spool", "900 MiB are left", severity=WARNING)


async def test_a_disk_that_has_room_for_hardly_any_more_files(world):
    spool = world.folder / "spool"
    with disk(spool, "size=3g", "nr_inodes=50"):
        for number in range(50):
            with contextlib.suppress(OSError):
                (spool / str(number)).touch()
        async with world:
            found = await world.examine()
    only(found, "D-DISK-LOW", "spool", "more files is left", severity=WARNING)


async def test_a_disk_that_will_be_full_soon(world):
    """A log that grew by a gigabyte in three days, on a disk with three left."""
    small = world.root / "small"
    with disk(small, "size=4g"):
        with world.database() as connection:
            log(connection, 1, now() - timedelta(days=3))
            log(connection, 2, now())
            connection.execute(
                timestamps.insert().values(id=1, time=0, token=b"", archived=True)
            )
            connection.execute(records.update().values(timestamp_id=1))
        file = small / "security-server.db"
        shutil.copy(world.folder / "security-server.db", file)
        with file.open("r+b") as stream:  # what a log of that size occupies
            stream.truncate(1024**3)
        world.write_settings(database=f"sqlite:///{file}")
        async with world:
            found = await world.examine()
    codes = [f.code for f in found]
    assert "D-DISK-SOON" in codes, codes
    (wrong,) = (f for f in found if f.code == "D-DISK-SOON")
    assert "database" in wrong.subject
    assert "They grow by" in wrong.what
    assert wrong.severity is WARNING


async def test_a_disk_that_archives_will_fill_soon(world):
    archive = world.folder / "archive"
    with disk(archive, "size=4g"):
        for number in range(3):
            with (archive / f"mlog-{number}.zip").open("wb") as file:
                file.truncate(1024**3)  # an hour's worth of a big register
        async with world:
            found = await world.examine()
    wrong = only(
        *(found, "D-DISK-SOON", "archive", "a day: enough for"), severity=WARNING
    )
    assert "Move archives away" in wrong.advice


async def test_a_log_that_has_reached_its_size_does_not_grow(world):
    """Records of the whole time that they are kept: what is removed is used again."""
    with world.database() as connection:
        connection.execute(timestamps.insert().values(id=1, time=0, token=b""))
        log(connection, 1, now() - timedelta(days=31), 1)
        log(connection, 2, now(), 1)
    assert "D-DISK-SOON" not in await codes_with_a_log_of_a_gigabyte(world)


async def codes_with_a_log_of_a_gigabyte(world) -> list[str]:
    """Let the doctor look at a log that fills a quarter of its disk."""
    small = world.root / "small"
    with disk(small, "size=4g"):
        file = small / "security-server.db"
        shutil.copy(world.folder / "security-server.db", file)
        with file.open("r+b") as stream:
            stream.truncate(1024**3)
        world.write_settings(database=f"sqlite:///{file}")
        async with world:
            return [finding.code for finding in await world.examine()]


async def test_a_disk_that_is_read_only(world):
    with disk(world.folder / "spool", "size=3g", "ro"):
        async with world:
            found = await world.examine()
    wrong = only(found, "D-DISK-READ-ONLY", "spool", "is read-only")
    assert "dmesg" in wrong.advice


async def test_a_database_that_others_may_read(world):
    for step in (world.folder, *world.folder.parents):
        if step.stat().st_mode & 0o011 != 0o011:
            step.chmod(0o755)
        if step.name.startswith("pytest-of"):
            break
    file = world.folder / "security-server.db"
    file.chmod(0o644)
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-FILE-OPEN", str(file), "It has mode 644"), severity=WARNING
    )
    assert "personal data" in wrong.follows
