"""With a key nobody reads messages out of the log's database or files."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import update

from kerege.exchange.messagelog import (
    Archiver,
    AsicRequest,
    LogCipher,
    LogKey,
    MessageLog,
    asic_download,
)
from kerege.exchange.messagelog.bodies_folder import mark_bodies
from kerege.exchange.messagelog.key_use import use_of_key
from kerege.exchange.messagelog.sealing import FIRST_VERSION, SEAL_BYTES
from kerege.exchange.spool import MEMORY_LIMIT, Spool
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import attachments, contents
from kerege.xroad.algorithms import SHA512
from kerege.xroad.archive import read_archive
from kerege.xroad.asic import read_container, write_container
from kerege.xroad.identifiers import ClientId
from tests.exchange.messagelog.world import BLOCK, World, make_world, raises, spooled

SECRET = b"salary of Aibek: 41 000 som"
LARGE = SECRET * (MEMORY_LIMIT // len(SECRET) + 1000)


@pytest.fixture
def key() -> LogKey:
    return LogKey.new()


@pytest.fixture
def world(database: Database, tmp_path: Path, key: LogKey) -> World:
    return make_world(database, tmp_path, cipher=LogCipher([key]))


def everything_on_disk(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()


def contents_of(world: World) -> list[list[bytes]]:
    """Return message and bodies of each record, as a container has them."""
    found = []
    for stored in world.stored():
        parts = stored.parts(world.policy.bodies, world.policy.cipher)
        read = read_container(write_container(parts, time=stored.time))
        bodies = [b"".join(each.chunks()) for each in read.attachments]
        found.append([read.message, *bodies])
    return found


async def log_large(world: World, log: MessageLog) -> None:
    body = await spooled(world.policy.bodies, LARGE)
    await log.write(world.record(body=body))
    body.discard()


async def test_what_is_logged_is_read_again_with_the_key_only(world: World):
    bodies = [Spool.of(SECRET), Spool.of(b""), Spool.of(SECRET * 2)]
    async with world.log() as log:
        await log.write(world.record("q1", body=Spool.of(SECRET)))
        await log.write(world.record("q2"))
        await log.write(world.record("q3", attachments=bodies))

    assert contents_of(world) == [
        [BLOCK, SECRET],
        [BLOCK],
        [BLOCK, SECRET, b"", SECRET * 2],
    ]
    for stored in world.stored():
        assert stored.message != BLOCK
        assert len(stored.message) == len(BLOCK), "each column keeps its length"
        assert len(stored.seal or b"") == SEAL_BYTES
        with raises("key_not_available"):
            stored.parts(world.policy.bodies)
        with raises("key_not_found"):
            stored.parts(world.policy.bodies, LogCipher([LogKey.new()]))


async def test_no_file_of_the_log_holds_a_body_in_clear(
    sqlite_database: Database, tmp_path: Path, key: LogKey
):
    world = make_world(sqlite_database, tmp_path, cipher=LogCipher([key]))
    large = await spooled(world.policy.bodies, LARGE)
    async with world.log() as log:
        await log.write(world.record("large", message=SECRET, body=large))
        await log.write(world.record("small", body=Spool.of(SECRET)))
    large.discard()

    url = sqlite_database.engine.url.database
    assert url is not None
    folders = {tmp_path, Path(url).parent}
    assert len(world.files()) == 1
    for folder in folders:
        assert not any(SECRET in data for data in everything_on_disk(folder))
    assert contents_of(world) == [[SECRET, LARGE], [BLOCK, SECRET]]


async def test_without_encryption_the_log_is_in_clear_and_both_are_read(
    world: World,
):
    plain = replace(world, policy=replace(world.policy, encrypt=False))
    for one in (world, plain):
        async with one.log() as log:
            await log.write(world.record(body=Spool.of(SECRET)))
            await log_large(world, log)
        world.clock.forward(seconds=1)

    assert [stored.seal is None for stored in world.stored()] == [
        *(False, False),
        *(True, True),
    ]
    assert contents_of(world) == [[BLOCK, SECRET], [BLOCK, LARGE]] * 2


@pytest.mark.parametrize("encrypt", [True, False])
async def test_a_body_that_was_hidden_on_its_way_is_logged_whole(
    world: World, *, encrypt: bool
):
    policy = replace(world.policy, encrypt=encrypt)
    body = Spool(world.policy.bodies, SHA512.new(), hides=True)
    await body.write(LARGE)
    await body.finish()
    async with replace(world, policy=policy).log() as log:
        await log.write(world.record(body=body))
    body.discard()
    assert contents_of(world) == [[BLOCK, LARGE]]
    assert len(world.files()) == 1


async def test_a_new_key_seals_and_the_old_one_still_opens(world: World, key: LogKey):
    new = LogKey.new()
    async with world.log() as log:
        await log.write(world.record("old", body=Spool.of(SECRET)))
    later = replace(world, policy=replace(world.policy, cipher=LogCipher([key, new])))
    world.clock.forward(seconds=1)
    async with later.log() as log:
        await log.write(world.record("new", body=Spool.of(SECRET)))

    assert contents_of(later) == [[BLOCK, SECRET]] * 2
    old_record, new_record = world.stored()
    old_record.opened(LogCipher([key]))
    new_record.opened(LogCipher([new]))
    with raises("key_not_found"):
        new_record.opened(LogCipher([key]))


def test_no_two_seals_share_key_and_nonce(key: LogKey):
    seals = [
        cipher.seal(b"", [b"same"])
        for cipher in (LogCipher([key]), LogCipher([key]))
        for _ in range(3)
    ]
    assert len({seal for seal, _ in seals}) == 6
    assert len({sealed[0] for _, sealed in seals}) == 6


async def test_changed_rows_and_rows_in_the_wrong_place_are_refused(world: World):
    async with world.log() as log:
        await log.write(world.record("q1", body=Spool.of(SECRET)))
        await log.write(world.record("q2", body=Spool.of(SECRET)))
    first, second = world.stored()
    cipher = world.policy.cipher
    swapped = replace(first, message=second.message, seal=second.seal)
    cut = replace(first, seal=(first.seal or b"")[:-1])
    seal = first.seal or b""
    future = replace(first, seal=b"\x03" + seal[1:])
    older = replace(first, seal=FIRST_VERSION + seal[1:])
    renamed = replace(first, query_id="q2")
    for wrong in (swapped, cut, future, older, renamed, replace(first, attachments=())):
        with raises("cryptography_error"):
            wrong.opened(cipher)


async def test_a_record_cannot_be_given_to_another_owner(world: World):
    """Who may write into the database, but has no key, reads nobody else's messages."""
    async with world.log() as log:
        await log.write(world.record("q1"))
    (stored,) = world.stored()
    owner = stored.owner
    others = [
        replace(owner, member_code="2"),
        replace(owner, subsystem_code=None),
        replace(owner, subsystem_code=f"{owner.subsystem_code}x"),
        ClientId("KG/GOV", owner.member_class[3:], owner.member_code),
    ]
    for other in others:
        with raises("cryptography_error"):
            replace(stored, owner=other).opened(world.policy.cipher)
    with raises("cryptography_error"):
        replace(stored, client_side=not stored.client_side).opened(world.policy.cipher)


