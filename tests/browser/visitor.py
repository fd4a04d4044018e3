"""Somebody at a browser: goes to pages, and sees what is wrong with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response

from tests.browser.site import Site

PHONE, DESKTOP = 360, 1024
"""Widths in CSS pixels."""
LANGUAGES = ("ky", "ru", "en")
PATIENCE_MS = 120_000
"""A busy machine is no reason to fail."""
PICTURES = Path(__file__).parents[2] / "var" / "screenshots"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A tab of a browser with its own cookies."""

    site: Site
    page: Page
    language: str
    complaints: list[str] = field(default_factory=list)
    """What the browser wrote to its console: refused scripts and styles too."""

    def go(self, path: str) -> Response:
        """Open a page of the site."""
        answer = self.page.goto(self.site.url + path.format(**self.site.words))
        assert answer is not None
        return answer

    def press(self, name: str) -> None:
        """Press a button and wait for the next page."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).first.click()

    def barriers(self) -> list[str]:
        """Return what axe-core finds wrong with this page; JavaScript must be on."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{one['id']}: {one['help']}: {node['html'][:200]}"
            for one in found
            for node in one["nodes"]
        ]

    def overflow(self) -> int:
        """Return how many pixels of the page stand out at the right; 0 is good."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - window.innerWidth"
        )

    def picture(self, name: str) -> Path:
        """Take a picture of the whole page for the contact sheet."""
        width = self.page.viewport_size["width"]
        path = PICTURES / self.language / f"{name}-{width}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path, full_page=True)
        return path


@contextmanager
def visitor(
    browser: Browser,
    site: Site,
    *,
    who: str = "",
    language: str = "ky",
    width: int = DESKTOP,
    javascript: bool = True,
) -> Iterator[Visitor]:
    """Give a fresh tab, signed in as somebody of the cast if he is named."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        locale=language,
        java_script_enabled=javascript,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    cookies = {"django_language": language}
    if who:
        cookies["sessionid"] = site.sessions[who]
    context.add_cookies(
        [{"name": k, "value": v, "url": site.url} for k, v in cookies.items()]
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield Visitor(site, page, language, complaints)
    finally:
        context.close()
