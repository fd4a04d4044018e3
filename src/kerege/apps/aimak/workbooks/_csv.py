"""Rows of a CSV file: encoding and separator are found out, nothing is evaluated.

1. A byte order mark says the encoding; zero bytes at every second place say UTF-16;
   what is no UTF-8 is cp1251, as Windows in Cyrillic offices writes. cp1251 has no
   ң, ө, ү: that such a file has lost them already is told once, by the book's encoding.
2. A first line ``sep=;`` (Excel's own) names the separator; else the one that cuts the
   first lines into the most columns evenly.
3. A quote that is never closed would swallow the rows after it: a cell with more line
   breaks than an address has is refused with its line, and nothing is guessed.
"""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator

from kerege.apps.aimak.workbooks.limits import (
    MAX_CELL_CHARS,
    MAX_COLUMNS,
    MAX_FILE_BYTES,
    MAX_ROWS,
)
from kerege.apps.aimak.workbooks.messages import WorkbookError
from kerege.apps.aimak.workbooks.sheets import Book, Row, Sheet

SEPARATORS = (";", ",", "\t", "|")
MAX_BREAKS = 5
"""Line breaks inside one cell."""
_SAMPLE_LINES = 50
_SAMPLE_BYTES = 4096
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class CsvFile:
    """A CSV file whose encoding and separator were found out."""

    def __init__(self, data: bytes) -> None:
        """Decode the file.

        Args:
            data: The whole file.

        Raises:
            WorkbookError: ``file.too_large``, ``file.not_text``.
        """
        if len(data) > MAX_FILE_BYTES:
            raise WorkbookError("file.too_large")
        encoding, self._text = _decoded(data)
        self._first_line = 1
        separator = self._named_separator() or _separator(self._text)
        self.book = Book("csv", (Sheet(""),), encoding, separator)

    def rows(self) -> Iterator[Row]:
        """Yield the rows that have a value.

        Raises:
            WorkbookError: ``csv.quote_not_closed``, ``file.too_large``.
        """
        lines = io.StringIO(self._text, newline="")
        reader = csv.reader(lines, delimiter=self.book.separator)
        number = self._first_line
        while True:
            first = self._first_line + reader.line_num
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise WorkbookError("csv.quote_not_closed", row=str(first)) from error
            if any(cell.count("\n") > MAX_BREAKS for cell in cells):
                raise WorkbookError("csv.quote_not_closed", row=str(first))
            row = _row(number, cells[:MAX_COLUMNS])
            number += 1
            if number > MAX_ROWS:
                raise WorkbookError("file.too_large")
            if row.has_own_value:
                yield row

    def _named_separator(self) -> str:
        line = self._text[:8].splitlines()[:1]
        if not line or not line[0].lower().startswith("sep=") or len(line[0]) != 5:
            return ""
        named = line[0][4]
        if named not in SEPARATORS:
            return ""
        self._text = self._text.split("\n", 1)[1] if "\n" in self._text else ""
        self._first_line = 2
        return named


def _row(number: int, cells: list[str]) -> Row:
    cut = frozenset(c for c, text in enumerate(cells) if len(text) > MAX_CELL_CHARS)
    values = tuple(text[:MAX_CELL_CHARS] or None for text in cells)
    return Row(number, values, cut=cut)


def _decoded(data: bytes) -> tuple[str, str]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, _strict(data[len(mark) :], encoding)
    guessed = _guess_utf16(data[:_SAMPLE_BYTES])
    if guessed:
        return guessed, _strict(data, guessed)
    try:
        return "utf-8", data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1251", _strict(data, "cp1251")


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise WorkbookError("file.not_text") from error


def _guess_utf16(sample: bytes) -> str:
    """Find UTF-16 without a mark: separators and digits have a zero byte each."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 3 * even and odd * 20 > len(sample):
        return "utf-16-le"
    if even > 3 * odd and even * 20 > len(sample):
        return "utf-16-be"
    return ""


def _separator(text: str) -> str:
    """Return the separator that cuts the first lines evenly into the most columns."""
    sample = "".join(text[:20_000].splitlines(keepends=True)[:_SAMPLE_LINES])
    best = (0, 0, ";")
    for place, separator in enumerate(SEPARATORS):
        counts: Counter[int] = Counter()
        try:
            for cells in csv.reader(
                io.StringIO(sample, newline=""), delimiter=separator
            ):
                if len(cells) > 1:
                    counts[len(cells)] += 1
        except csv.Error:
            continue
        if counts:
            width, times = max(counts.items(), key=lambda each: each[0] * each[1])
            best = max(best, (width * times, -place, separator))
    return best[2]
