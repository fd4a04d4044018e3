"""The shell around every page: languages, keyboard, no JavaScript, paper, contrast."""

import pytest
from playwright.sync_api import Browser

from tests.browser.site import Site
from tests.browser.visitor import visitor

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
def test_the_language_is_chosen_by_a_button_and_stays(
    browser: Browser, site: Site, *, javascript: bool
):
    with visitor(browser, site, language="en", javascript=javascript) as there:
        there.go("/components/?page=2")
        there.press("Кыргызча")
        assert there.page.url.endswith("/components/?page=2")
        assert there.page.locator("html").get_attribute("lang") == "ky"
        there.go("/")
        assert there.page.locator("html").get_attribute("lang") == "ky"


def test_the_first_key_leads_past_the_header(browser: Browser, site: Site):
    with visitor(browser, site, language="en") as there:
        there.go("/")
        there.page.keyboard.press("Tab")
        link = there.page.locator(":focus")
        assert link.inner_text() == "Skip to the content"
        assert link.bounding_box()["height"] > 20  # it is seen now
        there.page.keyboard.press("Enter")
        assert there.page.evaluate("document.activeElement.id") == "main"


def test_every_control_shows_that_it_has_the_focus(browser: Browser, site: Site):
    with visitor(browser, site, language="en") as there:
        there.go("/components/")
        controls = there.page.locator(
            "a[href], button:visible, input:visible, select:visible, textarea:visible"
        )
        plain = [
            controls.nth(i).evaluate("e => e.outerHTML.slice(0, 120)")
            for i in range(controls.count())
            if not controls.nth(i).evaluate(FOCUS_SHOWS)
        ]
        assert plain == []


FOCUS_SHOWS = """element => {
  const look = e => {
    const s = getComputedStyle(e), b = getComputedStyle(e, "::before");
    const label = e.labels && e.labels[0] && getComputedStyle(e.labels[0], "::before");
    return [s.outline, s.boxShadow, s.backgroundColor, s.borderColor, b.boxShadow,
      label ? label.boxShadow + label.outline : ""].join();
  };
  element.blur();
  const before = look(element);
  element.focus();
  return document.activeElement === element && look(element) !== before;
}"""


def test_paper_has_the_content_and_not_the_buttons(browser: Browser, site: Site):
    with visitor(browser, site, who="clerk", language="en") as there:
        there.go("/components/")
        there.page.emulate_media(media="print")
        assert there.page.get_by_role("table", name="Members").is_visible()
        assert not there.page.locator(".govuk-button").first.is_visible()
        assert not there.page.locator(".kerege-header__account").is_visible()


def test_forced_colours_leave_nothing_unseen(browser: Browser, site: Site):
    with visitor(browser, site, language="en") as there:
        there.page.emulate_media(forced_colors="active")
        there.go("/components/")
        there.picture("forced-colours")
        assert there.barriers() == []


def test_a_mistake_gets_the_focus_so_that_it_is_read_first(
    browser: Browser, site: Site
):
    with visitor(browser, site, language="en") as there:
        there.go("/components/")
        focused = there.page.evaluate("document.activeElement.className")
        assert "govuk-error-summary" in focused


def test_a_wrong_password_is_told_without_javascript(browser: Browser, site: Site):
    with visitor(browser, site, language="en", javascript=False) as there:
        there.go("/sign-in/")
        there.page.get_by_label("Sign-in name").fill("nobody")
        there.page.get_by_label("Password").fill("nothing")
        there.press("Sign in")
        assert there.page.title().startswith("Error:")
        assert there.page.locator(".govuk-error-summary").is_visible()
