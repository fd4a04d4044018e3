"""Documents that differ in a few values: what fits a skeleton, and what does not."""

import pytest
from hypothesis import given, strategies as st

from kerege.xroad.skeleton import Forms, Skeleton

LETTER = b"<letter><to>Aigul</to><sum>100</sum></letter>"


def test_the_next_document_of_a_kind_is_read_by_position():
    skeleton = Skeleton.of(LETTER, [b"100", b"Aigul"])
    assert skeleton is not None
    assert skeleton.read(b"<letter><to>Bakyt</to><sum>250</sum></letter>") == (
        b"250",
        b"Bakyt",
    )


def test_one_other_byte_or_another_length_does_not_fit():
    skeleton = Skeleton.of(LETTER, [b"Aigul", b"100"])
    assert skeleton is not None
    assert skeleton.read(b"<letter><to>Bakyt</to><Sum>250</sum></letter>") is None
    assert skeleton.read(b"<letter><to>Bakyt</to><sum>2500</sum></letter>") is None


def test_a_value_that_is_missing_or_there_twice_makes_no_skeleton():
    assert Skeleton.of(LETTER, [b"Bakyt"]) is None
    assert Skeleton.of(LETTER, [b"letter"]) is None
    assert Skeleton.of(LETTER, [b""]) is None


def test_values_that_overlap_make_no_skeleton():
    assert Skeleton.of(LETTER, [b"Aigul", b"gul</to>"]) is None


@given(st.lists(st.binary(min_size=5, max_size=5), min_size=2, max_size=2))
def test_what_was_filled_in_is_read_again(values):
    skeleton = Skeleton.of(LETTER + b"!Bakyt", [b"Aigul", b"Bakyt"])
    assert skeleton is not None
    assert skeleton.read(skeleton.filled(values)) == tuple(values)


class Known:
    def read(self, document: bytes) -> str:
        return f"known {document.decode()}"


def test_only_the_last_forms_are_remembered():
    forms: Forms[str] = Forms(most=2, tell_apart=lambda document: document[:1])
    for document in (b"a1", b"b1", b"c1"):
        assert forms.may_learn(document)
        forms.learn(document, Known())
    assert forms.read(b"a2") is None
    assert forms.read(b"c2") == "known c2"
    assert forms.read(b"c22") is None


def test_what_has_no_form_is_not_learned_again():
    forms: Forms[str] = Forms(most=2)
    forms.learn(b"a1", None)
    assert not forms.may_learn(b"b2")
    assert forms.read(b"b2") is None


def test_a_form_that_does_not_fit_any_more_is_learned_anew():
    class Outdated:
        def read(self, document: bytes) -> str | None:
            return None

    forms: Forms[str] = Forms(most=2)
    forms.learn(b"a1", Outdated())
    assert forms.read(b"a2") is None
    assert forms.may_learn(b"a2")
    forms.learn(b"a2", Known())
    assert forms.read(b"a3") == "known a3"


def test_the_form_that_was_read_last_stays():
    forms: Forms[str] = Forms(most=2, tell_apart=lambda document: document[:1])
    forms.learn(b"a1", Known())
    forms.learn(b"b1", Known())
    assert forms.read(b"a2") == "known a2"
    forms.learn(b"c1", Known())
    assert forms.read(b"a3") == "known a3"
    assert forms.read(b"b2") is None


@pytest.mark.parametrize(
    "declaration",
    [
        b'<?xml version="1.0" encoding="UTF-7"?>',
        b'<?xml version="1.0" encoding="UTF-16"?>',
        b"<?xml version='1.0' encoding='utf7'?>",
        b"\xef\xbb\xbf",
    ],
)
def test_documents_in_other_encodings_have_no_skeleton(declaration):
    assert Skeleton.of(declaration + LETTER, [b"Aigul"]) is None
    utf_8 = b"<?xml version='1.0' encoding='utf-8' standalone='no'?>"
    assert Skeleton.of(utf_8 + LETTER, [b"Aigul"]) is not None
