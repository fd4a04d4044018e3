"""What is written is safe for whoever opens it, and is what was there."""

import csv
import io
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, strategies as st
from pyarrow import parquet

from kerege.apps.aimak.workbooks import writing
from kerege.apps.aimak.workbooks.reader import read_rows
from kerege.apps.aimak.workbooks.writing import (
    FORMULA_STARTS,
    Column,
    ColumnType,
    FileKind,
    TooManyRowsError,
    clean,
    quoted,
    unquoted,
    write_table,
)

COLUMNS = (
    Column("name", "Аты-жөнү"),
    Column("born", "Туулган күнү", ColumnType.DATE),
    Column("cattle", "Бодо мал", ColumnType.COUNT),
    Column("land", "Жер, га", ColumnType.DECIMAL),
)
ATTACKS = [
    '=HYPERLINK("http://example.org","x")',
    "+996 555 000000",
    "-1+1|cmd",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "  =1+1",
    "\x00=1+1",
    "Үсөн\x1b[2J\u202e",
    "<script>alert(1)</script>",
]
ROWS = [(text, date(1987, 3, 5), -5, Decimal("0.35")) for text in ATTACKS]


def write(kind, path, rows=ROWS):
    assert write_table(FileKind(kind), path, COLUMNS, iter(rows)) == len(rows)
    return path


def test_a_spreadsheet_finds_no_formula_in_our_xlsx(tmp_path):
    """Read by openpyxl, which had no part in writing it."""
    sheet = openpyxl.load_workbook(write("xlsx", tmp_path / "a.xlsx")).active
    header, *rows = sheet.iter_rows()
    assert [cell.value for cell in header] == [column.label for column in COLUMNS]
    for row, text in zip(rows, ATTACKS, strict=True):
        name, born, cattle, land = row
        assert (name.data_type, name.hyperlink) == ("s", None)
        assert name.value.strip() == clean(text).strip()
        begins_as_formula = clean(text).lstrip().startswith(FORMULA_STARTS)
        assert name.quotePrefix == begins_as_formula
        assert (born.is_date, born.value.date()) == (True, date(1987, 3, 5))
        assert (cattle.value, land.value) == (-5, 0.35)


def test_a_spreadsheet_finds_no_formula_in_our_csv(tmp_path):
    data = write("csv", tmp_path / "a.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=";"))
    for (name, born, cattle, land), text in zip(rows[1:], ATTACKS, strict=True):
        assert not name.lstrip().startswith(FORMULA_STARTS)
        assert all(c.isprintable() for c in name)
        assert unquoted(name).strip() == clean(text).strip()
        assert (born, cattle, land) == ("05.03.1987", "-5", "0,35")


def test_parquet_has_types_and_no_control_characters(tmp_path):
    table = parquet.read_table(write("parquet", tmp_path / "a.parquet"))
    types = [str(field.type) for field in table.schema]
    assert types == ["string", "date32[day]", "int64", "decimal128(18, 3)"]
    assert table.column("name").to_pylist() == [clean(text) for text in ATTACKS]
    assert table.column("cattle").to_pylist() == [-5] * len(ATTACKS)


@pytest.mark.parametrize("kind", ["xlsx", "csv", "parquet"])
def test_empty_cells_and_no_rows_at_all_can_be_written(tmp_path, kind):
    write(kind, tmp_path / "a", [(None, None, None, None)])
    write(kind, tmp_path / "b", [])


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_we_read_what_we_write(tmp_path, kind):
    rows = list(read_rows(write(kind, tmp_path / f"a.{kind}")))
    assert len(rows) == len(ROWS) + 1


def test_rows_are_taken_as_they_are_written_and_a_sheet_has_an_end(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(writing, "MAX_SHEET_ROWS", 3)
    with pytest.raises(TooManyRowsError):
        write("xlsx", tmp_path / "a.xlsx")


def test_batches_of_parquet_join(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_BATCH_ROWS", 3)
    path = write("parquet", tmp_path / "a")
    assert parquet.read_metadata(path).num_row_groups == 4


@given(text=st.text(max_size=30))
def test_no_text_is_a_formula_and_none_is_lost(text):
    safe = quoted(text)
    assert not safe.lstrip().startswith(FORMULA_STARTS)
    assert all(c.isprintable() for c in safe)
    if not text.startswith("'"):
        assert unquoted(safe) == clean(text)