async def test_no_line_end_in_an_id_makes_two_records_alike(world: World):
    async with world.log() as log:
        await log.write(world.record("a\nb", x_request_id="c"))
    (stored,) = world.stored()
    with raises("cryptography_error"):
        replace(stored, query_id="a", x_request_id="b\nc").opened(world.policy.cipher)


async def test_no_byte_of_a_message_becomes_one_of_a_body(world: World):
    async with world.log() as log:
        await log.write(world.record(body=Spool.of(SECRET)))
    (stored,) = world.stored()
    (body,) = stored.attachments
    whole = stored.message + (body.data or b"")
    moved = replace(body, data=whole[len(stored.message) - 1 :])
    with raises("cryptography_error"):
        replace(stored, message=stored.message[:-1], attachments=(moved,)).opened(
            world.policy.cipher
        )


async def test_what_was_sealed_before_owners_were_bound_is_still_read(
    world: World, key: LogKey
):
    """A row as the first version wrote it, by the description of its format."""
    async with world.log() as log:
        await log.write(world.record("old", body=Spool.of(SECRET)))
        await log_large(world, log)
    old, _ = world.stored()
    salt, nonce = bytes(range(16)), bytes(12)
    secret = HKDF(SHA256(), 32, salt, b"kerege message log v1").derive(key.secret)
    milliseconds = round(old.time.timestamp() * 1000)
    about = f"{milliseconds} request old\n{old.x_request_id}".encode()
    sealed = AESGCM(secret).encrypt(nonce, BLOCK + SECRET, about)
    head = b"\x01" + bytes.fromhex(key.key_id) + salt + nonce
    with world.database.write() as connection:
        connection.execute(
            update(contents)
            .where(contents.c.record_id == old.record_id)
            .values(seal=head + sealed[-16:], message=sealed[: len(BLOCK)])
        )
        connection.execute(
            update(attachments)
            .where(attachments.c.record_id == old.record_id)
            .values(data=sealed[len(BLOCK) : -16])
        )
    (name,) = world.files()
    path = world.policy.bodies / name
    file = AESGCM(secret).encrypt(b"\1" * 12, LARGE, name.encode())
    path.write_bytes(head[:-12] + b"\1" * 12 + file)
    assert contents_of(world) == [[BLOCK, SECRET], [BLOCK, LARGE]]
    (first, _) = world.stored()
    with raises("cryptography_error"):
        replace(first, query_id="other").opened(world.policy.cipher)


