"""Read a workbook in a process of its own, row by row.

A file that eats memory or time, or that crashes a library, ends that process; here it
is a `WorkbookError` that says so. Rows are handed on as they are read, and when nobody
takes them any more the process is ended.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from kerege.apps.aimak.workbooks.limits import (
    MAX_FILE_BYTES,
    MAX_HEADER_ROWS,
    MAX_LINE_BYTES,
    MAX_ROWS,
)
from kerege.apps.aimak.workbooks.messages import WorkbookError, messages
from kerege.apps.aimak.workbooks.sheets import (
    Book,
    BrokenLineError,
    Row,
    book_of_line,
    row_of_line,
)

_HEADS = "heads"
_CHILD = "kerege.apps.aimak.workbooks._child"


def read_book(path: Path) -> Book:
    """Return what a file is and which sheets it has.

    Raises:
        WorkbookError: If it cannot be read, is no workbook, or too much of anything.
    """
    with _reading(path) as lines:
        return book_of_line(next(lines, b""))


def read_rows(path: Path, sheet: int = 0) -> Generator[Row, None, None]:
    """Yield the rows of a sheet that have a value.

    Args:
        path: The file.
        sheet: The sheet's place in `Book.sheets`.

    Raises:
        WorkbookError: As `read_book`, also after some rows.
    """
    with _reading(path, str(sheet)) as lines:
        next(lines, b"")
        for count, line in enumerate(lines):
            if count > MAX_ROWS:
                raise WorkbookError("file.too_large")
            yield row_of_line(line)


def read_heads(path: Path) -> tuple[Book, list[list[Row]]]:
    """Return a book and the first rows of each of its sheets.

    Raises:
        WorkbookError: As `read_book`.
    """
    with _reading(path, _HEADS) as lines:
        book = book_of_line(next(lines, b""))
        heads: list[list[Row]] = [[] for _ in book.sheets]
        place = 0
        for line in islice(lines, len(heads) * (MAX_HEADER_ROWS + 1)):
            if line == b"\n":
                place += 1
            elif place < len(heads):
                heads[place].append(row_of_line(line))
        return book, heads


@contextlib.contextmanager
def _reading(path: Path, *arguments: str) -> Iterator[Iterator[bytes]]:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise WorkbookError("file.too_large")
    with path.open("rb") as file:
        process = subprocess.Popen(  # noqa: S603  this interpreter, our own module
            [sys.executable, "-m", _CHILD, *arguments],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    out = process.stdout
    try:
        yield iter(()) if out is None else _lines(process, out)
    except BrokenLineError as error:
        raise WorkbookError("file.reader_failed") from error
    finally:
        process.kill()
        process.wait()
        if out is not None:
            out.close()


def _lines(process: subprocess.Popen[bytes], out: IO[bytes]) -> Iterator[bytes]:
    """Yield whole lines; raise what the last one says, or that there is no last one."""
    while True:
        line = out.readline(MAX_LINE_BYTES)
        if not line:
            break
        if not line.endswith(b"\n"):
            raise WorkbookError("file.reader_failed")
        if line.startswith(b'{"error"'):
            raise _refusal(line)
        yield line
    if process.wait() != 0:
        # Out of memory, out of time, or a crash: killed by a limit of its own.
        raise WorkbookError("file.reader_failed")


def _refusal(line: bytes) -> WorkbookError:
    try:
        fields = json.loads(line)
        code, details = fields["error"], fields["details"]
        if code not in messages():
            return WorkbookError("file.reader_failed")
        return WorkbookError(code, **{str(k): str(v) for k, v in details.items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        return WorkbookError("file.reader_failed")
