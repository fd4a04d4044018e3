"""Many rows into a table at once: COPY on PostgreSQL, executemany on SQLite.

PostgreSQL writes rows three times as fast while a table has no index, so indexes and
constraints are taken off first and made again, checked, at the end of the transaction.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from django.db import connection

_ROWS_AT_A_TIME = 20_000


def copy(table: str, rows: pa.Table) -> None:
    """Insert rows whose columns have the names of the table's."""
    if not len(rows):
        return
    if connection.vendor == "postgresql":
        _copy_postgresql(table, rows)
    else:
        _insert_sqlite(table, rows)


def _copy_postgresql(table: str, rows: pa.Table) -> None:
    buffer = io.BytesIO()
    options = pacsv.WriteOptions(include_header=False, quoting_style="all_valid")
    pacsv.write_csv(rows, buffer, options)
    columns = ", ".join(f'"{name}"' for name in rows.column_names)
    statement = f'COPY "{table}" ({columns}) FROM STDIN (FORMAT csv)'
    with connection.cursor() as cursor, cursor.copy(statement) as stream:
        stream.write(buffer.getbuffer())


def _insert_sqlite(table: str, rows: pa.Table) -> None:
    columns = ", ".join(f'"{name}"' for name in rows.column_names)
    places = ", ".join("?" * rows.num_columns)
    statement = f'INSERT INTO "{table}" ({columns}) VALUES ({places})'  # noqa: S608
    connection.ensure_connection()
    cursor = connection.connection.cursor()
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        part = rows.slice(start, _ROWS_AT_A_TIME)
        values = [_sqlite(column).to_pylist() for column in part.columns]
        cursor.executemany(statement, zip(*values, strict=True))


def _sqlite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return days as the text that Django reads them from."""
    if pa.types.is_date(column.type):
        return pc.strftime(column, format="%Y-%m-%d")
    return column


@contextmanager
def without_indexes(tables: list[str]) -> Iterator[None]:
    """Take indexes and constraints off these tables, on PostgreSQL, and put them back.

    Inside a transaction: if anything fails, they were never gone.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        cursor.execute(_CONSTRAINTS, [tables])
        constraints = cursor.fetchall()
        cursor.execute(_INDEXES, [tables])
        indexes = cursor.fetchall()
        for table, name, _ in constraints:
            cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"')
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        for _, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in constraints:
            cursor.execute(
                f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" {definition}'
            )
        for table in tables:
            cursor.execute(f'ANALYZE "{table}"')


_CONSTRAINTS = """
    SELECT c.relname, k.conname, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE c.relname = ANY(%s) AND c.relnamespace = current_schema()::regnamespace
    AND k.contype IN ('c', 'f', 'u') ORDER BY k.contype <> 'f', k.conname"""
_INDEXES = """
    SELECT i.relname, pg_get_indexdef(x.indexrelid)
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_class i ON i.oid = x.indexrelid
    WHERE c.relname = ANY(%s) AND c.relnamespace = current_schema()::regnamespace
    AND NOT x.indisprimary AND NOT EXISTS (
        SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid
        AND k.contype IN ('p', 'u'))"""
