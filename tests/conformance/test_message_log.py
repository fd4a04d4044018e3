"""The reference's own expectations of the message log, on both databases."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from kerege.exchange.messagelog import (
    Archiver,
    LogCipher,
    LogKey,
    LogRecord,
    MessageLog,
)
from kerege.exchange.messagelog.stored import StoredRecord
from kerege.exchange.spool import Spool
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import archives, records, timestamps
from kerege.xroad.algorithms import SHA512
from kerege.xroad.archive import (
    ArchiveLink,
    read_archive,
    verify_archive,
)
from kerege.xroad.asic import read_container
from kerege.xroad.faults import XRoadError
from kerege.xroad.hashchain import InputDigest, verify_hash_chain
from kerege.xroad.identifiers import ClientId, ServiceId
from tests.conformance.message_logs import (
    BODY,
    rest_record,
    vector,
    with_policy,
    world_of,
)
from tests.exchange.messagelog.world import World
from tests.postgres import needs_postgres
from tests.vectors import Row, needs_vectors, rows

pytestmark = needs_vectors

CONSUMER = ClientId("EE", "BUSINESS", "consumer")
SERVICE = ServiceId("EE", "BUSINESS", "producer", None, "testQuery")
LAST_DIGEST = "123567890abcdef"
LAST_FILE = "mlog-20150520112233-20150520123344-asdlfjlasa.zip"


@pytest.fixture(params=["clear", "encrypted"])
def cipher(request: pytest.FixtureRequest) -> LogCipher | None:
    """The rows ask for both: a database with and without encryption."""
    return LogCipher([LogKey.new()]) if request.param == "encrypted" else None


@pytest.fixture
def sqlite(
    sqlite_database: Database, tmp_path: Path, cipher: LogCipher | None
) -> World:
    """A log on SQLite: the reference's verdicts, one test for each row."""
    return with_policy(world_of(sqlite_database, tmp_path), cipher=cipher)


@pytest.fixture
def postgresql(
    postgres_database: Database, tmp_path: Path, cipher: LogCipher | None
) -> World:
    """The same on PostgreSQL."""
    return with_policy(world_of(postgres_database, tmp_path), cipher=cipher)


Story = Callable[[World, Row], Awaitable[None]]


def soap_record(world: World, row: Row, query_id: str, **changes: object) -> LogRecord:
    """Return the row's message with its signature, as the client's server logs it."""
    record = world.record(
        query_id,
        client_id=CONSUMER,
        service_id=SERVICE,
        message=row.read(0) if row.inputs else vector("simple.query"),
        signature=row.read(1) if row.inputs else vector("signature.xml"),
    )
    return record._replace(**changes)  # type: ignore[arg-type]  # by name


def failing(world: World) -> None:
    world.timestamper.failing = XRoadError("timestamping_failed", "told to")


async def write_three(world: World, row: Row, log: MessageLog) -> None:
    for number in range(3):
        await log.write(soap_record(world, row, f"q{number}"))


async def waiting(log: MessageLog) -> int:
    return len(await log.stamper.waiting(100))


# --- message-log ----------------------------------------------------------------


async def timestamping_forced(world: World, row: Row) -> None:
    world.clock.now = datetime(2014, 4, 2, 12, 34, 56, 100_000, UTC)
    async with world.log() as log:
        await log.write(soap_record(world, row, "forced"))
        assert await waiting(log) == 1
        record_id = world.stored()[0].record_id
        await log.timestamp(record_id)
        first = world.stored()[0].timestamp
        assert first is not None
        assert await waiting(log) == 0
        await log.timestamp(record_id)
        assert world.stored()[0].timestamp == first


async def log_three_messages_and_timestamp(world: World, row: Row) -> None:
    async with world.log() as log:
        await write_three(world, row, log)
        assert await waiting(log) == 3
        assert await log.job.run_once() == 3
        assert await waiting(log) == 0
    stored = world.stored()
    assert len({s.timestamp.timestamp_id for s in stored if s.timestamp}) == 1
    for one in stored:
        assert one.timestamp is not None
        assert one.timestamp.hash_chain_result == world.timestamper.stamped[0]
        digest = InputDigest(SHA512, SHA512.of(row.read(1)))
        verify_hash_chain(
            one.timestamp.hash_chain_result,
            inputs={"/META-INF/signatures.xml": digest},
            resolve={"/ts-hashchain.xml": one.timestamp.hash_chain}.get,
        )


async def log_rest_message(world: World, _row: Row) -> None:
    record = rest_record(world, "q-1")
    async with world.log() as log:
        await log.write(record)
    (stored,) = world.stored()
    assert (stored.query_id, stored.x_request_id) == ("q-1", record.x_request_id)
    container = read_container_of(world, stored)
    assert container.message == record.message
    assert attachments_of(container) == [BODY]


async def log_soap_with_attachments(world: World, row: Row) -> None:
    two = (Spool.of(b"ONE"), Spool.of(b"TWO"))
    record = soap_record(world, row, "q1", attachments=two)
    async with world.log() as log:
        await log.write(record)
    container = read_container_of(world, world.stored()[0])
    assert container.message == record.message
    assert attachments_of(container) == [b"ONE", b"TWO"]


