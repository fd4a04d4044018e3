"""A new server's message log has the folders that it needs."""

import stat
from pathlib import Path

import pytest

from kerege.exchange.messagelog import Archiver, LogCipher, LogKey
from kerege.exchange.security_server import logging_setup
from kerege.exchange.security_server.logging_setup import open_log
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage import open_database
from tests.exchange.messagelog.world import Clock, World

CIPHER = LogCipher([LogKey.new()])


def unknown() -> None:
    raise AssertionError("Nobody asks for it here")


async def test_the_first_archive_of_a_new_server_finds_its_folder(tmp_path: Path):
    settings = Settings("TEST/COM/1234/SS1", directory=tmp_path)
    database = open_database(settings.database_url)
    clock = Clock()
    async with open_log(
        settings, database, unknown, unknown, clock, cipher=CIPHER
    ) as log:
        world = World(database, log.policy, clock)
        async with world.log() as stamping:
            await stamping.write(world.record("q1"))
            await stamping.job.run_once()
        assert Archiver(database, log.policy, clock=clock).archive() == 1
    database.close()

    assert stat.S_IMODE((tmp_path / "archive").stat().st_mode) == 0o700
    assert [path.suffix for path in (tmp_path / "archive").iterdir()] == [".zip"]


async def test_the_folders_are_durable_before_anything_is_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Else a power cut takes the folder, and the bodies of answered messages with it."""
    settings = Settings("TEST/COM/1234/SS1", spool="a/spool", directory=tmp_path)
    synced: list[Path] = []
    monkeypatch.setattr(logging_setup, "sync_path", synced.append)
    database = open_database(settings.database_url)
    async with open_log(settings, database, unknown, unknown, Clock(), cipher=CIPHER):
        assert synced == [tmp_path / "a", tmp_path]
    database.close()
