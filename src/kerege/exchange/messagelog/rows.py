"""Log records as rows, and the statements that insert them.

The hot path: plain tuples and driver statements, without SQLAlchemy's per-row work.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Table

from kerege.exchange.messagelog.endings import Ending, Endings, upserts
from kerege.exchange.messagelog.sealing import LogCipher
from kerege.exchange.messagelog.values import LogRecord
from kerege.exchange.storage.message_log_tables import (
    attachments,
    contents,
    records,
    timestamp_chains,
)
from kerege.xroad.asic import Direction
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId

MAX_ID_CHARACTERS = 255
"""Longest query id or request id, as in the reference's database."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

RECORD_COLUMNS = (
    "id",
    "time",
    "is_response",
    "client_side",
    "query_id",
    "x_request_id",
    "instance",
    "member_class",
    "member_code",
    "subsystem_code",
    "signature_digest",
)
CONTENT_COLUMNS = (
    "record_id",
    "message",
    "signature",
    "hash_chain_result",
    "hash_chain",
    "seal",
    "ending",
)
ATTACHMENT_COLUMNS = ("record_id", "number", "size", "digest", "file", "data")
CHAIN_COLUMNS = ("record_id", "hash_chain")


@dataclass(frozen=True, slots=True)
class AttachmentRow:
    """One attachment: small with ``data``, large with ``file``, or its digest only."""

    size: int
    digest: bytes
    file: str | None
    data: bytes | None


class RecordRows(NamedTuple):
    """A record as rows, but for its id and the digest of its signature."""

    about: tuple[Any, ...]
    content: tuple[bytes, bytes, *tuple[bytes | None, ...]]
    attachments: tuple[AttachmentRow, ...]
    size: int
    """Bytes, about; what waits in memory is bounded by it."""
    signature: bytes
    """The whole of it."""
    ending: Ending | None = None


def to_rows(
    record: LogRecord,
    stored: tuple[AttachmentRow, ...],
    endings: Endings,
    cipher: LogCipher | None = None,
) -> RecordRows:
    """Return a record's rows, sealed if there is a cipher.

    Raises ``logging_failed`` if an id is too long.
    """
    _require_short_ids(record)
    about = about_record(record)
    message, seal = record.message, None
    if cipher is not None:
        what = about_sealed(about)
        seal, message, stored = _sealed(cipher, what, message, stored)
    beginning, ending = endings.split(record.signature)
    content = (
        message,
        beginning,
        record.hash_chain_result,
        record.hash_chain,
        seal,
        None if ending is None else ending.name,
    )
    size = sum([len(part) for part in content if part])
    size += sum([len(each.data) for each in stored if each.data])
    return RecordRows(about, content, stored, size, record.signature, ending)


def _require_short_ids(record: LogRecord) -> None:
    longest = max(len(record.query_id), len(record.x_request_id))
    if longest > MAX_ID_CHARACTERS:
        raise XRoadError(
            "logging_failed",
            f"An id of {longest} characters cannot be logged; "
            f"{MAX_ID_CHARACTERS} is the most",
        )


class Described(Protocol):
    """A record, to be logged or found again."""

    @property
    def time(self) -> datetime: ...  # noqa: D102
    @property
    def direction(self) -> Direction: ...  # noqa: D102
    @property
    def client_side(self) -> bool: ...  # noqa: D102
    @property
    def query_id(self) -> str: ...  # noqa: D102
    @property
    def x_request_id(self) -> str: ...  # noqa: D102
    @property
    def owner(self) -> ClientId: ...  # noqa: D102


def about_record(record: Described) -> tuple[Any, ...]:
    """Return the row of the narrow table, but for its ends."""
    owner = record.owner
    return (
        to_milliseconds(record.time),
        record.direction is Direction.RESPONSE,
        record.client_side,
        record.query_id,
        record.x_request_id,
        owner.instance,
        owner.member_class,
        owner.member_code,
        owner.subsystem_code or "",
    )


def _sealed(
    cipher: LogCipher,
    about: bytes,
    message: bytes,
    stored: tuple[AttachmentRow, ...],
) -> tuple[bytes, bytes, tuple[AttachmentRow, ...]]:
    """Return seal, message and attachments, encrypted in one operation."""
    inner = [each.data for each in stored if each.data is not None]
    seal, (message, *data) = cipher.seal(about, [message, *inner])
    return seal, message, with_data(stored, data) if data else stored


def about_sealed(about: tuple[Any, ...]) -> bytes:
    """Return what of a record is authenticated with its content: all of `about_record`.

    Each value has its length before it: no two records have the same bytes.
    """
    values = [str(value).encode(errors="surrogatepass") for value in about]
    return b"".join([b"%d:%b," % (len(value), value) for value in values])


def about_sealed_first(record: Described) -> bytes:
    """Return what was authenticated with seals of the first version."""
    time, direction = to_milliseconds(record.time), record.direction.value
    text = f"{time} {direction} {record.query_id}\n{record.x_request_id}"
    return text.encode(errors="surrogatepass")


def with_data(
    stored: Sequence[AttachmentRow], data: Sequence[bytes]
) -> tuple[AttachmentRow, ...]:
    """Return attachments with other data, for those of them that have data."""
    following = iter(data)
    return tuple(
        each
        if each.data is None
        else AttachmentRow(each.size, each.digest, None, next(following))
        for each in stored
    )


def to_milliseconds(time: datetime) -> int:
    """Return an aware time as stored."""
    return (time - _EPOCH) // _MILLISECOND


def from_milliseconds(stored: int) -> datetime:
    """Return a stored time."""
    return _EPOCH + stored * _MILLISECOND


def insert_many(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Insert rows, given as tuples in the order of ``columns``."""
    if rows:
        statement = _insert(table.name, columns, connection.dialect.name)
        connection.exec_driver_sql(statement, list(rows))


def insert_records(
    connection: Connection, batch: Sequence[tuple[int, bytes, RecordRows]]
) -> None:
    """Insert records, each with its id and the digest of its signature."""
    for statement, values in statements(batch, connection.dialect.name):
        connection.exec_driver_sql(statement, values)


def statements(
    batch: Sequence[tuple[int, bytes, RecordRows]], dialect: str
) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Yield the statements that insert records, each with the values of its rows."""
    named = {rows.ending: i for i, _, rows in batch if rows.ending is not None}
    if named:
        yield from upserts(named, _mark(dialect))
    yield (
        _insert(records.name, RECORD_COLUMNS, dialect),
        [(record_id, *rows.about, digest) for record_id, digest, rows in batch],
    )
    yield (
        _insert(contents.name, CONTENT_COLUMNS, dialect),
        [(record_id, *rows.content) for record_id, _, rows in batch],
    )
    bodies = [
        (record_id, number, each.size, each.digest, each.file, each.data)
        for record_id, _, rows in batch
        for number, each in enumerate(rows.attachments, 1)
    ]
    if bodies:
        yield _insert(attachments.name, ATTACHMENT_COLUMNS, dialect), bodies


def insert_chains(connection: Connection, chains: Sequence[tuple[int, bytes]]) -> None:
    """Insert the hash chains of time-stamps, by record id."""
    insert_many(connection, timestamp_chains, CHAIN_COLUMNS, chains)


@lru_cache(maxsize=16)
def _insert(table: str, columns: tuple[str, ...], dialect: str) -> str:
    marks = ", ".join([_mark(dialect)] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - our own names


def _mark(dialect: str) -> str:
    return "?" if dialect == "sqlite" else "%s"
