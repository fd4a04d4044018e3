"""A misspelled name is found among the names of a country, with the reason."""

import random

import pytest
from hypothesis import given, strategies as st

from bench._names import country_names, misspelled
from kerege.apps.aimak.names.distance import EXACT, SAME_NAME, distance, rank
from kerege.apps.aimak.names.folding import fold
from kerege.apps.aimak.names.keyboard import other_layout
from kerege.apps.aimak.names.keys import MAX_KEYS, deletions, index_keys, keys
from kerege.apps.aimak.names.vocabulary import (
    LEAST,
    MemoryVocabulary,
    Reason,
    candidates,
)

NAMES = [
    "Асанов",
    "Асанова",
    "Асаналиев",
    "Айгүл",
    "Айгерим",
    "Өмүрбек",
    "Жээнбеков",
    "Zheenbekova",
    "Чынгыз",
    "Токтогулов",
    "Токтосунов",
    "Хасан",
    "Касан",
    "Али",
    "Маматов",
    "Маметов",
]
SEED = 20261124


@pytest.fixture(scope="module")
def village():
    return MemoryVocabulary(NAMES)


@pytest.fixture(scope="module")
def country():
    names = country_names(4_000, SEED)
    return names, MemoryVocabulary(names)


@pytest.mark.parametrize(
    ("typed", "first", "reason"),
    [
        ("Асанов", "Асанов", Reason.EXACT),
        ("асанов", "Асанов", Reason.EXACT),
        ("Омурбек", "Өмүрбек", Reason.SPELLING),
        ("Ömürbek", "Өмүрбек", Reason.SPELLING),
        ("Jeenbekov", "Жээнбеков", Reason.SPELLING),
        ("Чингиз", "Чынгыз", Reason.SPELLING),
        ("Ajgul", "Айгүл", Reason.SPELLING),
        ("Маматова", "Маматов", Reason.ENDING),
        ("Токтогул", "Токтогулов", Reason.ENDING),
        ("Өмүрб", "Өмүрбек", Reason.BEGINNING),
        ("Өмрубек", "Өмүрбек", Reason.SIMILAR),
        ("Токтосуноа", "Токтосунов", Reason.SIMILAR),
    ],
)
def test_the_likeliest_name_comes_first_and_says_why(village, typed, first, reason):
    best = candidates(typed, village)[0]
    assert (best.text, best.reason) == (first, reason)


def test_a_name_typed_in_the_other_layout_is_found(village):
    found = candidates("Fqueek", village, typed_otherwise=other_layout("Fqueek"))
    assert (found[0].text, found[0].reason) == ("Айгүл", Reason.LAYOUT)


def test_both_genders_of_a_surname_are_found_the_one_asked_for_first(village):
    found = [candidate.text for candidate in candidates("Асанова", village)]
    assert found[:2] == ["Асанова", "Асанов"]


def test_what_is_no_name_finds_nothing(village):
    assert candidates("щщщщщщщ", village) == []
    assert candidates("123", village) == []
    assert candidates("", village) == []


@pytest.mark.parametrize(("mistakes", "floor"), [(0, 1.0), (1, 0.95), (2, 0.85)])
def test_misspelled_names_are_found_among_thousands(country, mistakes, floor):
    names, vocabulary = country
    chance = random.Random(SEED + mistakes)  # noqa: S311 - drawn, not secret
    asked = chance.sample(names, 200)
    hits = 0
    for name in asked:
        typed = name
        for _ in range(mistakes):
            typed = misspelled(typed, chance)
        hits += any(found.text == name for found in candidates(typed, vocabulary))
    assert hits / len(asked) >= floor


def test_ranks_put_spellings_before_mistakes_and_small_mistakes_before_large():
    ranks = [
        rank("Айгүл", "Айгүл"),
        rank("Айгул", "Айгүл"),
        rank("Айкүл", "Айгүл"),
        rank("Айшүл", "Айгүл"),
        rank("Айшат", "Айгүл"),
    ]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[0] == EXACT
    assert LEAST < ranks[1] <= SAME_NAME
    assert len(set(ranks)) == len(ranks)


def test_two_swapped_letters_are_one_mistake():
    assert distance("asan", "aasn") < distance("asan", "amun")
    assert distance("jenbekov", "jenbkeov") < 1


def test_the_distance_stops_where_it_was_told():
    assert distance("aaaaaaaaaa", "wwwwwwwwww", limit=2) > 2


WORD = st.text(alphabet="абгеёжийкмнңоөрсуүхчшыьяabcjuyz", min_size=1, max_size=12)


@given(WORD, WORD)
def test_the_distance_is_the_same_both_ways(one, other):
    first, second = fold(one), fold(other)
    assert distance(first, second) == pytest.approx(distance(second, first))


@given(st.text(alphabet="abdegijklmnorstuw", min_size=7, max_size=14), st.randoms())
def test_a_wrong_letter_leaves_a_deletion_in_common(name, chance):
    at = chance.randrange(len(name))
    changed = name[:at] + chance.choice("vfhp") + name[at + 1 :]
    assert deletions(name).keys() & deletions(changed).keys()


@given(st.text(max_size=150))
def test_any_text_has_a_bounded_number_of_keys(text):
    found = index_keys(text)
    assert len(found) <= MAX_KEYS
    assert keys(text) == set(found)
    assert all(key.rstrip("*").isascii() for key in found)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_have_a_rank(query, candidate):
    assert 0 <= rank(query, candidate) <= 1
