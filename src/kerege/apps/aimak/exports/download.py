"""A table as a file that is sent."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.http import HttpResponse

from kerege.apps.aimak.workbooks.writing import Cell, Column, FileKind, write_table

_TYPES = {
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileKind.CSV: "text/csv; charset=utf-8",
    FileKind.PARQUET: "application/vnd.apache.parquet",
}


def attachment(
    name: str, kind: FileKind, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]
) -> tuple[HttpResponse, int]:
    """Return an answer that is saved as a file, and how many rows it has.

    The file is written on the disk and only packed into memory: the largest book, of
    53,000 persons, has about 5 MB.

    Raises:
        OSError: If the disk is full, for one.
    """
    with tempfile.TemporaryDirectory(prefix="kerege-export-") as folder:
        path = Path(folder) / "table"
        count = write_table(kind, path, columns, rows)
        content = path.read_bytes()
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{kind}"',
        "Cache-Control": "no-store",
    }
    return HttpResponse(content, content_type=_TYPES[kind], headers=headers), count
