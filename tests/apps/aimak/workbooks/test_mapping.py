"""Columns are guessed, remembered and changed by hand."""

import pytest

from kerege.apps.aimak.workbooks.fields import fields
from kerege.apps.aimak.workbooks.mapping import (
    ColumnMapping,
    MappingError,
    data_rows,
    fingerprint,
    guess,
)
from kerege.apps.aimak.workbooks.sheets import Row
from tests.apps.aimak.workbooks.books import HEADER, USEN

KYRGYZ = ("Чарбанын номери", "Фамилиясы", "Аты", "Атасынын аты", "ПИН", "Туулган күнү",
          "Жынысы", "Башчыга тууганчылыгы", "Көчөсү", "Бодо мал")  # fmt: skip
RUSSIAN = ("№ хозяйства", "Фамилия", "Имя", "Отчество", "ИНН", "Дата рождения (число, месяц, год)",
           "Пол", "Отношение к главе семьи", "Улица", "КРС")  # fmt: skip
ENGLISH = ("Household", "Surname", "First name", "Patronymic", "PIN", "Birth date",
           "Sex", "Relation to head", "Street", "Cattle")  # fmt: skip
FIELDS = ["household_number", "surname", "given_name", "patronymic", "pin", "birth_date",
          "sex", "relation", "street", "cattle"]  # fmt: skip


@pytest.mark.parametrize("header", [KYRGYZ, RUSSIAN, ENGLISH])
def test_columns_are_known_by_their_names_in_three_languages(header):
    mapping = guess([Row(1, ("Книга", "2026")), Row(4, header), Row(5, USEN)])
    assert mapping.header_row == 4
    assert list(mapping.columns.values()) == FIELDS
    mapping.require_usable()


@pytest.mark.parametrize("language", ["ky", "ru", "en"])
def test_our_own_labels_name_their_fields(language):
    labels = tuple(field.labels[language] for field in fields().values())
    mapping = guess([Row(1, labels)])
    assert list(mapping.columns.values()) == list(fields())


def test_two_columns_of_one_name_are_told_apart_by_the_better_one():
    mapping = guess([Row(1, (*RUSSIAN, "Фамилия при рождении", "Имя матери"))])
    assert list(mapping.columns.values()) == FIELDS


def test_signs_capitals_and_spaces_do_not_matter():
    rows = [Row(1, ("  ДАТА   РОЖДЕНИЯ:", "Ф.И.О.", "Пол*"))]
    assert list(guess(rows).columns.values()) == ["birth_date", "full_name", "sex"]


def test_a_header_far_down_or_of_two_words_is_none():
    assert guess([Row(1, ("Фамилия", "Имя"))]) is None
    assert guess([Row(41, RUSSIAN)]) is None
    assert guess([]) is None


def test_the_fingerprint_finds_the_same_header_again():
    again = Row(9, tuple(text.upper() + " " for text in RUSSIAN))
    assert fingerprint(Row(1, RUSSIAN)) == fingerprint(again)
    assert fingerprint(Row(1, RUSSIAN)) != fingerprint(Row(1, RUSSIAN[::-1]))


def test_numbers_of_columns_and_repeated_headers_are_no_people():
    rows = [
        Row(1, HEADER),
        Row(2, ("1", "2", 3, "4", "5", 6)),
        Row(3, USEN),
        Row(4, HEADER),
        Row(5, USEN),
    ]
    assert [row.number for row in data_rows(rows, guess(rows))] == [3, 5]


def test_a_mapping_is_data():
    mapping = guess([Row(1, RUSSIAN)])
    assert ColumnMapping.from_json(mapping.to_json()) == mapping


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"header_row": 1, "fingerprint": "", "columns": {"0": "password"}},
     {"header_row": 1, "fingerprint": "", "columns": {"-1": "pin"}},
     {"header_row": 1, "fingerprint": "", "columns": {"x": "pin"}},
     {"header_row": [], "fingerprint": "", "columns": {}}],
)  # fmt: skip
def test_a_damaged_mapping_is_refused(data):
    with pytest.raises(MappingError) as caught:
        ColumnMapping.from_json(data)
    assert caught.value.code == "mapping.damaged"


def test_what_is_missing_or_chosen_twice_is_named():
    mapping = guess([Row(1, RUSSIAN)])
    columns = dict(mapping.columns)
    del columns[5]
    with pytest.raises(MappingError) as caught:
        ColumnMapping(1, "", columns).require_usable()
    assert (caught.value.code, caught.value.details) == (
        "mapping.missing",
        {"field": "birth_date"},
    )
    with pytest.raises(MappingError) as caught:
        ColumnMapping(1, "", {**mapping.columns, 11: "pin"}).require_usable()
    assert caught.value.details == {"field": "pin", "columns": "E, L"}
