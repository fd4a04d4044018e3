"""The reading process: little memory, little time, one file, lines of JSON.

Started by `reader` with the file as standard input and, to read rows, the sheet's place
(from 0), or ``heads`` for the first rows of all sheets, with an empty line after each.
It writes the book's line, then one line for each row, and ends with 0; or a line
``{"error": ..., "details": {...}}``, and ends with 2.
"""

import json
import resource
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO

from kerege.apps.aimak.workbooks.limits import (
    MAX_CPU_SECONDS,
    MAX_FILE_BYTES,
    MAX_HEADER_ROWS,
    MAX_MEMORY_BYTES,
)
from kerege.apps.aimak.workbooks.messages import WorkbookError
from kerege.apps.aimak.workbooks.sheets import Book, Row, line_of_book, line_of_row

RowsOf = Callable[[str], Iterator[Row]]
"""Gives the rows of a sheet by its name."""
HEADS = "heads"
REFUSED = 2
"""The exit status after a line that says why."""
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"
"""What files of Excel 97 and files with a password begin with."""


def main() -> int:
    """Read standard input, write lines to standard output."""
    _limit()
    out = sys.stdout.buffer
    try:
        book, sheets = _open(sys.stdin.buffer)
        out.write(line_of_book(book))
        if sys.argv[1:] == [HEADS]:
            for sheet in book.sheets:
                for row in islice(sheets(sheet.name), MAX_HEADER_ROWS):
                    out.write(line_of_row(row))
                out.write(b"\n")
        elif len(sys.argv) > 1:
            for row in _rows(book, sheets, int(sys.argv[1])):
                out.write(line_of_row(row))
        out.flush()
    except WorkbookError as error:
        line = json.dumps({"error": error.code, "details": error.details})
        out.write(line.encode() + b"\n")
        return REFUSED
    except MemoryError:
        out.write(b'{"error": "file.too_large", "details": {}}\n')
        return REFUSED
    return 0


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _open(file: IO[bytes]) -> tuple[Book, RowsOf]:
    head = file.read(8)
    file.seek(0)
    if head.startswith(_OLE):
        raise WorkbookError("file.old_or_password")
    if head.startswith(_ZIP):
        from kerege.apps.aimak.workbooks._xlsx import XlsxFile

        xlsx = XlsxFile(file)
        return xlsx.book, xlsx.rows
    from kerege.apps.aimak.workbooks._csv import CsvFile

    text = CsvFile(file.read(MAX_FILE_BYTES + 1))
    return text.book, lambda _: text.rows()


def _rows(book: Book, rows: RowsOf, place: int) -> Iterator[Row]:
    if not 0 <= place < len(book.sheets):
        raise WorkbookError("sheet.missing", sheet=str(place + 1))
    yield from rows(book.sheets[place].name)


if __name__ == "__main__":
    sys.exit(main())
