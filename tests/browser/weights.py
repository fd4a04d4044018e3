"""How many bytes a page takes over the line, as the browser counts them."""

from dataclasses import dataclass

from playwright.sync_api import Browser

from tests.browser.pages import PAGES
from tests.browser.site import Site
from tests.browser.visitor import Visitor, visitor

FIRST_VISIT_KB = 60
NEXT_PAGE_KB = 20
"""Budgets: compressed, with headers; design.md, section 6."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What one page weighs."""

    page: str
    first_kb: float
    """With all that comes with it, by a browser that was never here."""
    next_kb: float
    """By a browser that has been on another page."""


def weigh_all(browser: Browser, site: Site) -> list[Weight]:
    """Open every page of the site's list twice, in Kyrgyz."""
    return [weigh(browser, site, page.path, page.who, page.name) for page in PAGES]


def weigh(browser: Browser, site: Site, path: str, who: str, name: str) -> Weight:
    """Weigh one page; Cyrillic takes more than Latin, so it is read in Kyrgyz."""
    with visitor(browser, site, who=who) as fresh:
        first = _bytes(fresh, path)
    with visitor(browser, site, who=who) as returning:
        returning.go("/there-is-none/")
        later = _bytes(returning, path)
    return Weight(name, first / 1000, later / 1000)


def _bytes(there: Visitor, path: str) -> float:
    """Go to a page and add up what came over the line; what is in the cache is 0."""
    session = there.page.context.new_cdp_session(there.page)
    session.send("Network.enable")
    came: list[float] = []
    session.on("Network.loadingFinished", lambda e: came.append(e["encodedDataLength"]))
    there.go(path)
    there.page.wait_for_load_state("networkidle")
    session.detach()
    return sum(came)
