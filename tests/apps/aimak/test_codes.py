"""A clerk chooses from lists; what is not in a list is refused with the list."""

from datetime import date

import pytest

from kerege.apps.aimak.codes import UnknownCodeError, code_list, code_lists

DAY = date(2026, 3, 2)


@pytest.mark.parametrize("name", code_lists())
def test_every_list_has_a_source_and_names_in_three_languages(name: str):
    found = code_list(name)
    assert found.source.endswith(".")
    for code in found.codes.values():
        assert set(code.names) == {"ky", "ru", "en"}
        assert all(code.names.values())
    assert not set(found.aliases) & set(found.codes)


def test_a_relation_is_named_for_a_woman_and_for_a_man():
    relations = code_list("relations")
    assert relations.text("spouse", "ru", "female") == "супруга"
    assert relations.text("spouse", "ky", "male") == "күйөөсү"
    assert relations.text("head", "en", "female") == "head of the family"


def test_words_of_books_stand_for_our_codes():
    assert code_list("relations").canonical("daughter") == "child"
    assert code_list("land_kinds").canonical("2") == "share"


def test_an_unknown_code_is_refused_with_the_list():
    with pytest.raises(UnknownCodeError) as refused:
        code_list("species").canonical("7")
    assert str(refused.value) == (
        "'7' is not a code of the list species; use one of: 1, 2, 3, 4, 5, 6"
    )


def test_an_old_code_of_a_row_is_shown_as_it_is():
    assert code_list("education").text("incomplete", "ru") == "incomplete"


def test_a_code_that_has_ended_is_not_offered():
    species = code_list("species")
    bees = species.codes["6"]
    ended = type(bees)(bees.code, bees.names, {}, valid_to=date(2026, 3, 2))
    assert not ended.holds(DAY)
    assert ended.holds(date(2026, 3, 1))
    assert ("6", "bees (colonies)") in species.choices(DAY, "en")
