"""A message log that has been in use for a month: many records, put there in bulk.

All are copies of one that the server itself wrote, with ids, times and query ids of
their own. The oldest are archived, then come those that wait for the archive, and the
newest wait for their time-stamp. One time-stamp covers `PER_TIMESTAMP` records.
"""

import time

from sqlalchemy import Connection, text

from kerege.exchange.messagelog.ids import first_id
from kerege.exchange.storage import Database

PER_TIMESTAMP = 500
UNSTAMPED = 0.05
ARCHIVED = 0.80
DAYS = 30
_AT_ONCE = 25_000

_SERIES = {
    "sqlite": "WITH RECURSIVE g(n) AS (SELECT :start UNION ALL "
    "SELECT n + 1 FROM g WHERE n + 1 < :stop) ",
    "postgresql": "WITH g(n) AS (SELECT generate_series(CAST(:start AS bigint), "
    "CAST(:stop AS bigint) - 1)) ",
}
_RANDOM = {
    "sqlite": "lower(hex(randomblob(16)))",
    "postgresql": "replace(CAST(gen_random_uuid() AS text), '-', '')",
}
_COMMON = (
    (
        "INSERT INTO message_log_timestamps "
        "(id, time, token, hash_chain_result, archived) "
        "{series} SELECT :base + g.n * :id_step, :time + g.n * :time_step, "
        "t.token, t.hash_chain_result, g.n < :archived "
        "FROM g, message_log_timestamps t "
        "WHERE t.id = :template AND g.n % :per = 0 AND g.n < :stamped"
    ),
    (
        "INSERT INTO message_log_records (id, time, is_response, client_side, query_id, "
        "x_request_id, instance, member_class, member_code, subsystem_code, "
        "signature_digest, timestamp_id, archived) "
        "{series} SELECT :base + g.n * :id_step + 1, :time + g.n * :time_step, "
        "g.n % 2 = 1, r.client_side, r.instance || '-' || {random}, {random}, r.instance, "
        "r.member_class, r.member_code, r.subsystem_code, "
        "CASE WHEN g.n < :stamped THEN NULL ELSE r.signature_digest END, "
        "CASE WHEN g.n < :stamped THEN :base + (g.n - g.n % :per) * :id_step END, "
        "g.n < :archived FROM g, message_log_records r WHERE r.id = :record"
    ),
    (
        "INSERT INTO message_log_contents (record_id, message, signature, "
        "hash_chain_result, hash_chain, ending) "
        "{series} SELECT :base + g.n * :id_step + 1, c.message, c.signature, "
        "c.hash_chain_result, c.hash_chain, c.ending "
        "FROM g, message_log_contents c WHERE c.record_id = :record"
    ),
    (
        "INSERT INTO message_log_attachments "
        "(record_id, number, size, digest, file, data) "
        "{series} SELECT :base + g.n * :id_step + 1, a.number, a.size, a.digest, a.file, "
        "a.data FROM g, message_log_attachments a WHERE a.record_id = :record"
    ),
    (
        "INSERT INTO message_log_timestamp_chains (record_id, hash_chain) "
        "{series} SELECT :base + g.n * :id_step + 1, h.hash_chain "
        "FROM g, message_log_timestamp_chains h "
        "WHERE h.record_id = :chain AND g.n < :stamped"
    ),
)


def fill(database: Database, count: int) -> None:
    """Put ``count`` records before those that are there.

    The log must hold one record without time-stamp and one that was stamped with
    others, as templates.
    """
    dialect = database.engine.dialect.name
    with database.write() as connection:
        values = _templates(connection) | _numbers(count)
    statements = [
        each.format(series=_SERIES[dialect], random=_RANDOM[dialect])
        for each in _COMMON
    ]
    for start in range(0, count, _AT_ONCE):
        part = {"start": start, "stop": min(start + _AT_ONCE, count)}
        with database.write() as connection:
            for statement in statements:
                connection.execute(text(statement), values | part)
    _tidy(database)


def unstamped(database: Database) -> int:
    """Return how many records wait for their time-stamp."""
    question = "SELECT count(*) FROM message_log_records WHERE timestamp_id IS NULL"
    with database.read() as connection:
        return int(connection.execute(text(question)).scalar_one())


def _templates(connection: Connection) -> dict[str, int]:
    def one(question: str) -> int:
        return int(connection.execute(text(question)).scalar_one())

    return {
        "record": one(
            "SELECT max(r.id) FROM message_log_records r WHERE r.timestamp_id IS NULL"
        ),
        "chain": one("SELECT max(record_id) FROM message_log_timestamp_chains"),
        "template": one(
            "SELECT max(id) FROM message_log_timestamps "
            "WHERE hash_chain_result IS NOT NULL"
        ),
    }


def _numbers(count: int) -> dict[str, int]:
    milliseconds = DAYS * 86_400_000
    began = time.time_ns() // 1_000_000 - milliseconds - 3_600_000
    step = milliseconds // count
    return {
        "base": first_id(began),
        "time": began,
        "time_step": step,
        "id_step": first_id(began + step) - first_id(began),
        "per": PER_TIMESTAMP,
        "archived": int(count * ARCHIVED) // PER_TIMESTAMP * PER_TIMESTAMP,
        "stamped": int(count * (1 - UNSTAMPED)) // PER_TIMESTAMP * PER_TIMESTAMP,
    }


def _tidy(database: Database) -> None:
    """Do what the database would do in its own time, so that it does not do it now."""
    connection = database.engine.raw_connection()
    try:
        driver = connection.driver_connection
        if database.is_sqlite:
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            driver.autocommit = True
            driver.execute("VACUUM ANALYZE")
            driver.execute("CHECKPOINT")
            driver.autocommit = False
    finally:
        connection.close()
