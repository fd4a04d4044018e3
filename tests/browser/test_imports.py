"""A clerk takes a household book into the register, with a real worker, and undoes it."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.apps.aimak.workbooks.books import xlsx
from tests.browser.site import Site
from tests.browser.visitor import DESKTOP, LANGUAGES, PHONE, Visitor, visitor

pytestmark = pytest.mark.browser
HEADER = (
    "Түтүндүн номери", "Фамилиясы", "Ысымы", "ПИН", "Туулган күнү", "Жынысы",
    "Башчыга тууганчылыгы",
)  # fmt: skip
ROWS = (
    ("{n}", "Токтосунов", "Бакыт", "", "05.03.1987", "э", "башчы"),
    ("{n}", "Токтосунова", "Гүлзат", "", "5/3/90", "а", "аялы"),
    ("{n}", "Токтосунов", "<b>Эрмек</b>", "123", "30.02.2015", "э", "уулу"),
)
WORDS = {
    "ky": ("Файлды жөнөтүү", "Китепти текшерүү", "Туура саптарды алуу",
           "Импортту толугу менен артка кайтаруу"),
    "ru": ("Отправить файл", "Проверить книгу", "Взять правильные строки",
           "Отменить весь импорт"),
    "en": ("Send the file", "Check the book", "Take the good rows",
           "Undo the whole import"),
}  # fmt: skip


def look(there: Visitor, name: str, *, javascript: bool) -> None:
    """See that the page is open to everybody, and keep a picture of it."""
    assert there.page.locator("h1").count() == 1
    assert there.overflow() <= 0
    if javascript:
        there.picture(name)
        assert there.barriers() == []
    assert [c for c in there.complaints if "status of" not in c] == []


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_book_is_sent_looked_at_taken_and_undone(
    browser: Browser,
    site: Site,
    tmp_path: Path,
    language: str,
    width: int,
    *,
    javascript: bool,
):
    send, check, take, undo = WORDS[language]
    number = f"{language}{width}{'j' if javascript else 'n'}"
    rows = [[cell.format(n=number) for cell in row] for row in ROWS]
    book = xlsx(tmp_path / "чарба китеби.xlsx", [HEADER, *rows])
    options = {"language": language, "width": width, "javascript": javascript}
    with visitor(browser, site, who="clerk", **options) as there:
        there.go("/aimak/imports/new/")
        there.page.set_input_files("input[type=file]", book)
        there.press(send)
        look(there, "import-columns", javascript=javascript)
        assert "B: Фамилиясы" in there.page.inner_text("main")
        there.press(check)
        look(there, "import-running", javascript=javascript)
        address = there.page.url
        site.run("worker", "--until-empty")
        there.page.goto(address)
        look(there, "import-checked", javascript=javascript)
        there.page.goto(f"{address}report/")
        look(there, "import-report", javascript=javascript)
        assert "<b>Эрмек</b>" in there.page.inner_text("main")
        there.page.goto(address)
        there.press(take)
        site.run("worker", "--until-empty")
        there.page.goto(address)
        look(there, "import-taken", javascript=javascript)
        there.press(undo)
        site.run("worker", "--until-empty")
        there.page.goto(address)
        look(there, "import-undone", javascript=javascript)
        there.go("/aimak/imports/")
        look(there, "imports", javascript=javascript)
