"""Copying everything from one database into another, empty one.

Rules:

* One transaction on each side: what is read is of one moment, and what is written is
  there as a whole or not at all.
* Memory is bounded: rows are read a few at a time and written in batches.
* Afterwards the rows of every table are counted on both sides.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from kerege.exchange.storage.database import Database, database_error
from kerege.exchange.storage.tables import metadata
from kerege.xroad.faults import XRoadError

READ_ROWS = 20
"""Rows in memory while reading; the largest, a logged body, has 1 MiB."""
BATCH_ROWS = 500
BATCH_BYTES = 4 * 1024 * 1024
"""A batch is written when it has so many rows or bytes."""

Progress = Callable[[str, int, int], None]
"""Hears the table's name, how many of its rows are copied, and how many there are."""
Row = dict[str, Any]


def copy_database(
    source: Database, target: Database, progress: Progress
) -> Mapping[str, int]:
    """Copy every row of every table; return how many rows each table has.

    Args:
        source: Is only read.
        target: Has its tables, and nothing in them.
        progress: Hears how far it is.

    Raises:
        XRoadError: ``action_not_possible`` if the target is not empty or does not hold
            the same number of rows in the end; ``database_error``. The target is empty
            then, as before.
    """
    try:
        with source.snapshot() as reading, target.write() as writing:
            _require_empty(writing)
            counts = {}
            for table in metadata.sorted_tables:
                counts[table.name] = _copy(table, reading, writing, progress)
                _require_same_count(table, reading, writing)
            return counts
    except SQLAlchemyError as error:
        raise database_error("copy the database", error) from error


def _copy(
    table: Table, reading: Connection, writing: Connection, progress: Progress
) -> int:
    total, done = _count(table, reading), 0
    progress(table.name, 0, total)
    for batch in _batches(table, reading):
        writing.execute(table.insert(), batch)
        done += len(batch)
        progress(table.name, done, total)
    _go_on_counting(table, writing)
    return done


def _batches(table: Table, reading: Connection) -> Iterator[list[Row]]:
    """Yield a table's rows, bounded in number and in bytes."""
    question = select(table).order_by(*table.primary_key.columns)
    rows = reading.execution_options(yield_per=READ_ROWS).execute(question)
    batch: list[Row] = []
    size = 0
    for row in rows.mappings():
        batch.append(dict(row))
        size += _size(tuple(row.values()))
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _size(values: Sequence[object]) -> int:
    return sum(len(value) for value in values if isinstance(value, bytes | str))


def _go_on_counting(table: Table, writing: Connection) -> None:
    """Let PostgreSQL give new rows ids above those that were copied."""
    column = table.autoincrement_column
    if column is None or writing.dialect.name != "postgresql":
        return
    sequence = writing.execute(
        text("SELECT pg_get_serial_sequence(:name, :column)"),
        {"name": table.name, "column": column.name},
    ).scalar()
    if sequence is None:
        return
    last = writing.execute(select(func.max(column))).scalar()
    if last is not None:
        writing.execute(
            text("SELECT setval(:sequence, :last)"),
            {"sequence": sequence, "last": last},
        )


def _require_empty(writing: Connection) -> None:
    for table in metadata.sorted_tables:
        if rows := _count(table, writing):
            raise XRoadError(
                "action_not_possible",
                f"The new database is not empty: {table.name} has {rows} rows",
                advice="Give an empty one: nothing in it would be overwritten, and "
                "nothing mixed.",
            )


def _require_same_count(table: Table, reading: Connection, writing: Connection) -> None:
    before, after = _count(table, reading), _count(table, writing)
    if before != after:
        raise XRoadError(
            "action_not_possible",
            f"Of {before} rows of {table.name} {after} arrived",
            advice="Nothing was changed. Does another program write to the databases?",
        )


def _count(table: Table, connection: Connection) -> int:
    question = select(func.count()).select_from(table)
    return int(connection.execute(question).scalar_one())
