"""Kyrgyz first, and whatever language a reader chooses stays his."""

from datetime import date

import pytest
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format, number_format

from kerege.apps.common.staff.models import User
from kerege.portal import design

pytestmark = pytest.mark.django_db
SKIP = {
    "ky": "Мазмунуна өтүү",
    "ru": "Перейти к содержанию",
    "en": "Skip to the content",
}


@pytest.fixture(autouse=True)
def texts_are_compiled() -> None:
    with translation.override("ky"):
        if translation.gettext("Skip to the content") != SKIP["ky"]:
            pytest.skip("translations are not compiled: scripts/compile-translations")


def first_words(client: Client, **headers: str) -> str:
    page = client.get("/", headers=headers).content.decode()
    return next((k for k, v in SKIP.items() if v in page), "none")


def test_the_browsers_language_counts_until_another_is_chosen(client: Client):
    assert first_words(client, accept_language="ru, en;q=0.5") == "ru"
    client.post("/language/", {"language": "ky", "next": "/"})
    assert first_words(client, accept_language="ru") == "ky"


def test_the_accounts_language_counts_before_the_browsers(client: Client):
    user = User.objects.create_user(
        "aigul", "long-word-7", full_name="Айгүл", language="ky"
    )
    client.force_login(user, "kerege.portal.signin.backend.StaffBackend")
    assert first_words(client, accept_language="ru") == "ky"
    client.post("/language/", {"language": "en", "next": "/"})
    assert first_words(client) == "en"


def test_a_language_that_there_is_not_changes_nothing(client: Client):
    answer = client.post("/language/", {"language": "xx", "next": "/"})
    assert "django_language" not in answer.cookies


def test_the_choice_of_language_leads_nowhere_else(client: Client):
    for target in ("https://example.com/", "//example.com", "javascript:alert(1)"):
        answer = client.post("/language/", {"language": "ru", "next": target})
        assert answer["Location"] == "/"


@pytest.mark.parametrize(
    ("language", "day", "number"),
    [
        ("ky", "2026-ж. 24-ноябрь", "7\xa0395,2"),
        ("ru", "24 ноября 2026 г.", "7\xa0395,2"),
        ("en", "24 November 2026", "7\xa0395.2"),
    ],
)
def test_dates_and_numbers_are_written_as_the_language_does(
    language: str, day: str, number: str
):
    with translation.override(language):
        assert date_format(date(2026, 11, 24)) == day
        assert number_format(7395.2, force_grouping=True) == number


def test_russian_counts_in_three_forms():
    with translation.override("ru"):
        texts = [
            translation.ngettext(
                "Ensure this value has at most %(limit_value)d character "
                "(it has %(show_value)d).",
                "Ensure this value has at most %(limit_value)d characters "
                "(it has %(show_value)d).",
                count,
            )
            for count in (1, 2, 5)
        ]
    assert "знака" in texts[0]
    assert "знаков" in texts[1]


def test_the_site_says_that_texts_are_drafts_while_one_is(client: Client, tmp_path):
    assert design.counts_drafts(tmp_path / "missing.json")
    counted = tmp_path / "translations.json"
    counted.write_text('{"ky": {"drafts": 1, "reviewed": 8}}')
    assert design.counts_drafts(counted)
    counted.write_text('{"ky": {"drafts": 0, "reviewed": 9}}')
    assert not design.counts_drafts(counted)
    counted.write_text("{")
    assert design.counts_drafts(counted)
