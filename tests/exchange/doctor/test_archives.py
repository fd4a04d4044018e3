"""Archives that cannot be encrypted or moved, and bodies in another folder."""

from pathlib import Path

import pytest

from kerege.exchange.doctor import Severity
from kerege.exchange.messagelog.bodies_folder import MARK, mark_bodies
from kerege.exchange.storage import open_database
from tests.exchange.doctor.world import only
from tests.gpg import needs_gpg, server_and_member

WARNING = Severity.WARNING


@needs_gpg
async def test_archives_that_can_be_encrypted_and_a_key_that_is_missing(world):
    with server_and_member() as (server, _):
        world.write_settings(
            message_log__encrypt_archives=True,
            message_log__archive_gpg_home=str(server.home),
            message_log__archive_encryption_keys="keys.ini",
        )
        key_map = world.folder / "keys.ini"
        key_map.write_text("KG/GOV/1 = MEMBER\n")
        async with world:
            codes = [finding.code for finding in await world.examine()]
            assert codes == ["D-SERVER-DOWN"]
            key_map.write_text("KG/GOV/1 = MEMBER\nKG/GOV/2 = NOBODY\n")
            wrong = only(await world.examine(), "D-ARCHIVE-KEY", "kerege-gpg", "NOBODY")
            assert "--import" in wrong.advice
            key_map.write_text("KG/GOV/1\n")
            only(await world.examine(), "D-ARCHIVE-MAP", "keys.ini", "line 1")


@needs_gpg
async def test_a_keyring_without_a_key_to_sign_with(world):
    world.write_settings(message_log__encrypt_archives=True)
    async with world:
        found = await world.examine()
    wrong = only(found, "D-ARCHIVE-KEY", "gpghome", "no secret key")
    assert "--quick-generate-key" in wrong.advice


async def test_a_machine_without_gpg(world, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    world.write_settings(message_log__encrypt_archives=True)
    async with world:
        found = await world.examine()
    wrong = only(found, "D-ARCHIVE-GPG", "gpghome", "not installed")
    assert "apt install gnupg" in wrong.advice


async def test_a_folder_for_archives_that_is_not_mounted(world):
    world.write_settings(message_log__transfer_directory="elsewhere")
    async with world:
        found = await world.examine()
        only(found, "D-ARCHIVE-TRANSFER", "elsewhere", "not there", severity=WARNING)
        (world.folder / "elsewhere").mkdir()
        codes = [finding.code for finding in await world.examine()]
    assert codes == ["D-SERVER-DOWN"]


def mark(folder: Path) -> Path:
    """Mark the folder as a server does at its start; return the mark's file."""
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    database = open_database(f"sqlite:///{folder / 'security-server.db'}")
    mark_bodies(database, spool)
    database.close()
    return spool / MARK


async def test_a_folder_of_bodies_that_is_another(world):
    async with world:
        file = mark(world.folder)
        assert [f.code for f in await world.examine()] == ["D-SERVER-DOWN"]
        file.unlink()
        wrong = only(await world.examine(), "D-LOG-BODIES", "spool", "not the mark")
    assert "accept-lost-bodies" in wrong.advice
