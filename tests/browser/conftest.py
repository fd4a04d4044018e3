"""One site and one browser for all tests of this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.contact_sheet import make_sheets
from tests.browser.site import Site, running_site
from tests.browser.visitor import PATIENCE_MS, PICTURES

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give the site, with the cast of `tests.browser.cast`."""
    with running_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium; at the end the contact sheets are made."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is missing; on Debian: apt-get install chromium")
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE_MS
        )
        yield started
        make_sheets(started, PICTURES)
        started.close()
