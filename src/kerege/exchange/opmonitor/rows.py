"""Writing records into the database, and removing old ones.

Messages do not wait behind such a transaction: on PostgreSQL it does not wait for the
disk (what a power cut takes are some seconds of statistics), on SQLite it leaves moving
the write-ahead log to the message log.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import unquote

from sqlalchemy import Connection, delete, func, select, text

from kerege.exchange.storage import Database
from kerege.exchange.storage.operational_data_tables import (
    operational_data,
    operational_services,
)
from kerege.xroad.identifiers import ServiceId, encode_segment
from kerege.xroad.opmonitoring import PRODUCER, OperationalRecord, cut

MAX_SERVICES = 2000
"""Services that are remembered. A server has some dozens; what strangers ask for in vain
goes first."""
REMOVED_AT_ONCE = 2000
"""Rows removed in one transaction: some milliseconds, so that messages do not wait."""

CHECKPOINT_PAGES = 8000
"""Of SQLite's write-ahead log, after which a transaction here moves it: twice what the
message log lets it grow to before it moves it itself. By default each would, once a
second, and move what messages have just written."""

_COLUMNS = OperationalRecord._fields
_TOGETHER = (50, 10, 1)
"""Rows in a statement: with each, the thread that stores and the event loop take the
interpreter's lock from each other once, and meanwhile the database's lock is held."""
_SERVICE = (
    "identity, path, service_type, last_successful, last_unsuccessful, last_heard"
)


def insert_records(
    connection: Connection, records: Sequence[OperationalRecord], at: int
) -> None:
    """Insert records, and note what they say of this server's services.

    Args:
        connection: In a transaction that may write.
        records: At most some hundred.
        at: Now, in seconds since 1970.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    else:
        connection.execute(text("SET LOCAL synchronous_commit TO OFF"))
    mark = "?" if is_sqlite else "%s"
    records = [cut(record) for record in records]
    done = 0
    for size in _TOGETHER:
        while len(records) - done >= size:
            some = records[done : done + size]
            values = tuple([value for one in some for value in (at, *one[1:])])
            connection.exec_driver_sql(_insert(size, mark), values)
            done += size
    if services := _services(records):
        connection.exec_driver_sql(_note_service(mark), services)


def remove_before(database: Database, seconds: int) -> int:
    """Remove records that were stored before a time; return how many there were.

    A few at a time, oldest first: a week's clean-up stalls no message.

    Args:
        database: Of this server.
        seconds: Since 1970.
    """
    removed = 0
    while True:
        old = (
            select(operational_data.c.id)
            .where(operational_data.c.monitoring_data_ts < seconds)
            .order_by(operational_data.c.monitoring_data_ts)
            .limit(REMOVED_AT_ONCE)
        )
        with database.write() as connection:
            gone = connection.execute(
                delete(operational_data).where(operational_data.c.id.in_(old))
            ).rowcount
        removed += gone
        if gone < REMOVED_AT_ONCE:
            break
    _forget_services(database)
    return removed


def _forget_services(database: Database) -> None:
    """Keep the services that are heard of most; a stranger's inventions go first."""
    table = operational_services
    surplus = (
        select(table.c.identity)
        .order_by(table.c.last_successful.is_(None), table.c.last_heard.desc())
        .offset(MAX_SERVICES)
    )
    with database.write() as connection:
        count = connection.execute(select(func.count()).select_from(table)).scalar_one()
        if count > MAX_SERVICES:
            found = connection.execute(surplus).scalars().all()
            connection.execute(delete(table).where(table.c.identity.in_(found)))


_Codes = tuple[str | None, ...]
_Row = tuple[bytes, str, str | None, int | None, int | None, int]


def _services(records: Iterable[OperationalRecord]) -> list[_Row]:
    """Return one row for each service; in order, so that no two writers deadlock."""
    found: dict[_Codes, tuple[str | None, int | None, int | None]] = {}
    for record in records:
        codes = _service_codes(record)
        if codes is None:
            continue
        kind, good, bad = found.get(codes, (None, None, None))
        if record.succeeded:
            good = max(good or 0, record.response_out_ts)
        else:
            bad = max(bad or 0, record.response_out_ts)
        found[codes] = (record.service_type or kind, good, bad)
    rows: list[_Row] = []
    for codes, (kind, good, bad) in found.items():
        path = "/".join(encode_segment(code or "") for code in codes)
        heard = max(good or 0, bad or 0)
        rows.append((_identity(path), path, kind, good, bad, heard))
    return sorted(rows, key=lambda row: row[0])


def _service_codes(record: OperationalRecord) -> _Codes | None:
    """Return six codes of a service of this server; None if a record names none."""
    if record.security_server_type != PRODUCER or not (
        record.service_xroad_instance
        and record.service_member_class
        and record.service_member_code
        and record.service_code
    ):
        return None
    return (
        record.service_xroad_instance,
        record.service_member_class,
        record.service_member_code,
        record.service_subsystem_code,
        record.service_code,
        record.service_version,
    )


def service_of(path: str) -> ServiceId:
    """Return the service with this path."""
    instance, member_class, member_code, subsystem, code, version = (
        unquote(segment) for segment in path.split("/")
    )
    return ServiceId(
        instance, member_class, member_code, subsystem or None, code, version or None
    )


def _identity(path: str) -> bytes:
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest()


@lru_cache(maxsize=2 * len(_TOGETHER))
def _insert(rows: int, mark: str) -> str:
    one = f"({', '.join([mark] * len(_COLUMNS))})"
    return (
        f"INSERT INTO operational_data ({', '.join(_COLUMNS)}) "  # noqa: S608 - names of ours
        f"VALUES {', '.join([one] * rows)}"
    )


def _note_service(mark: str) -> str:
    old = "operational_services"
    later = ", ".join(
        f"{name} = CASE WHEN {old}.{name} IS NULL OR excluded.{name} > {old}.{name} "
        f"THEN COALESCE(excluded.{name}, {old}.{name}) ELSE {old}.{name} END"
        for name in ("last_successful", "last_unsuccessful", "last_heard")
    )
    return (
        f"INSERT INTO operational_services ({_SERVICE}) "  # noqa: S608 - names of ours
        f"VALUES ({', '.join([mark] * 6)}) ON CONFLICT (identity) DO UPDATE SET "
        f"service_type = COALESCE(excluded.service_type, {old}.service_type), {later}"
    )
