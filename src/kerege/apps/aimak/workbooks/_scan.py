"""The XML of a workbook, looked through before a library reads it.

Rules (each stops a way to take memory or time, or tells what a library does not):

1. No document type: XLSX has none (ECMA-376 Part 2, 7.2), and entities live in it.
2. Depth, rows, columns, cells, shared strings and merged ranges are bounded. A library
   that lays a sheet out as a table needs memory for its corners, not for its cells.
3. Cells of formulas and cells that show errors are written down, by sheet.
4. Where workbook.xml says that days count from 1904 is written down.
"""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from xml.parsers import expat

from kerege.apps.aimak.workbooks._archive import WORKBOOK, inflate
from kerege.apps.aimak.workbooks.limits import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_MERGES,
    MAX_ROWS,
    MAX_SHARED_STRINGS,
    MAX_SHEET_COLUMNS,
    MAX_SHEET_ROWS,
    MAX_SHEETS,
    MAX_XML_DEPTH,
)
from kerege.apps.aimak.workbooks.messages import WorkbookError
from kerege.apps.aimak.workbooks.sheets import cell_name

RELATIONSHIPS = "xl/_rels/workbook.xml.rels"
_NO_XML = frozenset({".png", ".jpg", ".jpeg", ".gif", ".emf", ".wmf", ".bin", ".tiff"})
"""Pictures and printer settings: no reader takes them for a sheet."""
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships id"
_STRICT_RELATION = "http://purl.oclc.org/ooxml/officeDocument/relationships id"


@dataclass(slots=True)
class Part:
    """What one part of the file has."""

    formulas: dict[int, set[int]] = field(default_factory=dict)
    """By row (from 1): columns (from 0)."""
    errors: dict[int, set[int]] = field(default_factory=dict)
    cells: int = 0
    rows: int = 0
    strings: int = 0
    merges: int = 0
    sheets: list[tuple[str, str]] = field(default_factory=list)
    """Of workbook.xml: name and relationship."""
    targets: dict[str, str] = field(default_factory=dict)
    """Of relationships: id and part."""
    epoch_1904: bool = False
    last_row: int = 0
    last_column: int = 0
    outermost: int = 0
    """The row that has a value in the last column."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What the parts of a workbook have that a library does not tell."""

    sheets: dict[str, Part]
    """By the sheet's name."""
    epoch_1904: bool


def scan(archive: zipfile.ZipFile) -> Scan:
    """Read all XML of a workbook once.

    Raises:
        WorkbookError: ``file.damaged``, ``file.bomb``, ``file.too_large``.
    """
    parts: dict[str, Part] = {}
    cells = 0
    for entry in archive.infolist():
        if PurePosixPath(entry.filename).suffix.lower() not in _NO_XML:
            part = _scan_part(archive, entry)
            parts[entry.filename.casefold()] = part
            cells += part.cells
            if cells > MAX_CELLS:
                raise WorkbookError("file.too_large")
    book = parts.get(WORKBOOK, Part())
    targets = parts.get(RELATIONSHIPS, Part()).targets
    if len(book.sheets) > MAX_SHEETS:
        raise WorkbookError("file.too_large")
    found = {}
    for name, relation in book.sheets:
        part_name = _part_name(targets.get(relation, ""))
        found[name] = parts.get(part_name, Part())
    return Scan(found, book.epoch_1904)


def _part_name(target: str) -> str:
    name = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return name.casefold()


def _scan_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Part:
    part = Part()
    if entry.filename.endswith("/"):
        return part
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    walk = _Walk(part)
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    try:
        for chunk in inflate(archive, entry):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise WorkbookError("file.damaged") from error
    if part.last_row * (part.last_column + 1) > MAX_CELLS:
        cell = cell_name(part.last_column, part.outermost)
        raise WorkbookError("sheet.stray_cell", cell=cell)
    return part


def _refuse(*_: object) -> None:
    raise WorkbookError("file.bomb")


class _Walk:
    """Walks over the elements of one part."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._depth = 0
        self._row = 0
        self._column = -1
        self._columns: dict[str, int] = {}
        self._handlers: dict[str, Callable[[dict[str, str]], None]] = {
            "c": self._on_cell,
            "f": self._on_formula,
            "is": self._on_value,
            "row": self._on_row,
            "si": self._on_string,
            "v": self._on_value,
            "mergeCell": self._on_merge,
            "sheet": self._on_sheet,
            "workbookPr": self._on_properties,
            "Relationship": self._on_relationship,
        }

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_XML_DEPTH:
            raise WorkbookError("file.bomb")
        handler = self._handlers.get(name[name.rfind(" ") + 1 :])
        if handler:
            handler(attributes)

    def end(self, _: str) -> None:
        self._depth -= 1

    def _on_cell(self, attributes: dict[str, str]) -> None:
        part = self._part
        part.cells += 1
        reference = attributes.get("r")
        if reference is None:
            self._column += 1
        else:
            self._go(reference)
        if part.cells > MAX_CELLS:
            raise WorkbookError("file.too_large")
        if attributes.get("t") == "e" and self._column < MAX_COLUMNS:
            part.errors.setdefault(self._row, set()).add(self._column)

    def _go(self, reference: str) -> None:
        letters = reference.rstrip("0123456789")
        self._row = int(reference[len(letters) :])
        column = self._columns.get(letters)
        if column is None:
            column = self._columns[letters] = _column_of(letters)
        self._column = column

    def _on_row(self, attributes: dict[str, str]) -> None:
        self._part.rows += 1
        self._row = int(attributes.get("r", self._row + 1))
        self._column = -1

    def _on_value(self, _: dict[str, str]) -> None:
        part = self._part
        if not 0 < self._row <= MAX_SHEET_ROWS:
            raise WorkbookError("file.damaged")
        if self._row > MAX_ROWS:
            raise WorkbookError("file.too_large")
        part.last_row = max(part.last_row, self._row)
        if self._column > part.last_column:
            part.last_column, part.outermost = self._column, self._row

    def _on_formula(self, _: dict[str, str]) -> None:
        if self._column < MAX_COLUMNS:
            self._part.formulas.setdefault(self._row, set()).add(self._column)

    def _on_string(self, _: dict[str, str]) -> None:
        self._part.strings += 1
        if self._part.strings > MAX_SHARED_STRINGS:
            raise WorkbookError("file.too_large")

    def _on_merge(self, _: dict[str, str]) -> None:
        self._part.merges += 1
        if self._part.merges > MAX_MERGES:
            raise WorkbookError("file.too_large")

    def _on_sheet(self, attributes: dict[str, str]) -> None:
        relation = attributes.get(_RELATION) or attributes.get(_STRICT_RELATION)
        if relation:
            self._part.sheets.append((attributes.get("name", ""), relation))

    def _on_properties(self, attributes: dict[str, str]) -> None:
        self._part.epoch_1904 = attributes.get("date1904") in ("1", "true")

    def _on_relationship(self, attributes: dict[str, str]) -> None:
        self._part.targets[attributes.get("Id", "")] = attributes.get("Target", "")


def _column_of(letters: str) -> int:
    column = 0
    for letter in letters.upper():
        if not "A" <= letter <= "Z":
            raise WorkbookError("file.damaged")
        column = column * 26 + ord(letter) - 64
        if column > MAX_SHEET_COLUMNS:
            raise WorkbookError("file.damaged")
    return column - 1
