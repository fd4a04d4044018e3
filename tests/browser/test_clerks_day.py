"""A clerk's day: a family under a wrong spelling, a birth, an arrival, a death, paper."""

import pytest
from playwright.sync_api import Browser

from tests.browser.site import Site
from tests.browser.visitor import DESKTOP, LANGUAGES, PHONE, Visitor, visitor

pytestmark = pytest.mark.browser
WORDS = {
    "ky": ("Издөө", "Улантуу", "Китепке жазуу", "Китепке жазылды"),
    "ru": ("Найти", "Продолжить", "Записать в книгу", "Записано в книгу"),
    "en": ("Find", "Go on", "Write it into the book", "It is in the book"),
}
"""Buttons to find, to go on, to write, and what stands on the last page."""


def type_into(there: Visitor, **answers: str) -> None:
    """Type answers into the fields of those names."""
    for name, value in answers.items():
        there.page.locator(f'[name="{name}"]').fill(value)


def choose(there: Visitor, field: str, name: str) -> None:
    """Choose the first member of a name in a list."""
    option = there.page.locator(f"#id_{field} option", has_text=name).first
    there.page.locator(f"#id_{field}").select_option(option.get_attribute("value"))


def write_down(there: Visitor, number: str) -> None:
    """Type a day and a document, go on, check, and write it into the book."""
    _find, go_on, write, written = WORDS[there.language]
    type_into(there, on_day="20", on_month="2", on_year="2026", document_number=number)
    there.press(go_on)
    there.press(write)
    assert written in there.page.locator("main").inner_text()


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_clerks_day(
    browser: Browser, site: Site, language: str, width: int, *, javascript: bool
):
    name = f"Бекзат{language}{width}{javascript}"
    with visitor(
        browser,
        site,
        who="clerk",
        language=language,
        width=width,
        javascript=javascript,
    ) as there:
        there.go("/aimak/")
        type_into(there, q="Асонов Усен")
        there.press(WORDS[language][0])
        there.page.get_by_role("link", name="Асанов Үсөн Бекович").first.click()
        home = f"/aimak/household/{site.words['family']}/"
        there.page.locator(f'a[href="{home}"]').first.click()
        there.page.locator('a[href$="/event/birth/"]').click()
        there.page.locator("#id_sex_1").check()
        choose(there, "mother", "Айгүл")
        type_into(there, surname="Асанов", given_name=name, patronymic="Үсөнович")
        write_down(there, "KG-1 123456")
        there.go(home + "event/arrival/")
        there.page.locator("#id_sex_0").check()
        there.page.locator("#id_relation").select_option("sibling")
        type_into(there, surname="Асанова", given_name="Нурай", patronymic="Бековна")
        type_into(there, born_day="3", born_month="4", born_year="1992")
        write_down(there, "K 17")
        there.go(home + "event/death/")
        choose(there, "who", "Нурай")
        write_down(there, "Ө 5")
        there.go("/aimak/book/?first=17&last=17")
        there.page.emulate_media(media="print")
        paper = there.page.locator("main").inner_text()
        assert name in paper
        assert "Асанова Айгүл" in paper
        assert not there.page.locator(".kerege-navigation").is_visible()
