"""Write tables as XLSX, CSV and Parquet, row by row, safe for whoever opens them.

A spreadsheet takes text that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, also
behind a tab, a carriage return or spaces. So:

- XLSX: text is written as text, never as a formula or a link, and such a cell is marked
  with Excel's own quote prefix: it shows as it is, and stays text when it is edited.
- CSV: an apostrophe is put before it. `unquoted` takes it away where we read CSV.
- Numbers and dates are written as numbers and dates in all kinds: -5 stays -5.
- Control and direction characters are removed everywhere; line breaks become spaces.
- Parquet has typed columns and nobody evaluates them: texts stay as they are otherwise.

CSV is written as Excel here opens it by a double click: UTF-8 with a byte order mark,
semicolons, decimal commas, dates as 05.03.1987.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from kerege.apps.aimak.workbooks.limits import MAX_SHEET_ROWS

if TYPE_CHECKING:
    import xlsxwriter

Cell = str | int | Decimal | date | None
FORMULA_STARTS = ("=", "+", "-", "@")
"""Once `clean` has made tabs and carriage returns spaces, and spaces are left out."""
MAX_XLSX_TEXT = 32_767
"""Characters of one cell; Excel calls a file with more damaged."""
_BATCH_ROWS = 10_000
"""Rows of one Parquet row group: a few megabytes."""
_DECIMAL_DIGITS = (18, 3)
"""Precision and scale of decimals in Parquet: areas to a square decimetre."""


class ColumnType(StrEnum):
    """What all values of a column are."""

    TEXT = "text"
    COUNT = "count"
    DECIMAL = "decimal"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    """Of the field, as Parquet has it."""
    label: str
    """As the reader's language has it: the header of XLSX and CSV."""
    type: ColumnType = ColumnType.TEXT


class FileKind(StrEnum):
    """The kinds of files that are written."""

    XLSX = "xlsx"
    CSV = "csv"
    PARQUET = "parquet"


class TooManyRowsError(Exception):
    """More rows than a sheet has; CSV and Parquet take any number."""


def write_table(
    kind: FileKind,
    path: Path,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
) -> int:
    """Write a file, holding a few rows in memory at a time.

    Args:
        kind: Which kind.
        path: The file, which is replaced.
        columns: The columns.
        rows: As many values each as there are columns, of the columns' types or None.

    Returns:
        How many rows were written.

    Raises:
        TooManyRowsError: For XLSX.
        OSError: If the disk is full, for one.
    """
    writers: dict[FileKind, Callable[..., int]] = {
        FileKind.XLSX: _write_xlsx,
        FileKind.CSV: _write_csv,
        FileKind.PARQUET: _write_parquet,
    }
    return writers[kind](path, columns, rows)


def clean(text: str) -> str:
    """Return a text without control characters; line breaks and tabs become spaces."""
    if text.isprintable():
        return text
    spaced = (" " if c in "\n\r\t\u2028\u2029" else c for c in text)
    return "".join(c for c in spaced if c.isprintable())


def quoted(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula when it opens a CSV file."""
    text = clean(text)
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) else text


def unquoted(text: str) -> str:
    """Return the text that `quoted` was given, where it put an apostrophe."""
    is_quoted = text.startswith("'") and text[1:].lstrip().startswith(FORMULA_STARTS)
    return text[1:] if is_quoted else text


def _write_csv(
    path: Path, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]
) -> int:
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow([quoted(column.label) for column in columns])
        for row in rows:
            writer.writerow([_csv_cell(cell) for cell in row])
            count += 1
    return count


def _csv_cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return quoted(cell)
        case date():
            return f"{cell:%d.%m.%Y}"
        case Decimal():
            return format(cell, "f").replace(".", ",")
        case _:
            return str(cell)


def _write_xlsx(
    path: Path, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]
) -> int:
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(path),
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    try:
        return _fill_sheet(book, columns, rows)
    finally:
        book.close()


def _fill_sheet(
    book: "xlsxwriter.Workbook",
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
) -> int:
    sheet = book.add_worksheet()
    text = book.add_format({"num_format": "@"})
    prefixed = book.add_format({"num_format": "@", "quote_prefix": True})
    day = book.add_format({"num_format": "dd.mm.yyyy"})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        sheet.set_column(place, place, max(12, min(40, len(column.label) + 2)))
        sheet.write_string(0, place, clean(column.label), head)
    count = 0
    for count, row in enumerate(rows, 1):
        if count >= MAX_SHEET_ROWS:
            raise TooManyRowsError
        for place, cell in enumerate(row):
            if isinstance(cell, str):
                style = prefixed if quoted(cell).startswith("'") else text
                sheet.write_string(count, place, clean(cell)[:MAX_XLSX_TEXT], style)
            elif isinstance(cell, date):
                sheet.write_datetime(count, place, cell, day)
            elif cell is not None:
                sheet.write_number(count, place, cell)
    return count


def _write_parquet(
    path: Path, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]
) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        ColumnType.TEXT: pa.string(),
        ColumnType.COUNT: pa.int64(),
        ColumnType.DECIMAL: pa.decimal128(*_DECIMAL_DIGITS),
        ColumnType.DATE: pa.date32(),
    }
    schema = pa.schema([(column.name, types[column.type]) for column in columns])
    count = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            count += len(batch)
            arrays = [
                pa.array(map(_arrow_value, values), type=types[column.type])
                for column, values in zip(
                    columns, zip(*batch, strict=True), strict=True
                )
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    return count


def _arrow_value(cell: Cell) -> Cell:
    return clean(cell) if isinstance(cell, str) else cell


def _batches(rows: Iterable[Sequence[Cell]]) -> Iterator[list[Sequence[Cell]]]:
    source = iter(rows)
    while batch := list(islice(source, _BATCH_ROWS)):
        yield batch
