"""Files that are made to take the server down: each is refused with its own words."""

import io
import os
import struct
import zipfile
from pathlib import Path

import pytest

from kerege.apps.aimak.workbooks import _scan, reader
from kerege.apps.aimak.workbooks._xlsx import XlsxFile
from kerege.apps.aimak.workbooks.limits import MAX_ENTRIES, MAX_SHEETS
from kerege.apps.aimak.workbooks.messages import WorkbookError
from kerege.apps.aimak.workbooks.reader import read_book, read_heads, read_rows
from tests.apps.aimak.workbooks.books import (
    AIGUL,
    HEADER,
    MAIN,
    SHEET,
    USEN,
    rebuilt,
    sheet_xml,
    xlsx,
)


@pytest.fixture
def book(tmp_path):
    return xlsx(tmp_path / "book.xlsx", [HEADER, USEN, AIGUL])


def refusal(path: Path) -> WorkbookError:
    with pytest.raises(WorkbookError) as caught:
        list(read_rows(path))
    with pytest.raises(WorkbookError, match=r"^The|^This|^Something|^A quotation"):
        read_book(path)
    return caught.value


def test_a_zip_bomb_is_not_inflated(book):
    rebuilt(book, {"xl/media/picture.xml": bytes(64 * 1024 * 1024)})
    assert book.stat().st_size < 100_000
    assert refusal(book).code == "file.bomb"
    assert "built to take the server's memory" in str(refusal(book))


def test_a_part_that_is_larger_than_the_directory_says_is_damage(book):
    content = sheet_xml("<row><c><v>1</v></c></row>") + b" " * 5_000_000
    rebuilt(book, {SHEET: content})
    data = bytearray(book.read_bytes())
    promised, real = struct.pack("<L", 2_000), struct.pack("<L", len(content))
    assert data.count(real) == 2  # the local header and the directory
    book.write_bytes(bytes(data).replace(real, promised))
    assert refusal(book).code == "file.damaged"


def test_a_part_whose_sum_is_forged_is_damage(book):
    with zipfile.ZipFile(book) as archive:
        crc = struct.pack("<L", archive.getinfo(SHEET).CRC)
    book.write_bytes(book.read_bytes().replace(crc, b"\0\1\2\3"))
    assert refusal(book).code == "file.damaged"


def test_thousands_of_parts_are_refused(book):
    rebuilt(book, {f"xl/media/{i}.xml": b"<a/>" for i in range(MAX_ENTRIES)})
    assert refusal(book).code == "file.bomb"


def test_two_parts_of_one_name_are_refused(book):
    with zipfile.ZipFile(book, "a") as archive:
        archive.writestr(SHEET.upper(), b"<a/>")
    assert refusal(book).code == "file.damaged"


ENTITIES = b"""<?xml version="1.0"?>
<!DOCTYPE sst [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>
<sst xmlns="%s"><si><t>&d;</t></si></sst>""" % MAIN.encode()  # fmt: skip


@pytest.mark.parametrize(
    "part", ["xl/sharedStrings.xml", SHEET, "xl/workbook.xml", "xl/styles.xml"]
)
def test_entities_that_multiply_are_refused_in_every_part(book, part):
    rebuilt(book, {part: ENTITIES})
    assert refusal(book).code == "file.bomb"


def test_a_document_type_that_asks_for_a_file_of_the_server_is_refused(book):
    rebuilt(book, {SHEET: b'<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>'})
    assert refusal(book).code == "file.bomb"


def test_a_thousand_elements_in_each_other_are_refused(book):
    rebuilt(book, {SHEET: sheet_xml("<a>" * 1000 + "</a>" * 1000)})
    assert refusal(book).code == "file.bomb"


def test_a_value_in_the_last_corner_of_a_sheet_takes_no_memory(book):
    rebuilt(book, {SHEET: sheet_xml('<row r="9"><c r="XFD150000"><v>1</v></c></row>')})
    error = refusal(book)
    assert error.code == "sheet.stray_cell"
    assert "in cell XFD150000" in str(error)


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("A1048576", "file.too_large"),
        ("A99999999999999999999", "file.damaged"),
        ("XFE1", "file.damaged"),
        ("ZZZZZZZZZZZZZZZ1", "file.damaged"),
        ("Ж1", "file.damaged"),
        ("A-1", "file.damaged"),
        ("", "file.damaged"),
    ],
)
def test_forged_places_of_cells_are_refused(book, reference, code):
    cell = f'<row><c r="{reference}"><v>1</v></c></row>'
    rebuilt(book, {SHEET: sheet_xml(cell)})
    assert refusal(book).code == code


def test_too_many_sheets_are_refused(tmp_path, book):
    import xlsxwriter

    path = tmp_path / "many.xlsx"
    many = xlsxwriter.Workbook(str(path))
    for _ in range(MAX_SHEETS + 1):
        many.add_worksheet()
    many.close()
    assert refusal(path).code == "file.too_large"
    assert "at most 200,000 rows" in str(refusal(path))


@pytest.mark.parametrize(
    ("bound", "content", "after"),
    [
        ("MAX_ROWS", '<row r="7"><c r="A7"><v>1</v></c></row>', ""),
        ("MAX_CELLS", "<row>" + "<c><v>1</v></c>" * 7 + "</row>", ""),
        ("MAX_SHARED_STRINGS", "", "<sst>" + "<si><t>a</t></si>" * 7 + "</sst>"),
        ("MAX_MERGES", "", '<mergeCells><mergeCell ref="A1:A2"/></mergeCells>' * 7),
    ],
)
def test_each_bound_holds(book, monkeypatch, bound, content, after):
    """The bounds are too large to be reached in a test, so each is made 6 here."""
    monkeypatch.setattr(_scan, bound, 6)
    rebuilt(book, {SHEET: sheet_xml(content, after)})
    with book.open("rb") as file, pytest.raises(WorkbookError) as caught:
        XlsxFile(file)
    assert caught.value.code == "file.too_large"


def test_a_file_that_needs_too_much_memory_ends_the_reader_and_nothing_else(
    book, monkeypatch
):
    monkeypatch.setattr(reader, "_CHILD", "tests.apps.aimak.workbooks.greedy")
    with pytest.raises(WorkbookError) as caught:
        list(read_rows(book))
    assert caught.value.code == "file.reader_failed"
    assert "too much memory or time" in str(caught.value)


def test_rows_that_nobody_takes_any_more_end_the_reader(book):
    rows = read_rows(book)
    assert next(rows).number == 1
    rows.close()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    assert not [
        pid
        for pid in children.split()
        if "_child" in Path(f"/proc/{pid}/cmdline").read_text()
    ]


def other_archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (other_archive(), "file.not_a_workbook"),
        (b"PK\3\4 and no more", "file.damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "file.old_or_password"),
        (b"%PDF-1.7\n\x98\xff\xfe", "file.not_text"),
    ],
)
def test_what_is_no_workbook_is_told_apart(tmp_path, content, code):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert refusal(path).code == code


def test_a_cut_file_is_damaged(book):
    book.write_bytes(book.read_bytes()[:-30])
    assert refusal(book).code == "file.damaged"


def test_a_file_over_the_bound_is_not_even_opened(book, monkeypatch):
    monkeypatch.setattr(reader, "MAX_FILE_BYTES", 100)
    with pytest.raises(WorkbookError) as caught:
        read_heads(book)
    assert caught.value.code == "file.too_large"


def test_a_sheet_that_is_not_there_is_named(book):
    with pytest.raises(WorkbookError) as caught:
        list(read_rows(book, 4))
    assert str(caught.value).startswith("The file has no sheet “5”")
