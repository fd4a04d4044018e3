"""The reference's own expectations of archives and downloads, on both databases."""

import asyncio
import io
import shutil
import tempfile
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kerege.exchange.messagelog import (
    ArchiveEncryption,
    Archiver,
    AsicRequest,
    Direction,
    Grouping,
    InstanceConfiguration,
    Keyring,
    asic_download,
    verification_configuration,
)
from kerege.exchange.messagelog.encryption_keys import parse_key_map, read_key_map
from kerege.exchange.messagelog.hash_text import HashText
from kerege.exchange.storage import Database
from kerege.xroad.algorithms import SHA512
from kerege.xroad.archive import (
    NO_ARCHIVE,
    ArchiveLink,
    ArchiveWriter,
)
from kerege.xroad.asic import container_name
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from tests.conformance.message_logs import (
    entries,
    rest_record,
    with_policy,
    world_of,
)
from tests.exchange.messagelog.world import World
from tests.gpg import Pgp, pgp_home
from tests.postgres import needs_postgres
from tests.vectors import Row, needs_vectors, rows

pytestmark = needs_vectors

Story = Callable[[World, Row], Awaitable[None]]


@pytest.fixture
def sqlite(sqlite_database: Database, tmp_path: Path) -> World:
    """A log on SQLite: the reference's verdicts, one test for each row."""
    return world_of(sqlite_database, tmp_path)


@pytest.fixture
def postgresql(postgres_database: Database, tmp_path: Path) -> World:
    """The same on PostgreSQL."""
    return world_of(postgres_database, tmp_path)


# --- log-archive ----------------------------------------------------------------

NORMAL = b"This one goes out to normal size container"
LARGE = bytes(i % 127 for i in range(10_000))


def at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


RECORDS = {
    "ID1": (Direction.REQUEST, NORMAL, at(1428664947372)),
    "ID2": (Direction.REQUEST, LARGE, at(1428664660610)),
    "ID3": (Direction.RESPONSE, NORMAL, at(1428664927050)),
}


def add(writer: ArchiveWriter, query_id: str, number: int) -> bytes:
    direction, content, time = RECORDS[query_id]
    name = container_name(query_id, direction, number)
    return b"".join(writer.add(name, [content], time))


def starts(data: bytes, reader: Pgp | None) -> list[str]:
    """Return the beginnings of the containers' names; check that linkinginfo is last.

    With a reader the archive is encrypted on its way and read again.
    """
    data = there_and_back(data, reader)
    *containers, last = entries(data)
    assert last == "linkinginfo"
    assert len(set(containers)) == len(containers)
    return [name[: name.rindex("-") + 1] for name in containers]


def there_and_back(data: bytes, reader: Pgp | None) -> bytes:
    if reader is None:
        return data
    with tempfile.NamedTemporaryFile() as sealed, tempfile.TemporaryFile() as clear:
        with reader.keyring.encrypting((), sealed) as write:
            write(data)
        assert data[:100] not in Path(sealed.name).read_bytes()
        reader.keyring.decrypt(Path(sealed.name), clear)  # DECRYPTION_OKAY and GOODSIG
        clear.seek(0)
        return clear.read()


def archive_of(previous: ArchiveLink, *query_ids: str) -> tuple[bytes, str]:
    writer = ArchiveWriter(previous)
    data = b"".join(add(writer, name, n) for n, name in enumerate(query_ids))
    data += b"".join(writer.finish())
    return data, writer.link().digest


def one_entry_of_normal_size_fits(reader: Pgp | None) -> None:
    writer = ArchiveWriter()
    data = add(writer, "ID1", 0)
    assert not writer.is_full
    assert starts(data + b"".join(writer.finish()), reader) == ["ID1-request-"]
    assert writer.link().file_name.startswith("mlog-20150410112227-20150410112227-")


def a_large_entry_rotates_at_once(reader: Pgp | None) -> None:
    writer = ArchiveWriter(max_bytes=50)
    data = add(writer, "ID2", 0)
    assert writer.is_full
    assert starts(data + b"".join(writer.finish()), reader) == ["ID2-request-"]


def rotation_meanwhile(reader: Pgp | None) -> None:
    writer = ArchiveWriter(max_bytes=350)
    data = add(writer, "ID1", 0)
    assert not writer.is_full
    data += add(writer, "ID2", 1)
    assert writer.is_full
    assert starts(data + b"".join(writer.finish()), reader) == [
        "ID1-request-",
        "ID2-request-",
    ]
    assert writer.link().file_name.startswith("mlog-20150410111740-20150410112227-")
    following = ArchiveWriter(writer.link(), max_bytes=350)
    data = add(following, "ID3", 2)
    assert not following.is_full
    assert starts(data + b"".join(following.finish()), reader) == ["ID3-response-"]
    assert following.link().file_name.startswith("mlog-20150410112207-20150410112207-")


