"""Archives that are to be encrypted and cannot be."""

import pytest

from tests.exchange.doctor.world import only
from tests.gpg import needs_gpg, server_and_member

pytestmark = needs_gpg


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
