"""Workbooks as offices really have them."""

from datetime import date
from decimal import Decimal

import openpyxl

from kerege.apps.aimak.workbooks.mapping import best_sheet
from kerege.apps.aimak.workbooks.reader import read_book, read_heads, read_rows
from kerege.apps.aimak.workbooks.sheets import Row, Sheet
from tests.apps.aimak.workbooks.books import (
    AIGUL,
    HEADER,
    SHEET,
    USEN,
    candidates,
    codes,
    notes,
    rebuilt,
    sheet_xml,
    xlsx,
)


def test_a_plain_book_is_read(tmp_path):
    path = xlsx(tmp_path / "b.xlsx", [("Үй чарба китеби",), HEADER, USEN, AIGUL])
    usen, aigul = candidates(path)
    assert usen.row == 3
    assert usen.values == {
        "household_number": "12",
        "surname": "Асанов",
        "given_name": "Үсөн",
        "patronymic": "Маратович",
        "pin": "20503198700123",
        "birth_date": date(1987, 3, 5),
        "sex": "male",
        "relation": "head",
    }
    assert aigul.values["relation"] == "spouse"
    assert codes(usen) == codes(aigul) == []


def test_numbers_as_numbers_and_numbers_as_text_are_the_same(tmp_path):
    header = (*HEADER, "КРС", "Пашня, га")
    one = (12, *USEN[1:2], 20503198700123, date(1987, 3, 5), *USEN[4:], 3, 0.35)
    other = (*USEN, "3", "0,35")
    found, same = candidates(xlsx(tmp_path / "b.xlsx", [header, one, other]))
    assert codes(found) == []
    assert found.values == same.values
    assert found.values["arable_ha"] == Decimal("0.35")
    assert found.values["cattle"] == 3


def test_the_value_of_a_formula_is_taken_and_told_and_the_formula_is_not_run(tmp_path):
    command = '=cmd|" /C calc"!A0'
    usen = (*USEN[:1], ("=A1&B1", "Асанов Үсөн"), *USEN[2:5], (command, "глава"))
    (found,) = candidates(xlsx(tmp_path / "b.xlsx", [HEADER, usen]))
    assert codes(found) == []
    assert found.values["given_name"] == "Үсөн"
    assert notes(found) == ["cell.formula", "cell.formula"]
    assert found.notes[0].cell == "B2"
    assert found.notes[0].text("en") == (
        "The cell has a formula; its last result “Асанов Үсөн” was taken. "
        "The formula was not run."
    )


