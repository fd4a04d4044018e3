"""Which column of a book is which field: guessed, remembered, changed by hand.

1. The header is the row, among the first `MAX_HEADER_ROWS`, whose cells name the most
   fields. A row of column numbers under it (1, 2, 3, as printed forms have) is no data.
2. Words of headers are compared without case, signs and double spaces, in three
   languages: the whole text first, then its longest beginning.
3. The fingerprint of the header's texts finds a mapping that was made before.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

from kerege.apps.aimak.workbooks.fields import fields
from kerege.apps.aimak.workbooks.limits import MAX_COLUMNS, MAX_HEADER_ROWS
from kerege.apps.aimak.workbooks.sheets import Row, Value, column_name

LEAST_FIELDS = 3
"""A header names at least so many; less is a title, or a person's row."""
_SIGNS = re.compile(r"[^\w№²]+")


class MappingError(ValueError):
    """A mapping that cannot be used."""

    def __init__(self, code: str, **details: str) -> None:
        """Remember the id of the message and what it names."""
        super().__init__(code)
        self.code = code
        self.details = details


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Columns and fields of one sheet."""

    header_row: int
    """The row with the names of columns, from 1; data begin below. 0: no header."""
    fingerprint: str
    """Of the header's texts."""
    columns: Mapping[int, str]
    """Column (from 0) to field; columns that are not read are missing."""

    def to_json(self) -> dict[str, object]:
        """Return the mapping as plain data."""
        return {
            "header_row": self.header_row,
            "fingerprint": self.fingerprint,
            "columns": {str(column): name for column, name in self.columns.items()},
        }

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read what `to_json` has written.

        Raises:
            MappingError: ``mapping.damaged``.
        """
        try:
            if not isinstance(data, dict):
                raise MappingError("mapping.damaged")
            columns = {int(c): str(name) for c, name in data["columns"].items()}
            mapping = cls(int(data["header_row"]), str(data["fingerprint"]), columns)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MappingError("mapping.damaged") from error
        known = fields()
        if not all(0 <= c < MAX_COLUMNS and n in known for c, n in columns.items()):
            raise MappingError("mapping.damaged")
        return mapping

    def require_usable(self) -> None:
        """Check that the needed fields have columns, and none has two.

        Raises:
            MappingError: ``mapping.twice``, ``mapping.missing``.
        """
        columns_of: dict[str, int] = {}
        for column, name in sorted(self.columns.items()):
            if name in columns_of:
                raise MappingError(
                    "mapping.twice",
                    field=name,
                    columns=f"{column_name(columns_of[name])}, {column_name(column)}",
                )
            columns_of[name] = column
        needed = [field.name for field in fields().values() if field.is_required]
        if "full_name" not in columns_of:
            needed += ["surname", "given_name"]
        for name in needed:
            if name not in columns_of:
                raise MappingError("mapping.missing", field=name)


def guess(rows: Iterable[Row]) -> ColumnMapping | None:
    """Find the header among the first rows of a sheet, and what its columns are.

    Returns:
        The mapping, or None where no row names `LEAST_FIELDS` fields.
    """
    best: ColumnMapping | None = None
    for row in rows:
        if row.number > MAX_HEADER_ROWS:
            break
        columns = _columns_of(row)
        if len(columns) >= max(LEAST_FIELDS, len(best.columns) + 1 if best else 0):
            best = ColumnMapping(row.number, fingerprint(row), columns)
    return best


def best_sheet(heads: Sequence[Sequence[Row]]) -> tuple[int, ColumnMapping] | None:
    """Find the sheet whose header names the most fields, the first of equals.

    Args:
        heads: The first rows of each sheet.

    Returns:
        The sheet's place and its mapping; None where no sheet has a header.
    """
    guesses = [(place, guess(rows)) for place, rows in enumerate(heads)]
    found = [(place, mapping) for place, mapping in guesses if mapping is not None]
    return max(found, key=lambda each: (len(each[1].columns), -each[0]), default=None)


def data_rows(rows: Iterable[Row], mapping: ColumnMapping) -> Iterator[Row]:
    """Yield the rows below the header; headers repeated on later pages are left out."""
    header_row = mapping.header_row
    for row in rows:
        if row.number <= header_row:
            continue
        if row.number == header_row + 1 and is_column_numbers(row):
            continue
        if header_row and fingerprint(row) == mapping.fingerprint:
            continue
        yield row


def fingerprint(row: Row) -> str:
    """Return what tells this header from others: equal for equal texts."""
    texts = "\x1f".join(_normalised(value) for value in row.values).rstrip("\x1f")
    return hashlib.sha256(texts.encode()).hexdigest()[:32]


def is_column_numbers(row: Row) -> bool:
    """Return whether a row only counts its columns: 1, 2, 3, from any first number."""
    texts = [str(value).strip() for value in row.values if value is not None]
    if len(texts) < LEAST_FIELDS or not all(_is_small_number(t) for t in texts):
        return False
    first = int(texts[0])
    return [int(text) for text in texts] == list(range(first, first + len(texts)))


def _is_small_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 3


def _columns_of(row: Row) -> dict[int, str]:
    found: dict[int, tuple[int, str]] = {}
    taken: dict[str, tuple[int, int]] = {}
    for column, value in enumerate(row.values):
        match = _field_of(_normalised(value)) if isinstance(value, str) else None
        if match is None:
            continue
        rank, name = match
        if name in taken and taken[name][0] <= rank:
            continue
        if name in taken:
            del found[taken[name][1]]
        taken[name] = (rank, column)
        found[column] = (rank, name)
    return {column: name for column, (_, name) in found.items()}


def _field_of(text: str) -> tuple[int, str] | None:
    """Return how well a header fits (0 is best) and its field."""
    if not text:
        return None
    words = _words()
    if text in words:
        return words[text]
    parts = text.split()
    for count in range(len(parts) - 1, 0, -1):
        start = " ".join(parts[:count])
        if start in words:
            rank, name = words[start]
            return rank + 100 * (len(parts) - count), name
    return None


@cache
def _words() -> Mapping[str, tuple[int, str]]:
    words: dict[str, tuple[int, str]] = {}
    for field in fields().values():
        for rank, word in enumerate(field.words):
            words.setdefault(_normalised(word), (rank, field.name))
    return words


def _normalised(value: Value) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    text = unicodedata.normalize("NFKC", value).casefold()
    text = _SIGNS.sub(" ", text.replace("№", " номер "))
    return " ".join(text.split())
