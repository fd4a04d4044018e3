"""The lawful Latin spellings of a Cyrillic name."""

from datetime import date

import pytest
from hypothesis import given, strategies as st

from kerege.apps.aimak.names.latin import (
    MAX_VARIANTS,
    is_lawful,
    latin_variants,
    passport_spelling,
    romanisations,
)


def test_zh_of_passports_j_of_geographic_names_and_dzh_of_old_passports():
    assert latin_variants("Жээнбеков") == ("Zheenbekov", "Jeenbekov", "Dzheenbekov")


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("Чынгыз", {"Chyngyz", "Chingiz"}),
        ("Айгүл", {"Aigul", "Aygul", "Aygül"}),
        ("Жаңыл", {"Zhanyl", "Zhangyl", "Zhanil", "Jangyl", "Dzhanyl"}),
        ("Ыйман", {"Yiman", "Iyman"}),
        ("Өмүрбек", {"Omurbek", "Ömürbek"}),
        ("Юлия", {"Iuliia", "Yuliya"}),
    ],
)
def test_every_rule_gives_its_spellings(name, spellings):
    assert spellings <= set(latin_variants(name))


def test_one_name_keeps_one_spelling_of_a_letter():
    assert "Chyngiz" not in latin_variants("Чынгыз")


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("Жээнбекова", "Zheenbekova"),
        ("ЖАҢЫЛ", "ZHANYL"),
        ("Асан уулу", "Asan uulu"),
        ("Щ", "Shch"),
        ("Asanov", "Asanov"),
        ("", ""),
    ],
)
def test_the_passport_spelling_comes_first_with_the_capitals_of_the_name(
    name, spelling
):
    assert passport_spelling(name) == spelling


def test_a_document_is_compared_with_all_lawful_spellings():
    assert is_lawful("JEENBEKOV", "Жээнбеков")
    assert not is_lawful("Djeenbekov", "Жээнбеков")


def test_every_rule_has_a_source_and_dates_where_they_are_known():
    rules = {rule.id: rule for rule in romanisations()}
    assert all(rule.source for rule in rules.values())
    assert rules["resolution-467"].end == date(2022, 5, 26)
    assert rules["resolution-284"].start == date(2022, 5, 27)
    assert {rule.letters["ж"] for rule in rules.values()} == {
        ("j",),
        ("zh",),
        ("dzh",),
    }


@given(st.text(max_size=150))
def test_any_text_has_a_bounded_number_of_variants(text):
    assert 1 <= len(latin_variants(text)) <= MAX_VARIANTS