def test_a_formula_without_a_result_is_no_value(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.active.append([*USEN[:5], "=F1"])
    path = tmp_path / "b.xlsx"
    book.save(path)
    (found,) = candidates(path)
    assert codes(found) == ["cell.no_value"]
    assert "save it again" in found.problems[0].text("en")


def test_an_error_of_the_spreadsheet_is_a_problem_of_its_cell(tmp_path):
    usen = (*USEN[:3], ("=1/0", "#DIV/0!"), *USEN[4:])
    (found,) = candidates(xlsx(tmp_path / "b.xlsx", [HEADER, usen]))
    assert [(p.code, p.cell) for p in found.problems] == [("cell.error", "D2")]


def test_a_cell_merged_over_a_family_counts_for_each_of_them(tmp_path):
    rows = [HEADER, (None, *USEN[1:]), (None, *AIGUL[1:]), ("13", *AIGUL[1:])]
    path = xlsx(tmp_path / "b.xlsx", rows, merges=[(1, 0, 2, 0, "12")])
    usen, aigul, other = candidates(path)
    assert [c.values["household_number"] for c in (usen, aigul, other)] == [
        "12",
        "12",
        "13",
    ]
    assert (notes(usen), notes(aigul), notes(other)) == ([], ["cell.merged"], [])


def test_a_merged_title_and_an_empty_end_of_a_merged_range_are_no_rows(tmp_path):
    rows = [(), HEADER, (None, *USEN[1:])]
    merges = [(0, 0, 0, 5, "Книга"), (2, 0, 5, 0, "12")]
    path = xlsx(tmp_path / "b.xlsx", rows, merges=merges)
    assert [c.row for c in candidates(path)] == [3]


def test_columns_far_to_the_right_are_not_read(tmp_path):
    wide = [*HEADER, *("x",) * 290]
    path = xlsx(tmp_path / "b.xlsx", [wide, [*USEN, *("y",) * 290]])
    rows = list(read_rows(path))
    assert [len(row.values) for row in rows] == [200, 200]
    (found,) = candidates(path)
    assert codes(found) == []


def test_the_sheet_with_the_book_is_found_among_others(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Отчёт"
    book.active.append(["Село", "Всего"])
    book.create_sheet("Китеп")
    for row in (["1-айыл"], HEADER, USEN):
        book["Китеп"].append(row)
    book.create_sheet("Эски").sheet_state = "hidden"
    path = tmp_path / "b.xlsx"
    book.save(path)
    found, heads = read_heads(path)
    assert found.sheets == (Sheet("Отчёт"), Sheet("Китеп"), Sheet("Эски", hidden=True))
    place, mapping = best_sheet(heads)
    assert (place, mapping.header_row) == (1, 2)
    assert best_sheet(heads[:1]) is None


def test_days_that_count_from_1904_are_days(tmp_path):
    rows = [
        HEADER,
        (*USEN[:3], date(1987, 3, 5), *USEN[4:]),
        (*USEN[:3], 30379, *USEN[4:]),
    ]
    path = xlsx(tmp_path / "b.xlsx", rows, date_1904=True)
    assert read_book(path).epoch_1904
    assert {c.values["birth_date"] for c in candidates(path)} == {date(1987, 3, 5)}


def test_a_pin_that_the_spreadsheet_has_rounded_is_told(tmp_path):
    rows = [HEADER, (*USEN[:2], "2,05032E+13", *USEN[3:])]
    (found,) = candidates(xlsx(tmp_path / "b.xlsx", rows))
    assert codes(found) == ["pin.rounded"]
    assert "last digits are lost" in found.problems[0].text("en")


def test_control_characters_and_html_in_a_name_are_refused(tmp_path):
    rows = [
        HEADER,
        (*USEN[:1], "Асанов\x07 Үсөн", *USEN[2:]),
        (*USEN[:1], "Асанов <b>Үсөн</b>", *USEN[2:]),
        (*USEN[:1], "Асанов \u202eҮсөн", *USEN[2:]),
        (*USEN[:1], "Асанов\u00a0Үсөн\u200b", *USEN[2:]),
    ]
    found = candidates(xlsx(tmp_path / "b.xlsx", rows))
    assert [codes(c) for c in found] == [
        ["text.control"],
        ["text.markup"],
        ["text.control"],
        [],
    ]
    assert "\x07" not in found[0].problems[0].text("en")
    assert found[3].values["given_name"] == "Үсөн"


def test_a_name_in_two_alphabets_is_refused_with_what_was_meant(tmp_path):
    latin_a = "A"
    rows = [HEADER, (*USEN[:1], f"{latin_a}санов Үсөн", *USEN[2:])]
    (found,) = candidates(xlsx(tmp_path / "b.xlsx", rows))
    assert codes(found) == ["name.mixed"]
    assert "Probably meant: Асанов." in found.problems[0].text("en")


def test_a_very_long_text_is_cut_and_told(tmp_path):
    rows = [(*HEADER, "Место работы"), (*USEN, "ы" * 30_000)]
    (found,) = candidates(xlsx(tmp_path / "b.xlsx", rows))
    assert codes(found) == ["text.too_long"]
    assert len(found.problems[0].value) <= 60


def test_cells_without_places_and_gaps_between_rows_are_counted(tmp_path):
    path = xlsx(tmp_path / "b.xlsx", [HEADER])
    text = '<c t="str"><v>a</v></c><c t="inlineStr"><is><t>b</t></is></c>'
    rebuilt(path, {SHEET: sheet_xml(f'<row r="3">{text}</row><row>{text}</row>')})
    assert list(read_rows(path)) == [Row(3, ("a", "b")), Row(4, ("a", "b"))]
