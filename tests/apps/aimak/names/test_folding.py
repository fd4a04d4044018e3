"""One spelling for all spellings of a name."""

import pytest
from hypothesis import given, strategies as st

from kerege.apps.aimak.names.alphabet import LETTERS
from kerege.apps.aimak.names.endings import (
    Gender,
    go_together,
    marker,
    split_ending,
)
from kerege.apps.aimak.names.folding import MAX_READINGS, fold, readings
from kerege.apps.aimak.names.latin import latin_variants

SAME = [
    ("omurbek", "Өмүрбек Омурбек Omurbek Ömürbek ӨМҮРБЕК Ɵмүрбек Oмyрбек"),
    ("jenbekov", "Жээнбеков Jeenbekov Zheenbekov Dzheenbekov Djeenbekov Джээнбеков"),
    ("ciniz", "Чынгыз Чыңгыз Чингиз Chyngyz Chingiz Çınğız Tchinguiz Chynggyz"),
    ("aigul", "Айгүл Айгуль Aigul Aygul Aygül Айгул Aigul’"),
    ("jumabai", "Жумабай Jumabay Zhumabai Dzhumabai Djoumabai"),
    ("sergev", "Сергеев Sergeev Sergeyev Sergeiev"),
    ("koenov", "Коёнов Коенов Koyonov Koionov Koenov"),
    ("werbakova", "Щербакова Shcherbakova Scherbakova"),
    ("hadija", "Хадижа Khadizha Hadija Khadija"),
    ("asia", "Асия Asiya Asiia Asia"),
    ("petrovskaia", "Петровская Petrovskaya Petrovskaia"),
    ("petrovski", "Петровский Petrovskii Petrovskiy Petrovsky Petrovski Petrovskij"),
    ("janil", "Жаңыл Жангыл Jangyl Zhanyl Жаӊыл"),
]


@pytest.mark.parametrize(
    ("folded", "spelling"),
    [(folded, each) for folded, spellings in SAME for each in spellings.split()],
)
def test_spellings_of_one_name_fold_alike(folded, spelling):
    assert folded in readings(spelling)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Асан", "Үсөн"),
        ("Айгүл", "Айзат"),
        ("Жаныл", "Чаныл"),
        ("Самат", "Шамат"),
        ("Нурлан", "Нурдан"),
    ],
)
def test_other_names_stay_other_names(one, other):
    assert not set(readings(one)) & set(readings(other))


def test_a_latin_letter_that_can_be_two_is_read_as_both():
    assert readings("Ajgul") == ("ajgul", "aigul")
    assert "jengiz".replace("ng", "n") in readings("Cengiz")
    assert "aleksandr" in readings("Alexandr")
    assert "asan" in readings("ACAH")


KYRGYZ = st.text(alphabet=LETTERS, min_size=1, max_size=14)


@given(KYRGYZ)
def test_every_lawful_latin_spelling_folds_like_the_name(name):
    assert {fold(variant) for variant in latin_variants(name)} == {fold(name)}


@given(st.text(max_size=150))
def test_any_text_folds_to_the_letters_a_to_z(text):
    folded = fold(text)
    assert folded == "" or (folded.isascii() and folded.isalpha() and folded.islower())
    assert len(readings(text)) <= MAX_READINGS
    split_ending(folded)


@pytest.mark.parametrize(
    ("name", "stem", "gender"),
    [
        ("Асанов", "asan", Gender.MALE),
        ("Асанова", "asan", Gender.FEMALE),
        ("Сергеева", "serg", Gender.FEMALE),
        ("Zheenbekova", "jenbek", Gender.FEMALE),
        ("Петровская", "petrov", Gender.FEMALE),
        ("Эсенович", "esen", Gender.MALE),
        ("Эсеновна", "esen", Gender.FEMALE),
        ("Асануулу", "asan", Gender.MALE),
        ("Асанкызы", "asan", Gender.FEMALE),
        ("Бородина", "borod", Gender.FEMALE),
    ],
)
def test_an_ending_tells_the_gender_and_leaves_the_stem(name, stem, gender):
    found = split_ending(fold(name))
    assert found.stem == stem
    assert found.ending is not None
    assert found.ending.gender is gender


@pytest.mark.parametrize("name", ["Амина", "Алтын", "Усов", "Чынгыз", "Айгүл"])
def test_given_names_and_short_surnames_are_not_taken_apart(name):
    assert split_ending(fold(name)).ending is None


def test_endings_of_both_genders_go_together_and_others_do_not():
    man, woman, other = (
        split_ending(fold(n)).ending for n in ("Асанов", "Асанова", "Асанский")
    )
    assert go_together(man, woman)
    assert not go_together(man, other)
    assert not go_together(man, None)
    assert go_together(None, None)


@pytest.mark.parametrize(
    ("word", "gender"),
    [
        ("уулу", Gender.MALE),
        ("UULU", Gender.MALE),
        ("улы", Gender.MALE),
        ("кызы", Gender.FEMALE),
        ("kyzy", Gender.FEMALE),
        ("qizi", Gender.FEMALE),
        ("Улан", None),
    ],
)
def test_son_and_daughter_are_words_of_their_own(word, gender):
    assert marker(fold(word)) is gender
