"""Every message is there in three languages, and says what to do."""

import ast
import re
import string
from pathlib import Path

import pytest

import kerege.apps.aimak.workbooks as package
from kerege.apps.aimak.names.lookalikes import mixed_words
from kerege.apps.aimak.workbooks.fields import fields, words_of
from kerege.apps.aimak.workbooks.messages import LANGUAGES, messages, shown

CODE = re.compile(
    r"(disk|file|sheet|csv|cell|text|name|pin|date|number|sex|relation|missing|mapping)"
    r"\.[a-z_0-9]+\Z"
)


def codes_in_source():
    for path in Path(package.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and CODE.match(text):
                yield text


def test_every_message_that_is_raised_has_texts():
    assert set(codes_in_source()) <= set(messages())


@pytest.mark.parametrize("code", messages())
def test_a_message_names_the_same_things_in_each_language(code):
    names = [
        sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)
        for text in messages()[code].values()
    ]
    assert names[0] == names[1] == names[2]


@pytest.mark.parametrize("code", messages())
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_is_a_sentence_in_one_alphabet(code, language):
    text = messages()[code][language]
    assert text.endswith(".")
    assert mixed_words(text) == ()
    if language != "en":
        assert re.search("[а-яөүң]", text)


def test_labels_and_words_are_in_one_alphabet():
    for field in fields().values():
        assert set(field.labels) == set(LANGUAGES)
        for text in (*field.labels.values(), *field.words):
            assert mixed_words(text) == ()
    for name in ("sex", "relation"):
        for word in words_of(name):
            assert mixed_words(word) == ()


def test_what_is_shown_of_a_cell_is_short_and_has_no_control_characters():
    assert shown("a\x1b[31m\u202e") == "a�[31m�"
    assert len(shown("я" * 500)) == 60