def the_same_record_twice_has_two_names(reader: Pgp | None) -> None:
    data, _ = archive_of(NO_ARCHIVE, "ID1", "ID1")
    assert starts(data, reader) == ["ID1-request-", "ID1-request-"]


def archiving_is_deterministic(reader: Pgp | None) -> None:
    before = ArchiveLink("deadbeef", "test")
    assert archive_of(before, "ID1") == archive_of(before, "ID1")
    other_data, other_digest = archive_of(NO_ARCHIVE, "ID1")
    data, digest = archive_of(before, "ID1")
    assert data != other_data
    assert digest != other_digest


def no_record_is_refused(reader: Pgp | None) -> None:
    with pytest.raises(TypeError):
        list(ArchiveWriter().add("x", None, at(0)))  # type: ignore[arg-type]  # that is the point


CACHE = (
    one_entry_of_normal_size_fits,
    a_large_entry_rotates_at_once,
    rotation_meanwhile,
    the_same_record_twice_has_two_names,
    archiving_is_deterministic,
    no_record_is_refused,
)


async def write_and_rotate(world: World) -> None:
    """Log three time-stamps with five records each."""
    async with world.log() as log:
        for stamp in range(3):
            for number in range(5):
                name = f"qid{6 * stamp + number + 1}"
                owner = ClientId(
                    "INSTANCE", "memberClass", "memberCode", "subsystemCode"
                )
                record = world.record(name, client_id=owner, message=name.encode())
                await log.write(record)
                world.clock.forward(milliseconds=1)
            await log.job.run_once()


def all_archives(world: World, reader: Pgp | None) -> list[list[str]]:
    paths = sorted(world.policy.archive.iterdir())
    if reader is None:
        return [entries(path.read_bytes()) for path in paths]
    assert all(path.name.endswith(".zip.gpg") for path in paths)
    return [entries(reader.read(path.read_bytes())) for path in paths]


GROUP_NAMES = {
    Grouping.NONE: "mlog-2",
    Grouping.MEMBER: "mlog-INSTANCE_memberClass_memberCode-2",
    Grouping.SUBSYSTEM: "mlog-INSTANCE_memberClass_memberCode_subsystemCode-2",
}


@pytest.fixture(scope="module")
def pgp() -> Iterator[Pgp]:
    """The server's keyring: it signs and, as no other key is named, encrypts too."""
    with pgp_home() as server:
        server.make_key("INSTANCE/GOV/OWNER")
        yield server


@pytest.fixture
def reader(request: pytest.FixtureRequest, row: Row) -> Pgp | None:
    """Who reads the archives of a row; None: they are in clear."""
    if "GPG" not in row.case:
        return None
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not installed: apt install gnupg")
    found = request.getfixturevalue("pgp")
    assert isinstance(found, Pgp)
    return found


@pytest.mark.parametrize("row", rows("log-archive"))
async def test_log_archive(row: Row, sqlite: World, reader: Pgp | None):
    if row.case.startswith("writeAndRotate"):
        await archives_rotate(sqlite, row.case, reader)
        return
    for story in CACHE:
        story(reader)


@pytest.mark.postgres
@needs_postgres
@pytest.mark.parametrize(
    "row", [row for row in rows("log-archive") if "cache" not in row.values[0].case]
)
async def test_archives_rotate_on_postgresql(
    row: Row, postgresql: World, reader: Pgp | None
):
    await archives_rotate(postgresql, row.case, reader)


async def archives_rotate(world: World, case: str, reader: Pgp | None) -> None:
    grouping = Grouping[case.rpartition(" ")[2]]
    encryption = ArchiveEncryption(reader.keyring) if reader else None
    world = with_policy(world, grouping=grouping, archive_encryption=encryption)
    for limit in (50, 3000):
        folder = world.policy.archive / str(limit)
        folder.mkdir()
        world = with_policy(world, archive=folder, archive_max_bytes=limit)
        await write_and_rotate(world)
        archiver = Archiver(world.database, world.policy, clock=world.clock)
        assert await asyncio.to_thread(archiver.archive) == 15
        written = all_archives(world, reader)
        for path in folder.iterdir():
            assert path.name.startswith(GROUP_NAMES[grouping])
        assert len(written) > 1, "rotation happens"
        assert sum(len(names) - 1 for names in written) == 15
        if limit == 50:
            assert [len(names) for names in written] == [2] * 15


# --- log-encryption-map ---------------------------------------------------------

