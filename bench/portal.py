"""What the heaviest pages of the site weigh on the line, as Chromium counts."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from bench.rows import Row
from tests.browser.conftest import CHROMIUM
from tests.browser.site import running_site
from tests.browser.visitor import PATIENCE_MS
from tests.browser.weights import FIRST_VISIT_KB, NEXT_PAGE_KB, weigh_all

PREFIX = "portal.first_visit_kb", "portal.next_page_kb"


def rows(scale: str) -> list[Row]:
    """Weigh every page of `tests.browser.pages`; the scale changes nothing."""
    del scale
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(Path(folder) / "site") as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE_MS
        )
        weights = weigh_all(browser, site)
        browser.close()
    first = max(weights, key=lambda w: w.first_kb)
    later = max(weights, key=lambda w: w.next_kb)
    read = f"the heaviest of {len(weights)} pages, in Kyrgyz, compressed"
    return [
        Row(
            "portal.first_visit_kb",
            first.first_kb,
            "KB",
            f"{first.page}, {read}; {FIRST_VISIT_KB} at most",
        ),
        Row(
            "portal.next_page_kb",
            later.next_kb,
            "KB",
            f"{later.page}, {read}; {NEXT_PAGE_KB} at most",
        ),
    ]
