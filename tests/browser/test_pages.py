"""Every page, in three languages and two widths, with the eyes of axe-core."""

import pytest
from playwright.sync_api import Browser

from tests.browser.pages import PAGES, Page
from tests.browser.site import Site
from tests.browser.visitor import DESKTOP, LANGUAGES, PHONE, visitor

pytestmark = pytest.mark.browser
NARROWEST = 320
"""WCAG 2.2, 1.4.10: no scrolling to the side at 320 CSS pixels."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_open_to_everybody(
    browser: Browser, site: Site, page: Page, language: str
):
    for width in (PHONE, DESKTOP):
        with visitor(
            browser, site, who=page.who, language=language, width=width
        ) as there:
            answer = there.go(page.path)
            assert answer.status == page.status
            assert there.page.locator("html").get_attribute("lang") == language
            assert there.page.locator("h1").count() == 1
            there.picture(page.name)
            assert there.barriers() == []
            assert there.overflow() <= 0
            expected = [] if page.status == 200 else [str(page.status)]
            assert [c for c in there.complaints if not _is_about(c, expected)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_fits_into_the_narrowest_screen(
    browser: Browser, site: Site, page: Page
):
    with visitor(browser, site, who=page.who, width=NARROWEST) as there:
        there.go(page.path)
        assert there.overflow() <= 0


def _is_about(complaint: str, statuses: list[str]) -> bool:
    """A page that tells a mistake has its status, which the browser mentions."""
    return any(f"status of {status}" in complaint for status in statuses)