@pytest.mark.parametrize("at", [0, 40, -1, None])
async def test_a_changed_file_is_refused_at_its_end_at_the_latest(
    world: World, at: int | None
):
    async with world.log() as log:
        await log_large(world, log)
    (name,) = world.files()
    path = world.policy.bodies / name
    data = bytearray(path.read_bytes())
    if at is None:
        del data[30:]
    else:
        data[at] ^= 1
    path.write_bytes(data)
    (stored,) = world.stored()
    with raises("cryptography_error"):
        write_container(
            stored.parts(world.policy.bodies, world.policy.cipher), time=stored.time
        )
    request = AsicRequest(stored.owner, "q1", None, unique=True, force=True)
    async with world.log() as log:
        with raises("cryptography_error"):  # and not in the middle of a download
            await asic_download(log, request)


def test_a_file_under_another_name_is_refused(tmp_path: Path, key: LogKey):
    cipher, file = LogCipher([key]), io.BytesIO()
    cipher.seal_file("one", [b"abc", b"def"], file)
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(file.getvalue())
    assert b"".join(cipher.open_file(tmp_path / "one")) == b"abcdef"
    with raises("cryptography_error"):
        list(cipher.open_file(tmp_path / "two"))


async def test_archives_hold_messages_in_clear_and_a_damaged_one_waits(world: World):
    async with world.log() as log:
        for name in ("q1", "q2", "q3"):
            await log.write(world.record(name, body=Spool.of(SECRET)))
        await log.job.run_once()
    damaged = world.stored()[1].record_id
    with world.database.write() as connection:
        connection.execute(
            update(contents)
            .where(contents.c.record_id == damaged)
            .values(message=b"x" * len(BLOCK))
        )
    archiver = Archiver(world.database, world.policy, clock=world.clock)
    assert archiver.needs_key()
    assert archiver.archive() == 2
    assert archiver.archive() == 0, (
        "what is damaged is told again, and makes no archive"
    )

    (path,) = world.policy.archive.iterdir()
    archive = read_archive(path.read_bytes())
    for member in archive.members:
        container = read_container(b"".join(archive.chunks(member)))
        assert b"".join(container.attachments[0].chunks()) == SECRET
    assert [s.archived for s in world.stored()] == [True, False, True]


async def test_without_the_key_nothing_is_archived(world: World):
    async with world.log() as log:
        await log.write(world.record())
        await log.job.run_once()
    policy = replace(world.policy, cipher=LogCipher([LogKey.new()]))
    with raises("key_not_found"):
        Archiver(world.database, policy, clock=world.clock).archive()
    assert list(world.policy.archive.iterdir()) == []


def test_a_key_is_not_shown(key: LogKey):
    assert key.secret.hex() not in repr(key)
    assert key.key_id in repr(key)


async def test_a_damaged_file_keeps_no_other_message_out_of_the_archives(world: World):
    async with world.log() as log:
        await log.write(world.record("q1"))
        await log_large(world, log)
        await log.write(world.record("q3"))
        await log.job.run_once()
    (name,) = world.files()
    path = world.policy.bodies / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    archiver = Archiver(world.database, world.policy, clock=world.clock)
    assert archiver.archive() == 2
    assert [record.archived for record in world.stored()] == [True, False, True]

    data[-1] ^= 1
    path.write_bytes(data)
    assert archiver.archive() == 1, "when it is restored it is archived"


async def test_of_each_key_is_known_what_it_opens(world: World, key: LogKey):
    new = LogKey.new()
    mark_bodies(world.database, world.policy.bodies)
    async with world.log() as log:
        await log.write(world.record("q1"))
        await log_large(world, log)
    later = replace(world, policy=replace(world.policy, cipher=LogCipher([key, new])))
    world.clock.forward(seconds=1)
    async with later.log() as log:
        await log.write(world.record("q3"))
    folder = world.policy.bodies
    used = [use_of_key(world.database, folder, k.key_id) for k in (key, new)]
    assert used == [(2, 1), (1, 0)]
    assert use_of_key(world.database, folder, LogKey.new().key_id) == (0, 0)
    with raises("io_error"):
        use_of_key(world.database, folder.parent, key.key_id)
