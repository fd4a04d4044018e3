"""Rows of an XLSX file, by calamine, inside the reading process.

calamine (Rust) never evaluates a formula: it gives the value that was saved. Dates come
as dates where the cell's format says so. What it does not tell is known from `_scan`.
"""

import math
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import IO

import python_calamine as calamine

from kerege.apps.aimak.workbooks._archive import open_archive
from kerege.apps.aimak.workbooks._scan import Part, Scan, scan
from kerege.apps.aimak.workbooks.limits import (
    MAX_CELL_CHARS,
    MAX_COLUMNS,
    MAX_MERGES,
    MAX_ROWS,
)
from kerege.apps.aimak.workbooks.messages import WorkbookError
from kerege.apps.aimak.workbooks.sheets import Book, Row, Sheet, Value

Merge = tuple[tuple[int, int], tuple[int, int]]
"""First and last cell of a merged range: row and column from 0."""
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""How XLSX writes characters that XML does not have (ECMA-376 Part 1, 22.9.2.19)."""


class XlsxFile:
    """An XLSX file that was looked through and opened."""

    def __init__(self, file: IO[bytes]) -> None:
        """Check the file, then open it.

        Raises:
            WorkbookError: If it is no workbook, damaged, or too much of anything.
        """
        with open_archive(file) as archive:
            self._scan: Scan = scan(archive)
            file.seek(0)
            self._book = _opened(file)
        self.book = Book(
            kind="xlsx",
            sheets=tuple(
                Sheet(each.name, each.visible is not calamine.SheetVisibleEnum.Visible)
                for each in self._book.sheets_metadata
                if each.typ is calamine.SheetTypeEnum.WorkSheet
            ),
            epoch_1904=self._scan.epoch_1904,
        )

    def rows(self, name: str) -> Iterator[Row]:
        """Yield the rows of a sheet that have a value.

        Raises:
            WorkbookError: ``sheet.missing``, ``file.damaged``, ``file.too_large``.
        """
        if name not in {sheet.name for sheet in self.book.sheets}:
            raise WorkbookError("sheet.missing", sheet=name)
        try:
            sheet = self._book.get_sheet_by_name(name)
            merges = sheet.merged_cell_ranges or []
        except calamine.CalamineError as error:
            raise WorkbookError("file.damaged") from error
        if len(merges) > MAX_MERGES:
            raise WorkbookError("file.too_large")
        part = self._scan.sheets.get(name, Part())
        merged = _MergedCells(merges)
        for number, values in _numbered(sheet):
            row = _row(number, values, part)
            row = merged.fill(row)
            if row.has_own_value:
                yield row


def _opened(file: IO[bytes]) -> calamine.CalamineWorkbook:
    try:
        return calamine.load_workbook(file)
    except calamine.PasswordError as error:
        raise WorkbookError("file.password") from error
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise WorkbookError("file.damaged") from error


def _numbered(sheet: calamine.CalamineSheet) -> Iterator[tuple[int, list[object]]]:
    """Yield number (from 1) and cells of the rows, from column A on."""
    if sheet.start is None:
        return
    left: list[object] = [None] * min(sheet.start[1], MAX_COLUMNS)
    for number, values in enumerate(sheet.iter_rows(), 1):
        if number > MAX_ROWS:
            raise WorkbookError("file.too_large")
        yield number, (left + list(values))[:MAX_COLUMNS]


def _row(number: int, cells: Iterable[object], part: Part) -> Row:
    values = [_value(cell) for cell in cells]
    cut = frozenset(
        column
        for column, value in enumerate(values)
        if isinstance(value, str) and len(value) > MAX_CELL_CHARS
    )
    for column in cut:
        values[column] = str(values[column])[:MAX_CELL_CHARS]
    return Row(
        number,
        tuple(values),
        formulas=frozenset(part.formulas.get(number, ())),
        errors=frozenset(part.errors.get(number, ())),
        cut=cut,
    )


def _value(cell: object) -> Value:
    value: Value
    match cell:
        case str():
            value = _text(cell) or None
        case float():
            value = _number(cell)
        case bool() | int():
            value = cell
        case datetime():
            value = cell.date()
        case date():
            value = cell
        case time() | timedelta():
            value = str(cell)
        case _:
            value = None
    return value


def _number(number: float) -> int | float | None:
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _text(text: str) -> str:
    if "_x" in text:
        return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return text


class _MergedCells:
    """Gives cells that are merged downwards the value of the uppermost.

    Books merge the household's number and address beside all of its members. Only the
    first column of a range is filled: to the right a value would be another field's.
    """

    def __init__(self, merges: list[Merge]) -> None:
        self._coming = sorted(
            (start[0] + 1, end[0] + 1, start[1])
            for start, end in merges
            if end[0] > start[0] and start[1] < MAX_COLUMNS
        )
        self._next = 0
        self._open: dict[int, tuple[int, Value]] = {}
        """By column: the last row of the range, and its value."""

    def fill(self, row: Row) -> Row:
        values = list(row.values)
        filled = set()
        while self._next < len(self._coming) and self._begins(row.number):
            first, last, column = self._coming[self._next]
            self._next += 1
            if first == row.number:
                self._open[column] = (last, row.value(column))
        for column, (last, value) in list(self._open.items()):
            if last < row.number:
                del self._open[column]
            elif row.value(column) is None and value is not None:
                values.extend([None] * (column + 1 - len(values)))
                values[column] = value
                filled.add(column)
        if not filled:
            return row
        return Row(
            row.number,
            tuple(values),
            row.formulas,
            frozenset(filled),
            row.errors,
            row.cut,
        )

    def _begins(self, number: int) -> bool:
        return self._coming[self._next][0] <= number
