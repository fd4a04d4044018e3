"""What is wrong with a translation is said by file, line and text."""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from kerege.portal.translations.catalogue import CatalogueError, read_catalogue
from kerege.portal.translations.checks import is_draft, problems
from kerege.portal.translations.glossary import (
    glossary,
    parse_glossary,
    without_kyrgyz_letters,
)

ROOT = Path(__file__).resolve().parents[3]
HEADER = 'msgid ""\nmsgstr ""\n"Language: ky\\n"\n\n'


def found(language: str, english: str, translation: str) -> list[str]:
    """Return the problems of one translation."""
    entry = f'msgid "{english}"\nmsgstr "{translation}"\n'
    (message,) = read_catalogue(HEADER + entry)
    return problems(language, message, glossary())


@pytest.mark.parametrize(
    ("language", "english", "translation"),
    [
        ("ky", "Household book", "Чарба китеби"),
        ("ru", "Household book", "Похозяйственная книга"),
        ("ky", "Print the household book", "Чарба китебин басып чыгаруу"),
        ("ru", "Streets of the village", "Улицы села"),
        ("ky", "Choose a language", "Тилди тандаңыз"),
        ("ky", "%(count)s persons", "%(count)s адам"),
        ("ky", "Export to XLSX", "XLSX экспорттоо"),
        ("ru", "TOTP", "TOTP"),
        ("ky", "<b>Save</b>", "<b>Сактоо</b>"),
    ],
)
def test_a_good_translation_has_no_problems(language, english, translation):
    assert found(language, english, translation) == []


@pytest.mark.parametrize(
    ("language", "english", "translation", "problem"),
    [
        ("ky", "Choose", "", "is not translated"),
        ("ru", "Choose a person", "Choose a person", "is the English text"),
        ("ky", "Choose", "Tандаңыз", "mixes alphabets (T): write 'Тандаңыз'"),
        ("ru", "Choose", "Выберитe", "mixes alphabets (e): write 'Выберите'"),
        ("ru", "Choose with", "Выберите c", "'c' is written in Latin letters"),
        ("ky", "About it", "Ал жонундо", "lacks a Kyrgyz letter: write 'жөнүндө'"),
        ("ky", "Relatives", "Уй-було", "lacks a Kyrgyz letter: write 'үй-бүлө'"),
        ("ky", "Go back", "Кайтўү", "letters that the language does not have: ['ў']"),
        ("ru", "Go back", "Артка кайтүү", "does not have: ['ү']"),
        ("ky", "Household", "Үй", "'household' is 'түтүн' in the glossary"),
        ("ru", "Household", "Семья", "'household' is 'хозяйство' in the glossary"),
        ("ky", "%(count)s left", "калды", "placeholders or tags differ: %(count)s"),
        ("ru", "<b>Now</b>", "Сейчас", "placeholders or tags differ: </b, <b"),
    ],
)
def test_a_bad_translation_is_told_with_what_to_do(
    language, english, translation, problem
):
    (told,) = found(language, english, translation)
    assert problem in told


def test_a_guess_of_gettext_is_no_translation():
    entry = '#, fuzzy\nmsgid "Choose"\nmsgstr "Тандаңыз"\n'
    (message,) = read_catalogue(HEADER + entry)
    (told,) = problems("ky", message, glossary())
    assert told.startswith("was guessed by gettext")


def test_all_forms_of_a_plural_are_looked_at():
    entry = (
        'msgid "%(n)s street"\nmsgid_plural "%(n)s streets"\n'
        'msgstr[0] "%(n)s улица"\nmsgstr[1] "%(n)s улицы"\nmsgstr[2] ""\n'
    )
    (message,) = read_catalogue(HEADER + entry)
    assert problems("ru", message, glossary()) == ["is not translated"]


@pytest.mark.parametrize(
    ("comment", "draft"),
    [
        ("", True),
        ("# draft\n", True),
        ("# reviewed: Айгүл Асанова 2026-11-20\n", False),
        ("# reviewed: Айгүл Асанова\n", True),
    ],
)
def test_a_text_is_a_draft_until_somebody_has_read_it(comment, draft):
    (message,) = read_catalogue(f'{HEADER}{comment}msgid "a"\nmsgstr "б"\n')
    assert is_draft(message) is draft


def test_a_mark_of_review_has_a_name_and_a_date():
    entry = '# reviewed: yes\nmsgid "Choose"\nmsgstr "Тандаңыз"\n'
    (message,) = read_catalogue(HEADER + entry)
    assert problems("ky", message, glossary()) == [
        "write the mark as '# reviewed: NAME YYYY-MM-DD'"
    ]


def test_a_catalogue_is_read_with_lines_contexts_and_long_texts():
    text = (
        HEADER
        + '#. for translators\n#: views.py\nmsgctxt "menu"\nmsgid ""\n"Two "\n"lines"\n'
        + 'msgstr ""\n"Эки "\n"сап"\n\n#~ msgid "old"\n#~ msgstr "эски"\n'
    )
    (message,) = read_catalogue(text)
    assert (message.source, message.translations) == ("Two lines", ["Эки сап"])
    assert text.split("\n")[message.line - 1] == 'msgid ""'


@pytest.mark.parametrize("text", ["what is this", 'msgid "a', 'msgid "a" b"'])
def test_what_is_no_catalogue_is_refused_with_its_line(text):
    with pytest.raises(CatalogueError, match="line 1: "):
        read_catalogue(text)


@given(st.text())
def test_any_text_is_a_catalogue_or_refused(text):
    try:
        messages = read_catalogue(HEADER + text)
    except CatalogueError:
        return
    for message in messages:
        problems("ky", message, glossary())


def test_every_term_of_the_glossary_keeps_to_itself():
    for term in glossary().terms:
        for language in ("ky", "ru"):
            assert term.is_in(language, term.words[language]), term


def test_kyrgyz_words_of_the_glossary_are_spelled_with_their_letters():
    assert "үй-бүлө" in {term.words["ky"] for term in glossary().terms}
    for word in glossary().spelling:
        assert without_kyrgyz_letters(word) != word


def test_the_longest_term_of_a_text_is_the_one_that_counts():
    terms = glossary().terms_in("The household book of households")
    assert [term.english[0] for term in terms] == ["household book", "household"]


def test_a_glossary_without_its_fields_is_refused():
    with pytest.raises(KeyError):
        parse_glossary('[[terms]]\nen = ["a"]\n')
    with pytest.raises(ValueError, match=r"."):
        parse_glossary("= a")


def script():
    """Return the script as a module."""
    path = ROOT / "scripts" / "check_translations.py"
    spec = importlib.util.spec_from_file_location("check_translations", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_names_file_line_and_text(tmp_path: Path, capsys):
    folder = tmp_path / "src" / "app" / "locale" / "ky" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue = folder / "django.po"
    catalogue.write_text(HEADER + 'msgid "Save"\nmsgstr "Cактоо"\n', encoding="utf-8")
    assert script().main(tmp_path) == 1
    told = capsys.readouterr()
    where = "src/app/locale/ky/LC_MESSAGES/django.po:5"
    assert told.err.startswith(f"{where}: 'Save': 'Cактоо' mixes alphabets (C)")
    assert told.out == "1 Kyrgyz texts are drafts\n"
    catalogue.write_text(HEADER + 'msgid "Save"\nmsgstr "Сактоо"\n', encoding="utf-8")
    assert script().main(tmp_path) == 0


def test_the_catalogues_of_the_site_have_no_problems(capsys):
    assert script().main() == 0, capsys.readouterr().err
