"""A clerk on a poor line: no page weighs more than it may."""

import pytest
from playwright.sync_api import Browser

from tests.browser.pages import PAGES, Page
from tests.browser.site import Site
from tests.browser.weights import FIRST_VISIT_KB, NEXT_PAGE_KB, weigh

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_keeps_to_its_weight(browser: Browser, site: Site, page: Page):
    weight = weigh(browser, site, page.path, page.who, page.name)
    assert 1 < weight.first_kb < FIRST_VISIT_KB
    assert 0.5 < weight.next_kb < NEXT_PAGE_KB
    assert (
        weight.next_kb < weight.first_kb
    )  # style sheet and script came from the cache
