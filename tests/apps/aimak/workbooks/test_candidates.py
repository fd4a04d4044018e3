"""What is taken of a row, what is not, and what is told."""

from datetime import date
from decimal import Decimal

import pytest

from kerege.apps.aimak.workbooks.candidates import CandidateReader
from kerege.apps.aimak.workbooks.fields import Kind, fields
from kerege.apps.aimak.workbooks.messages import LANGUAGES
from kerege.apps.aimak.workbooks.sheets import Row
from tests.apps.aimak.workbooks.books import TODAY, codes, notes

GOOD = {
    "household_number": "12-а",
    "surname": "Асанов",
    "given_name": "Үсөн",
    "pin": "20503198700123",
    "birth_date": "05.03.1987",
    "sex": "эркек",
    "relation": "Башчы",
}


def read(**changed):
    row = {**GOOD, **changed}
    reader = CandidateReader(dict(enumerate(row)), TODAY)
    return reader.read(Row(7, tuple(row.values())))


def test_a_good_row_has_no_problem():
    found = read()
    assert (codes(found), notes(found)) == ([], [])
    assert found.values == {
        **GOOD,
        "birth_date": date(1987, 3, 5),
        "sex": "male",
        "relation": "head",
    }


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("household_number", "", "missing.household_number"),
        ("household_number", None, "missing.household_number"),
        ("household_number", "x" * 21, "text.too_long"),
        ("birth_date", "-", "missing.birth_date"),
        ("birth_date", "30.02.1987", "date.impossible"),
        ("relation", "", "missing.relation"),
        ("relation", "кошунасы", "relation.unknown"),
        ("sex", "билбейм", "sex.unknown"),
        ("surname", "=HYPERLINK(1)", "name.letters"),
        ("surname", "Асанов2", "name.letters"),
        ("surname", "Aсанов", "name.mixed"),
        ("surname", "<i>Асанов", "text.markup"),
        ("pin", "2050319870012", "pin.length"),
        ("pin", "20503198700123.5", "pin.form"),
        ("pin", "29903198700123", "pin.form"),
        ("pin", "23002198700123", "pin.form"),
        ("pin", "２０５０３１９８７００１２３", "pin.form"),
        ("pin", "2.05032E+13", "pin.rounded"),
        ("pin", "20604198700123", "pin.other_date"),
        ("cattle", "-3", "number.negative"),
        ("cattle", "2,5", "number.not_whole"),
        ("cattle", "20503198700123", "number.unreadable"),
        ("cattle", "5001", "number.too_large"),
        ("cattle", "беш", "number.unreadable"),
        ("cattle", date(2026, 1, 1), "number.unreadable"),
        ("arable_ha", "1.2.3", "number.unreadable"),
    ],
)
def test_what_is_wrong_is_named_with_its_cell(field, value, code):
    found = read(**{field: value})
    assert codes(found) == [code]
    column = [*GOOD, "cattle"].index(field) if field in GOOD or field == "cattle" else 7
    assert found.problems[0].cell in ("", f"{'ABCDEFGH'[column]}7")
    for language in LANGUAGES:
        assert found.problems[0].text(language)


def test_a_row_without_a_name_is_told_so_once():
    assert codes(read(surname=None, given_name="")) == ["missing.surname"]


@pytest.mark.parametrize("value", ["0,35", "0.350", 0.35, " 0,35 "])
def test_decimals_with_comma_or_point(value):
    assert read(arable_ha=value).values["arable_ha"] == Decimal("0.35")


def test_thousands_and_nothing():
    assert read(sheep_goats="1 200").values["sheep_goats"] == 1200
    assert read(sheep_goats="0").values["sheep_goats"] == 0
    assert "sheep_goats" not in read(sheep_goats="-").values


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Асанов Үсөн", ("Асанов", "Үсөн", None)),
        ("Асанов Үсөн Маратович", ("Асанов", "Үсөн", "Маратович")),
        ("Асан уулу Үсөн", ("Асан уулу", "Үсөн", None)),
        ("Асанова Айгүл Марат кызы", ("Асанова", "Айгүл", "Марат кызы")),
        ("  Сыдык-Ахмат   Абдул-Азиз ", ("Сыдык-Ахмат", "Абдул-Азиз", None)),
    ],
)
def test_a_name_in_one_cell_is_divided(name, parts):
    found = read(surname=None, given_name=None, full_name=name)
    names = ("surname", "given_name", "patronymic")
    assert codes(found) == []
    assert tuple(found.values.get(each) for each in names) == parts


@pytest.mark.parametrize("name", ["Асанов", "Асанов Үсөн Марат Бакыт", "уулу"])
def test_a_name_that_cannot_be_divided_is_told_once(name):
    assert codes(read(surname=None, given_name=None, full_name=name)) == ["name.parts"]


def test_the_other_first_digit_of_a_pin_is_told_and_taken():
    found = read(pin="10503198700123")
    assert (codes(found), notes(found)) == ([], ["pin.other_sex"])


def test_a_pin_shows_which_reading_of_a_date_was_meant():
    found = read(birth_date="3/5/87")
    assert (codes(found), found.values["birth_date"]) == ([], date(1987, 3, 5))


def test_a_row_has_all_of_its_problems():
    found = read(surname="А1", pin="1", birth_date="x")
    assert codes(found) == ["pin.length", "name.letters", "date.unreadable"]


def test_every_field_can_be_read():
    assert {field.kind for field in fields().values()} == set(Kind)
