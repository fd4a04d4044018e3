"""The truth about what was planted, kept while a book is spoiled."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

_EPOCH = date(1970, 1, 1)


@dataclass(slots=True)
class Truth:
    """Defects and duplicates, row by row."""

    defects: list[tuple[str, int, str, str, str | None, str | None]] = field(
        default_factory=list
    )
    """Table, identifier, kind, column, what stands there, what would be right."""
    duplicates: list[tuple[int, int, str, bool]] = field(default_factory=list)
    """Person, second record, how it differs, whether in the same office."""

    def columns(self) -> dict[str, dict[str, Any]]:
        """Return the columns of both tables of truth."""
        table, row, kind, column, planted, right = _turned(self.defects, 6)
        person, second, differs, office = _turned(self.duplicates, 4)
        return {
            "truth_defects": {
                "table": _words(table),
                "row_id": pa.array(row, pa.int64()),
                "kind": _words(kind),
                "column": _words(column),
                "planted": pa.array(planted, pa.string()),
                "right": pa.array(right, pa.string()),
            },
            "truth_duplicates": {
                "person_id": pa.array(person, pa.int64()),
                "duplicate_id": pa.array(second, pa.int64()),
                "differs": _words(differs),
                "same_office": pa.array(office, pa.bool_()),
            },
        }


def day_text(day: int) -> str:
    """Return a day as 1987-03-05."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def _turned(rows: list[Any], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[]] * width


def _words(values: list[str]) -> pa.DictionaryArray:
    return pa.array(values, pa.string()).dictionary_encode()
