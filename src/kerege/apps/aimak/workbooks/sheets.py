"""What is read of a workbook: sheets and rows of plain values, and their lines of JSON.

The reading process writes one line for the book, then one line for each row; the other
side believes neither shape nor size of what it reads (`row_of_line`, `book_of_line`).
"""

import json
from dataclasses import dataclass
from datetime import date

from kerege.apps.aimak.workbooks.limits import MAX_CELL_CHARS, MAX_COLUMNS, MAX_SHEETS

Value = str | int | float | bool | date | None
"""Of one cell: text, a number, a date that the file itself calls a date, or nothing."""
MAX_SHEET_NAME = 64
"""Excel allows 31 letters."""


class BrokenLineError(ValueError):
    """The reading process wrote something else than it should: our own error."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook; a CSV file is a book with one sheet."""

    name: str
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """What a file says of itself."""

    kind: str
    """``xlsx`` or ``csv``."""
    sheets: tuple[Sheet, ...]
    encoding: str = ""
    """Of a CSV file, as it was found: ``utf-8``, ``cp1251``, ``utf-16``."""
    separator: str = ""
    """Of a CSV file."""
    epoch_1904: bool = False
    """Whether numbers that mean days count from 1904 (old Macintosh files)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, empty ones left out."""

    number: int
    """As the program that shows the file counts: the first is 1."""
    values: tuple[Value, ...]
    formulas: frozenset[int] = frozenset()
    """Columns (from 0) whose value is the last result of a formula."""
    filled: frozenset[int] = frozenset()
    """Columns whose value stands in a merged cell that begins further up."""
    errors: frozenset[int] = frozenset()
    """Columns that show an error of the spreadsheet, such as #DIV/0!."""
    cut: frozenset[int] = frozenset()
    """Columns whose text was longer than `MAX_CELL_CHARS` and was cut."""

    @property
    def has_own_value(self) -> bool:
        """Whether anything stands in the row itself."""
        return any(
            value is not None and column not in self.filled
            for column, value in enumerate(self.values)
        )

    def value(self, column: int) -> Value:
        """Return the value of a column, None where the row ends before it."""
        return self.values[column] if column < len(self.values) else None


def column_name(column: int) -> str:
    """Return the letters of a column (from 0): A, B, ... Z, AA."""
    name = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def cell_name(column: int, row: int) -> str:
    """Return a cell's name as spreadsheets show it, ``C17``."""
    return f"{column_name(column)}{row}"


def line_of_book(book: Book) -> bytes:
    """Return the line that tells of a book."""
    fields = {
        "kind": book.kind,
        "sheets": [
            [sheet.name[:MAX_SHEET_NAME], sheet.hidden] for sheet in book.sheets
        ],
        "encoding": book.encoding,
        "separator": book.separator,
        "epoch_1904": book.epoch_1904,
    }
    return json.dumps(fields).encode() + b"\n"


def book_of_line(line: bytes) -> Book:
    """Return the book that a line tells of.

    Raises:
        BrokenLineError: If it is no such line.
    """
    try:
        fields = json.loads(line)
        sheets = tuple(
            Sheet(str(name), bool(hidden)) for name, hidden in fields["sheets"]
        )
        if len(sheets) > MAX_SHEETS:
            raise BrokenLineError(line[:80])
        return Book(
            kind=str(fields["kind"]),
            sheets=sheets,
            encoding=str(fields["encoding"]),
            separator=str(fields["separator"]),
            epoch_1904=bool(fields["epoch_1904"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BrokenLineError(line[:80]) from error


def line_of_row(row: Row) -> bytes:
    """Return the line of one row: number, values, and what is special."""
    values = [[v.isoformat()] if isinstance(v, date) else v for v in row.values]
    line: list[object] = [row.number, values]
    special = (row.formulas, row.filled, row.errors, row.cut)
    if any(special):
        line.append([sorted(columns) for columns in special])
    return (
        json.dumps(line, ensure_ascii=False, allow_nan=False).encode(
            "utf-8", "surrogatepass"
        )
        + b"\n"
    )


def row_of_line(line: bytes) -> Row:
    """Return the row of a line.

    Raises:
        BrokenLineError: If it is no such line.
    """
    try:
        number, values, *special = json.loads(line)
        if not isinstance(number, int) or len(values) > MAX_COLUMNS:
            raise BrokenLineError(line[:80])
        columns = [frozenset(map(int, each)) for each in special[0]] if special else []
        return Row(number, tuple(map(_value, values)), *columns)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BrokenLineError(line[:80]) from error


def _value(value: object) -> Value:
    if isinstance(value, list):
        return date.fromisoformat(value[0])
    if isinstance(value, str):
        return value[:MAX_CELL_CHARS]
    if value is None or isinstance(value, bool | int | float):
        return value
    raise BrokenLineError
