"""What clerks type, and what is understood."""

from dataclasses import fields
from datetime import date

import pytest
from hypothesis import given, strategies as st

from kerege.apps.aimak.names.endings import Gender
from kerege.apps.aimak.names.keyboard import other_layout
from kerege.apps.aimak.names.query import MAX_NAMES, Query, parse_query, words


def understood(text):
    """Return the fields that were filled, names as they were typed."""
    query = parse_query(text)
    filled = {f.name: getattr(query, f.name) for f in fields(Query)}
    filled["names"] = " ".join(name.text for name in query.names)
    return {name: value for name, value in filled.items() if value}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("21205199401330", {"pin": "21205199401330"}),
        ("2 12051994 01330", {"pin": "21205199401330"}),
        ("2120519940", {"pin_part": "2120519940"}),
        ("Асанов Азамат", {"names": "Асанов Азамат"}),
        ("Асанов, Азамат", {"names": "Асанов Азамат"}),
        ("азамат 1987", {"names": "азамат", "birth_year": 1987}),
        ("Асанов 12.05.1987", {"names": "Асанов", "birth_date": date(1987, 5, 12)}),
        ("1987-05-12", {"birth_date": date(1987, 5, 12)}),
        ("Асан уулу Бакыт", {"names": "Асан Бакыт", "parent_gender": Gender.MALE}),
        ("№12", {"household": "12"}),
        ("чарба 12/1", {"household": "12/1"}),
        ("household 45", {"household": "45"}),
        ("117", {"number": "117"}),
        ("ул. Манас д. 5а кв.3", {"street": "Манас", "house": "5а", "flat": "3"}),
        ("Манас көчөсү 12", {"street": "Манас", "house": "12"}),
        (
            "Манас көчөсү 12-үй, 3-батир",
            {"street": "Манас", "house": "12", "flat": "3"},
        ),
        ("Каныкей 7б", {"names": "Каныкей", "house": "7б"}),
        ("30.02.1987", {"left_out": ("30.02.1987",)}),
        ("туулган 1950 Асан", {"names": "Асан", "birth_year": 1950}),
        ("Петрова-Сидорова Мария", {"names": "Петрова Сидорова Мария"}),
        ("   ", {}),
    ],
)
def test_words_are_sorted_out_in_any_order(typed, meant):
    assert understood(typed) == meant


def test_a_name_that_was_typed_in_the_other_layout_is_read_in_both():
    (name,) = parse_query("Fqueek").names
    assert (name.text, name.typed_otherwise) == ("Fqueek", "Айгуул")


def test_keys_of_letters_are_no_punctuation_in_the_other_layout():
    (name,) = parse_query(";tty,trjd").names
    assert name.typed_otherwise == "жеенбеков"


def test_a_comma_without_a_space_still_separates_latin_names():
    names = parse_query("Asanov,Azamat").names
    assert [name.text for name in names] == ["Asanov", "Azamat"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("Fquek", "Айгул"), ("Фшпгд", "Aigul"), ("Fйгул", None), ("123", None)],
)
def test_the_other_layout_is_known_both_ways(typed, meant):
    assert other_layout(typed) == meant


def test_more_words_than_a_name_has_are_told_and_not_guessed():
    query = parse_query("бир эки үч төрт беш")
    assert len(query.names) == MAX_NAMES
    assert query.left_out == ("беш",)


def test_an_apostrophe_is_part_of_a_name_and_a_hyphen_is_not():
    assert words("О'Коннор") == ["ОКоннор"]
    assert words("Ала-Тоо") == ["Ала", "Тоо"]


def test_an_empty_question_says_so():
    assert parse_query("?!").is_empty
    assert not parse_query("Асан").is_empty


@given(st.text(max_size=300))
def test_any_text_is_a_query(text):
    query = parse_query(text)
    assert len(query.names) <= MAX_NAMES
    if query.pin is not None:
        assert len(query.pin) == 14
