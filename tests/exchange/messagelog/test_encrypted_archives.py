"""Archives that only a member can read: signed and encrypted by the program gpg."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kerege.exchange.messagelog import (
    ArchiveEncryption,
    Archiver,
    AsicRequest,
    Direction,
    Grouping,
    Keyring,
    LogCipher,
    LogKey,
    asic_download,
    gpg,
)
from kerege.exchange.storage import Database
from kerege.xroad.archive import read_archive, verify_archive
from kerege.xroad.asic import read_container
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from tests.exchange.messagelog.world import BLOCK, World, make_world, raises
from tests.gpg import Pgp, needs_gpg, server_and_member

pytestmark = needs_gpg

MEMBER = ClientId("KG", "GOV", "1", "Wards")
OTHER = ClientId("KG", "GOV", "2", "School")


@pytest.fixture(scope="module")
def keyrings() -> Iterator[tuple[Pgp, Pgp]]:
    with server_and_member() as both:
        yield both


@pytest.fixture
def server(keyrings: tuple[Pgp, Pgp]) -> Pgp:
    return keyrings[0]


@pytest.fixture
def member(keyrings: tuple[Pgp, Pgp]) -> Pgp:
    return keyrings[1]


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path, server: Pgp) -> World:
    """A log whose archives are grouped, encrypted for the member, or for the server."""
    key_map = tmp_path / "keys.ini"
    key_map.write_text(f"KG/GOV/1 = {server.fingerprint('MEMBER')}\n")
    return make_world(
        sqlite_database,
        tmp_path,
        grouping=Grouping.SUBSYSTEM,
        archive_encryption=ArchiveEncryption(server.keyring, key_map=key_map),
        cipher=LogCipher([LogKey.new()]),
    )


async def log_for(world: World, *parties: ClientId) -> None:
    async with world.log() as log:
        for party in parties:
            await log.write(world.record(client_id=party))
        await log.job.run_once()


def archived(world: World) -> dict[str, bytes]:
    archiver = Archiver(world.database, world.policy, clock=world.clock)
    archiver.archive()
    paths = world.policy.archive.iterdir()
    return {path.name.split("-")[1]: path.read_bytes() for path in paths}


async def test_each_member_reads_its_own_archive_only(
    world: World, server: Pgp, member: Pgp, tmp_path: Path
):
    await log_for(world, MEMBER, OTHER)
    found = archived(world)
    assert set(found) == {"KG_GOV_1_Wards", "KG_GOV_2_School"}
    for path in world.policy.archive.iterdir():
        assert path.name.endswith(".zip.gpg")
        assert path.stat().st_mode & 0o777 == 0o600

    archive = read_archive(member.read(found["KG_GOV_1_Wards"]))
    verify_archive(archive, previous="")
    container = read_container(b"".join(archive.chunks(archive.members[0])))
    assert container.message == BLOCK
    verify_archive(read_archive(server.read(found["KG_GOV_2_School"])), previous="")
    for reader, name in ((server, "KG_GOV_1_Wards"), (member, "KG_GOV_2_School")):
        with pytest.raises(AssertionError, match="No secret key"):
            reader.read(found[name])

    path = next(world.policy.archive.glob("*_1_Wards*"))
    clear = io.BytesIO()
    with (tmp_path / "clear.zip").open("w+b") as file:
        member.keyring.decrypt(path, file)
        file.seek(0)
        clear.write(file.read())
    assert clear.getvalue() == member.read(found["KG_GOV_1_Wards"])


async def test_an_archive_that_was_changed_or_signed_by_nobody_known_is_refused(
    world: World, member: Pgp, tmp_path: Path
):
    await log_for(world, MEMBER)
    data = bytearray(archived(world)["KG_GOV_1_Wards"])
    data[len(data) // 2] ^= 1
    unsigned = member.run(
        *("--trust-model", "always", "--encrypt", "--recipient", "MEMBER"), data=b"PK"
    )
    for wrong in (bytes(data), unsigned, b"", b"PK\x03\x04 no OpenPGP"):
        path = tmp_path / "wrong.zip.gpg"
        path.write_bytes(wrong)
        with raises("cryptography_error"), (tmp_path / "out").open("wb") as file:
            member.keyring.decrypt(path, file)


async def test_a_key_that_is_not_there_stops_the_archiving_and_says_which(
    world: World,
):
    await log_for(world, MEMBER)
    assert world.policy.archive_encryption is not None
    key_map = world.policy.archive_encryption.key_map
    assert key_map is not None
    key_map.write_text("KG/GOV/1 = 0123456789ABCDEF\n")
    with pytest.raises(XRoadError) as caught:
        archived(world)
    assert caught.value.code == "cryptography_error"
    assert "0123456789ABCDEF" in caught.value.advice
    assert list(world.policy.archive.iterdir()) == []
    assert not world.stored()[0].archived

    key_map.unlink()
    with raises("validation_error"):
        archived(world)

    key_map.write_text("KG/GOV/1 = MEMBER\n")
    assert set(archived(world)) == {"KG_GOV_1_Wards"}


async def test_without_gpg_nothing_is_archived_in_clear(world: World):
    await log_for(world, MEMBER)
    missing = ArchiveEncryption(Keyring(Path("/nowhere"), "no-such-gpg"))
    broken = replace(world, policy=replace(world.policy, archive_encryption=missing))
    assert not missing.keyring.is_installed
    with raises("action_not_possible"):
        archived(broken)
    with raises("action_not_possible"):
        missing.keyring.has("")
    assert list(world.policy.archive.iterdir()) == []


async def test_a_gpg_that_hangs_is_ended(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gpg, "MAX_SECONDS", 0.2)
    stuck = tmp_path / "stuck"
    stuck.write_text("#!/bin/sh\nexec sleep 600\n")
    stuck.chmod(0o700)
    await log_for(world, MEMBER)
    hanging = ArchiveEncryption(Keyring(tmp_path, str(stuck)))
    with raises("cryptography_error"):
        archived(
            replace(world, policy=replace(world.policy, archive_encryption=hanging))
        )


def test_a_keyring_knows_its_keys(server: Pgp, member: Pgp):
    assert server.keyring.has("MEMBER")
    assert not server.keyring.has("MEMBER", secret=True)
    assert server.keyring.has("", secret=True)
    assert not member.keyring.has("NOBODY")
    assert not Keyring(Path("/nowhere")).has("")


@pytest.mark.parametrize("unique", [True, False])
async def test_downloads_are_encrypted_like_archives(
    world: World, member: Pgp, *, unique: bool
):
    request = AsicRequest(MEMBER, "q1", Direction.REQUEST, unique, force=False)
    async with world.log() as log:
        await log.write(world.record(client_id=MEMBER))
        await log.job.run_once()
        download = await asic_download(log, request)
        data = b"".join([chunk async for chunk in download.chunks()])
    assert download.media_type == "application/octet-stream"
    clear = member.read(data)
    if unique:
        assert download.file_name.endswith(".asice.gpg")
        assert read_container(clear).message == BLOCK
    else:
        assert download.file_name == "q1-request.zip.gpg"
        assert clear.startswith(b"PK")
    assert world.files() == []


async def test_a_download_that_cannot_be_encrypted_is_none(world: World):
    missing = ArchiveEncryption(Keyring(Path("/nowhere"), "no-such-gpg"))
    broken = replace(world, policy=replace(world.policy, archive_encryption=missing))
    request = AsicRequest(MEMBER, "q1", None, unique=False, force=False)
    async with broken.log() as log:
        await log.write(world.record(client_id=MEMBER))
        await log.job.run_once()
        with raises("action_not_possible"):
            await asic_download(log, request)