async def timestamp_records_limit(world: World, row: Row) -> None:
    async with with_policy(world, timestamp_records_limit=2).log() as log:
        for number in range(5):
            await log.write(soap_record(world, row, f"q{number}"))
        assert await waiting(log) == 5
        assert await log.job.run_once() == 5
    shared = [s.timestamp.timestamp_id for s in world.stored() if s.timestamp]
    assert [len(list(group)) for _, group in itertools.groupby(shared)] == [2, 2, 1]


async def timestamp_immediately(world: World, row: Row) -> None:
    async with with_policy(world, timestamp_immediately=True).log() as log:
        await log.write(soap_record(world, row, "q1"))
        assert await waiting(log) == 0
        failing(world)
        with pytest.raises(XRoadError) as caught:
            await log.write(soap_record(world, row, "q2"))
        assert caught.value.code == "timestamping_failed"


async def log_timestamp_archive_and_clean(world: World, row: Row) -> None:
    world = with_policy(world, keep_seconds=0)
    with world.database.write() as connection:
        connection.execute(
            archives.insert().values(
                group_name="", last_digest=LAST_DIGEST, last_file=LAST_FILE
            )
        )
    start = datetime(2021, 9, 1, 12, 34, 55, 100_000, UTC)
    async with world.log() as log:
        for number in range(3):
            time = start + timedelta(seconds=2.1 * number)
            await log.write(soap_record(world, row, f"q{number}", time=time))
        await log.job.run_once()
    archiver = Archiver(world.database, world.policy, clock=world.clock)
    assert archiver.archive() == 3
    assert archived_rows(world.database) == 4
    assert archiver.clean() == 3
    assert archived_rows(world.database) == 0

    (path,) = world.policy.archive.iterdir()
    archive = read_archive(path.read_bytes())
    assert archive.info.previous == ArchiveLink(LAST_DIGEST, LAST_FILE)
    last = verify_archive(archive, previous=LAST_DIGEST)
    with world.database.read() as connection:
        assert connection.execute(select(archives.c.last_digest)).scalar() == last


async def timestamping_failed(world: World, row: Row) -> None:
    failing(world)
    async with world.log() as log:
        await write_three(world, row, log)
        with pytest.raises(XRoadError):
            await log.job.run_once()
        await log.write(soap_record(world, row, "q4"))
        assert await waiting(log) == 4


async def timestamping_failed_stop_logging(world: World, row: Row) -> None:
    failing(world)
    async with with_policy(world, acceptable_failure_seconds=1).log() as log:
        await write_three(world, row, log)
        with pytest.raises(XRoadError):
            await log.job.run_once()
        world.clock.forward(seconds=60)
        await log.write(soap_record(world, row, "q4"))


async def timestamp_no_tsp_urls(world: World, row: Row) -> None:
    world.timestamper.is_configured = False
    async with world.log() as log:
        await log.write(soap_record(world, row, "q1"))


MESSAGE_LOG: dict[str, Story] = {
    "timestampingForced": timestamping_forced,
    "logThreeMessagesAndTimestamp": log_three_messages_and_timestamp,
    "logRestMessage": log_rest_message,
    "logSoapWithAttachments": log_soap_with_attachments,
    "testTimestampRecordsLimit": timestamp_records_limit,
    "timestampImmediately": timestamp_immediately,
    "logTimestampArchiveAndClean": log_timestamp_archive_and_clean,
    "timestampingFailed": timestamping_failed,
    "timestampingFailedStopLogging": timestamping_failed_stop_logging,
    "timestampNoTspUrls": timestamp_no_tsp_urls,
}


@pytest.mark.parametrize("row", rows("message-log"))
async def test_message_log(row: Row, sqlite: World):
    await hold_to(row, sqlite)


@pytest.mark.postgres
@needs_postgres
@pytest.mark.parametrize("row", rows("message-log"))
async def test_message_log_on_postgresql(row: Row, postgresql: World):
    await hold_to(row, postgresql)


async def hold_to(row: Row, world: World) -> None:
    if row.expected == "pass":
        await MESSAGE_LOG[row.case](world, row)
        return
    with pytest.raises(XRoadError) as caught:
        await MESSAGE_LOG[row.case](world, row)
    assert caught.value.code == row.error_code


def read_container_of(world: World, stored: StoredRecord) -> Any:
    from kerege.xroad.asic import write_container

    assert (stored.seal is None) == (world.policy.cipher is None)
    parts = stored.parts(world.policy.bodies, world.policy.cipher)
    return read_container(write_container(parts, time=stored.time))


def attachments_of(container: Any) -> list[bytes]:
    return [b"".join(each.chunks()) for each in container.attachments]


def archived_rows(database: Database) -> int:
    count = 0
    with database.read() as connection:
        for table in (records, timestamps):
            question = select(func.count()).where(table.c.archived.is_(True))
            count += connection.execute(question).scalar_one()
    return count
