"""CSV files: encodings, separators, quotes, and any bytes at all."""

import contextlib
import csv
import io

import pytest
from hypothesis import example, given, settings, strategies as st

from kerege.apps.aimak.workbooks._csv import MAX_BREAKS, CsvFile
from kerege.apps.aimak.workbooks.limits import MAX_CELL_CHARS
from kerege.apps.aimak.workbooks.messages import WorkbookError
from kerege.apps.aimak.workbooks.reader import read_book
from tests.apps.aimak.workbooks.books import AIGUL, HEADER, USEN, candidates, codes

BOOK = "".join(";".join(row) + "\r\n" for row in (HEADER, USEN, AIGUL))


def values(data: bytes) -> list[tuple]:
    return [row.values for row in CsvFile(data).rows()]


@pytest.mark.parametrize(
    ("encoding", "mark", "told"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8"),
        ("utf-16-le", b"\xff\xfe", "utf-16-le"),
        ("utf-16-be", b"\xfe\xff", "utf-16-be"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
    ],
)
def test_a_book_is_read_in_every_encoding(tmp_path, encoding, mark, told):
    path = tmp_path / "book.csv"
    path.write_bytes(mark + BOOK.encode(encoding))
    usen, aigul = candidates(path)
    assert (usen.values["given_name"], aigul.values["given_name"]) == ("Үсөн", "Айгүл")
    assert codes(usen) == codes(aigul) == []
    assert read_book(path).encoding == told


def test_cp1251_is_what_is_no_utf_8():
    text = "Номер хозяйства;Фамилия\n12;Асанов\n"
    file = CsvFile(text.encode("cp1251"))
    assert file.book.encoding == "cp1251"
    assert [row.values for row in file.rows()][1] == ("12", "Асанов")


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_the_separator_is_found(separator):
    lines = [["12", "Асанов, Үсөн; кызы", "0,5"], ["13", "Б|в", "1"]] * 5
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator).writerows(lines)
    assert values(file.getvalue().encode()) == [tuple(line) for line in lines]


def test_excels_own_line_names_the_separator_and_is_no_row():
    rows = list(CsvFile(b"sep=,\r\n1;2,3\r\n4;5,6\r\n").rows())
    assert [(row.number, row.values) for row in rows] == [
        (2, ("1;2", "3")),
        (3, ("4;5", "6")),
    ]


def test_quotes_hold_separators_breaks_and_quotes():
    data = 'a;b\n"Жол; ""Ысык-Көл""\nүй 2";1\n'.encode()
    assert values(data)[1] == ('Жол; "Ысык-Көл"\nүй 2', "1")


def test_a_quote_that_is_not_closed_is_named_and_swallows_nothing():
    data = BOOK.replace("Асанов Үсөн", '"Асанов Үсөн') + BOOK * 5
    with pytest.raises(WorkbookError) as caught:
        values(data.encode())
    assert caught.value.code == "csv.quote_not_closed"
    assert str(caught.value).startswith("A quotation mark in line 2 is not closed")


def test_a_quote_that_swallows_more_than_a_cell_can_hold_is_named():
    data = "a;b\n1;2\n" + '1;"' + "x" * 200_000
    with pytest.raises(WorkbookError) as caught:
        values(data.encode())
    assert caught.value.details == {"row": "3"}


def test_empty_lines_are_counted_and_left_out():
    rows = list(CsvFile(b"a;b\n\n;;\n1;2\n").rows())
    assert [row.number for row in rows] == [1, 4]


def test_zero_bytes_and_control_characters_are_told_of_the_cell(tmp_path):
    path = tmp_path / "book.csv"
    path.write_bytes(BOOK.replace("Үсөн", "Үс\x00ө\x1bн").encode())
    assert [codes(c) for c in candidates(path)] == [["text.control"], []]


def test_our_own_exports_are_read_again(tmp_path):
    """The apostrophe before a plus is ours (see `writing`)."""
    path = tmp_path / "book.csv"
    header = ";".join((*HEADER, "Телефон"))
    path.write_text(f"{header}\n{';'.join(USEN)};'+996 555 000000\n")
    (usen,) = candidates(path)
    assert usen.values["phone"] == "+996 555 000000"


TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=20
).filter(lambda text: not text.lower().startswith("sep="))


@given(
    rows=st.lists(st.lists(TEXT, min_size=2, max_size=6), min_size=1, max_size=8),
    separator=st.sampled_from([";", ",", "\t"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
@settings(max_examples=150, deadline=None)
def test_what_a_spreadsheet_writes_is_read_as_it_was(rows, separator, mark):
    file = io.StringIO(newline="")
    file.write(f"sep={separator}\r\n")
    csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(rows)
    assert values(mark + file.getvalue().encode()) == [tuple(row) for row in rows]


@given(
    data=st.binary(max_size=400) | st.text(';,"\n\t=аb1', max_size=200).map(str.encode)
)
@settings(max_examples=300, deadline=None)
@example(b'"')
@example(b"sep=;")
@example(b"\xff\xfe\0")
@example(b'a;"' + b"\n" * (MAX_BREAKS + 1) + b'"')
def test_any_bytes_give_rows_or_a_declared_error(data):
    with contextlib.suppress(WorkbookError):
        for row in CsvFile(data).rows():
            assert row.has_own_value
            assert all(v is None or 0 < len(v) <= MAX_CELL_CHARS for v in row.values)
