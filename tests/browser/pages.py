"""Every page of the site, once: add yours here.

`test_pages` opens each in all languages, at two widths, reads it with axe-core and puts
a picture of it on the contact sheet of its language.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """One page and who may see it."""

    name: str
    """Name of its picture."""
    path: str
    """May hold ``{household}`` and other words that `tests.browser.cast` made."""
    who: str = ""
    """Somebody of `tests.browser.cast`; empty: a stranger."""
    status: int = 200


PAGES = (
    Page("home", "/"),
    Page("home-clerk", "/", who="clerk"),
    Page("components", "/components/"),
    Page("sign-in", "/sign-in/"),
    Page("imports", "/aimak/imports/", who="clerk"),
    Page("import-upload", "/aimak/imports/new/", who="clerk"),
    Page("export", "/aimak/exports/", who="clerk"),
    Page("register", "/aimak/", who="clerk"),
    Page("search", "/aimak/search/?q=Асонов+Усен", who="clerk"),
    Page("search-nobody", "/aimak/search/?q=Лермонтов", who="clerk"),
    Page("household", "/aimak/household/{household}/", who="clerk"),
    Page("person", "/aimak/person/{person}/", who="clerk"),
    Page("forbidden", "/aimak/", who="auditor", status=403),
    Page("household-history", "/aimak/household/{household}/history/", who="clerk"),
    Page("change", "/aimak/change/{change}/", who="clerk"),
    Page("new-household", "/aimak/new/", who="clerk"),
    Page("birth", "/aimak/household/{household}/event/birth/", who="clerk"),
    Page("split", "/aimak/household/{household}/event/split/", who="clerk"),
    Page("facts", "/aimak/person/{person}/facts/facts/now/", who="clerk"),
    Page("household-book", "/aimak/book/", who="clerk"),
    Page("household-list", "/aimak/list/", who="clerk"),
    Page("statistics", "/aimak/statistics/", who="analyst"),
    Page("no-such-page", "/there-is-none/", status=404),
)
