"""Household books for tests: synthetic people of a village that does not exist."""

import io
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import xlsxwriter

from kerege.apps.aimak.workbooks.candidates import Candidate, CandidateReader
from kerege.apps.aimak.workbooks.mapping import data_rows, guess
from kerege.apps.aimak.workbooks.reader import read_book, read_rows

TODAY = date(2026, 11, 24)
HEADER = ("№ хозяйства", "ФИО", "ПИН", "Дата рождения", "Пол", "Отношение к главе")
USEN = ("12", "Асанов Үсөн Маратович", "20503198700123", "05.03.1987", "м", "глава")
AIGUL = ("12", "Асанова Айгүл", "11207199000456", "12.07.1990", "ж", "жена")
SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def xlsx(path: Path, rows, *, sheet="Книга", merges=(), **options) -> Path:
    """Write rows as they are: str as text, numbers, dates, and formulas as (text, value)."""
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, **options})
    day = book.add_format({"num_format": "dd.mm.yyyy"})
    page = book.add_worksheet(sheet)
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            match value:
                case None:
                    continue
                case tuple():
                    page.write_formula(number, column, value[0], None, value[1])
                case date():
                    page.write_datetime(number, column, value, day)
                case str():
                    page.write_string(number, column, value)
                case _:
                    page.write_number(number, column, value)
    for first_row, first_column, last_row, last_column, value in merges:
        page.merge_range(first_row, first_column, last_row, last_column, value)
    book.close()
    return path


def rebuilt(path: Path, changed: Mapping[str, bytes]) -> Path:
    """Give parts of a workbook another content."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**parts, **changed}.items():
            archive.writestr(name, content)
    path.write_bytes(file.getvalue())
    return path


def sheet_xml(content: str, after: str = "") -> bytes:
    return (
        f'<worksheet xmlns="{MAIN}"><sheetData>{content}</sheetData>{after}</worksheet>'
    ).encode()


def candidates(path: Path, sheet: int = 0) -> list[Candidate]:
    """Read a book as an import does: guess the columns, read what is below them."""
    book = read_book(path)
    rows = list(read_rows(path, sheet))
    mapping = guess(rows)
    assert mapping is not None
    reader = CandidateReader(mapping.columns, TODAY, epoch_1904=book.epoch_1904)
    return [reader.read(row) for row in data_rows(rows, mapping)]


def codes(candidate: Candidate) -> list[str]:
    return [problem.code for problem in candidate.problems]


def notes(candidate: Candidate) -> list[str]:
    return [note.code for note in candidate.notes]
