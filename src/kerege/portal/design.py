"""What every page's shell needs: languages, navigation by rights, marks of drafts."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.navigation import Item
from kerege.apps.common.staff.access import rights_of
from kerege.apps.common.staff.models import User

TRANSLATIONS = Path(__file__).with_name("translations.json")
"""Written by `scripts/compile-translations`: how many texts are drafts."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the navigation, as the template shows it."""

    href: str
    label: str | Promise
    current: str
    """``page``, ``true`` for a page below it, or empty."""


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the values that the base template uses on every page."""
    return {
        "languages": settings.LANGUAGES,
        "site_name": _("Kerege"),
        "return_to": request.get_full_path() if request.method == "GET" else "/",
        "navigation": SimpleLazyObject(lambda: navigation(request)),
        "has_drafts": has_drafts(),
    }


def navigation(request: HttpRequest) -> list[Link]:
    """Return the links to what the signed-in person may use; none for a stranger."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return []
    rights = rights_of(user)
    shown = [
        (href, item)
        for item in items()
        if item.right in rights and (href := _address(item.view))
    ]
    above = [item.prefix for _href, item in shown if _is_below(request.path, item)]
    nearest = max(above, key=len, default=None)
    return [
        Link(href, item.label, _current(request.path, href, item.prefix, nearest))
        for href, item in shown
    ]


def items() -> list[Item]:
    """Return the items of all apps, in the order of the apps."""
    return [
        item
        for config in apps.get_app_configs()
        for item in getattr(config, "navigation", ())
    ]


@cache
def has_drafts() -> bool:
    """Tell whether Kyrgyz texts wait for a reader, once for the life of the process."""
    return counts_drafts(TRANSLATIONS)


def counts_drafts(counted: Path) -> bool:
    """Read whether there are drafts; if nobody has counted, there are."""
    try:
        numbers = json.loads(counted.read_text(encoding="utf-8"))
        return bool(numbers["ky"]["drafts"])
    except (OSError, ValueError, KeyError, TypeError):
        return True


def _address(view: str) -> str:
    try:
        return reverse(view)
    except NoReverseMatch:
        return ""


def _is_below(path: str, item: Item) -> bool:
    return bool(item.prefix) and path.startswith(item.prefix)


def _current(path: str, href: str, prefix: str, nearest: str | None) -> str:
    """One item at most is the current one: that with the longest prefix."""
    if path == href:
        return "page"
    return "true" if prefix and prefix == nearest else ""
