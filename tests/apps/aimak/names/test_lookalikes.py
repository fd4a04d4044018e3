"""Words in two alphabets at once, and what is proposed."""

import pytest
from hypothesis import given, strategies as st

from kerege.apps.aimak.names.lookalikes import (
    MAX_TEXT_CHARS,
    mixed_words,
    repaired,
    unmasked,
)

LATIN_O = "o"
LATIN_A = "a"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (f"Осм{LATIN_O}нов", "Осмонов"),
        ("Acaн", "Асан"),
        ("Cыдыков", "Сыдыков"),
        ("Жyмабек", "Жумабек"),
        ("Aлmаз", "Алмаз"),
        ("YМҮТ", "ҮМҮТ"),
        ("Bаля", "Валя"),
        ("Αсан", "Асан"),  # Greek capital alpha
        ("Аzamat", "Azamat"),
        ("Аsаnоv", "Asanov"),
    ],
)
def test_the_letters_that_are_certain_say_which_alphabet_was_meant(written, meant):
    (word,) = mixed_words(written)
    assert word.proposal == meant
    assert repaired(f"Мына {written}!") == f"Мына {meant}!"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Ɵмүрбек", "Өмүрбек"),
        ("Ѳмүрбек", "Өмүрбек"),
        ("Θмүрбек", "Өмүрбек"),
        ("Жаӊыл", "Жаңыл"),
        ("Жаҥыл", "Жаңыл"),
        ("Айгγл", "Айгүл"),
        ("Андрiй", "Андрий"),
        ("Андрій", "Андрий"),
        ("Ас0нов", "Асонов"),
        ("Ка3ак", "Казак"),
    ],
)
def test_letters_and_digits_that_stand_for_kyrgyz_ones_are_told(written, meant):
    (word,) = mixed_words(written)
    assert word.proposal == meant
    assert word.letters


def test_where_certain_letters_of_two_alphabets_meet_a_person_must_decide():
    (word,) = mixed_words("Aйgул")
    assert (word.proposal, word.letters) == (None, "Ag")
    assert repaired("Aйgул") == "Aйgул"


@pytest.mark.parametrize(
    "text",
    [
        "Өмүрбек Жээнбеков, 12-үй",
        "Omurbek Zheenbekov",
        "кв. 3а",
        "X-Road кызматы",
        "Çınğız Ömürbek",
        "Ала-Тоо",
        "",
    ],
)
def test_a_word_in_one_alphabet_is_left_alone(text):
    assert mixed_words(text) == ()
    assert repaired(text) == text


def test_a_word_tells_where_it_begins_and_which_letters_are_wrong():
    (word,) = mixed_words("Атасы: Kанат")
    assert (word.start, word.word, word.letters) == (7, "Kанат", "K")


def test_a_latin_word_can_be_a_cyrillic_one_in_disguise():
    assert unmasked("CAPA") == "САРА"
    assert unmasked("c") == "с"
    assert unmasked("Sara") is None
    assert unmasked("12") is None


@given(st.text(max_size=60))
def test_any_text_can_be_looked_at_and_a_repair_leaves_nothing_to_repair(text):
    once = repaired(text)
    assert len(once) == len(text)
    assert all(word.proposal is None for word in mixed_words(once))


def test_what_lies_beyond_the_bound_is_not_read():
    assert mixed_words("а" * MAX_TEXT_CHARS + " Kанат") == ()