KEYS_INI = """\
# a comment on its own line
  # and one with white space before it

    INSTANCE/memberClass/memberCode =   B23B8E993AC4632A896D39A27BE94D3451C16D33
withEquals\\===Föö <foo@example.org>
withEquals\\= = =Föö <foo@example.org>
test=key#1
test = key#2
\\#comment escape\\#=#42
backslash\\\\=equals = 1
backslash\\\\#hash = 1
"""
"""What the reference's own file says; that one is not among the vectors."""
MAPPED = {
    "INSTANCE/memberClass/memberCode": ("B23B8E993AC4632A896D39A27BE94D3451C16D33",),
    "withEquals=": ("=Föö <foo@example.org>",),
    "test": ("key#1", "key#2"),
    "#comment escape#": ("#42",),
    "backslash\\=equals": ("1",),
    "backslash\\#hash": ("1",),
}


@pytest.mark.parametrize("row", rows("log-encryption-map"))
def test_log_encryption_map(row: Row, tmp_path: Path):
    assert row.expected == "pass"
    path = tmp_path / "keys.ini"
    path.write_text(KEYS_INI, encoding="utf-8")
    assert read_key_map(path) == MAPPED
    wrong = ("=", "key=", "=value", "key? value?")
    assert parse_key_map("\n".join(wrong)) == ({}, [1, 2, 3, 4])

    default = "B23B8E993AC4632A896D39A27BE94D3451C16D55"
    encryption = ArchiveEncryption(Keyring(tmp_path), default, path)
    member = ClientId("INSTANCE", "memberClass", "memberCode")
    subsystem = ClientId("INSTANCE", "memberClass", "memberCode", "subsystemCode")
    other = ClientId("INSTANCE", "memberClass", "memberCode2")
    assert encryption.recipients(member) == MAPPED[member.short]
    assert encryption.recipients(subsystem) == MAPPED[member.short]
    assert encryption.recipients(other) == (default,)
    assert encryption.recipients(None) == (default,)


# --- log-hash -------------------------------------------------------------------


@pytest.mark.parametrize("row", rows("log-hash"))
def test_log_hash(row: Row):
    assert row.expected == "pass"
    digest = SHA512.of(b"").hex()
    assert HashText.parse(f"SHA-256:{digest}") == HashText("SHA-256", digest)
    assert str(HashText("SHA-256", digest)) == f"SHA-256:{digest}"
    for wrong in (None, "foobar", ":", ":foobar", "foobar:"):
        with pytest.raises(XRoadError):
            HashText.parse(wrong)


# --- asic-download --------------------------------------------------------------


async def download_verification_configuration(_world: World, row: Row) -> None:
    shared, metadata, own = (row.read(index) for index in range(3))
    assert b'"configurationVersion":"3"' in metadata.replace(b" ", b"")
    download = verification_configuration(
        own.decode().strip(),
        [InstanceConfiguration("CS", shared, "3")],
        time=datetime(2026, 1, 1, tzinfo=UTC),
    )
    data = b"".join([chunk async for chunk in download.chunks()])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = [(name, archive.read(name)) for name in archive.namelist()]
    prefix = "verificationconf/"
    assert found == [
        (f"{prefix}CS/shared-params.xml", shared),
        (f"{prefix}CS/shared-params.xml.metadata", b'{"configurationVersion":"3"}'),
        (f"{prefix}instance-identifier", own.strip()),
    ]


async def download(world: World, **flags: str) -> list[str]:
    """Log a REST message, ask for it, and return the names in the answer."""
    async with world.log() as log:
        await log.write(rest_record(world, "q-1"))
        await log.job.run_once()
        request = AsicRequest.from_parameters(
            {
                "xRoadInstance": "XRD",
                "memberClass": "Class",
                "memberCode": "Member",
                "subsystemCode": "SubSystem",
                "queryId": "q-1",
                **flags,
            }
        )
        answer = await asic_download(log, request)
        data = b"".join([chunk async for chunk in answer.chunks()])
    return entries(data)


async def download_container(world: World, _row: Row) -> None:
    names = await download(world)
    assert len(names) == 1
    assert names[0].startswith("q-1")


async def download_unique_container(world: World, _row: Row) -> None:
    names = await download(world, unique="", requestOnly="")
    assert names.count("attachment1") == 1


DOWNLOADS: dict[str, Story] = {
    "assertVerificationConfiguration": download_verification_configuration,
    "downloadAsicContainer": download_container,
    "downloadUniqueAsicContainer": download_unique_container,
}


@pytest.mark.parametrize("row", rows("asic-download"))
async def test_asic_download(row: Row, sqlite: World):
    assert row.expected == "reply"
    await DOWNLOADS[row.case](sqlite, row)


@pytest.mark.postgres
@needs_postgres
@pytest.mark.parametrize("row", rows("asic-download"))
async def test_asic_download_on_postgresql(row: Row, postgresql: World):
    await DOWNLOADS[row.case](postgresql, row)
