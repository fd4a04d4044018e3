"""Components of the site's pages: each tag is one file of `templates/components/`.

Tags with content end with ``end`` and their name. Content is a template's own markup;
values are escaped as everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django import template
from django.core.paginator import Page
from django.http import QueryDict
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.formats import number_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.charts import Chart

register = template.Library()

TAG_COLOURS = frozenset(
    {"grey", "green", "teal", "blue", "purple", "magenta", "red", "orange", "yellow"}
)


def component(template_name: str, /, **values: object) -> SafeString:
    """Render a component's template."""
    return render_to_string(f"components/{template_name}.html", values)


@register.filter
def number(value: float) -> str:
    """Write a number as the language does, in groups of three: 7 395 200."""
    return number_format(value, use_l10n=True, force_grouping=True)


@register.simple_tag
def button(text: str, kind: str = "", **attributes: str) -> SafeString:
    """Return a button, or with ``href`` a link that looks like one.

    Args:
        text: What pressing it does.
        kind: Empty, ``secondary``, ``warning`` or ``inverse``.
        attributes: ``href``, or ``name`` and ``value``, or ``form``.
    """
    return component("button", text=text, kind=kind, **attributes)


@register.simple_tag
def tag(text: str, colour: str = "blue") -> SafeString:
    """Return a small coloured word that tells a state."""
    return component(
        "tag", text=text, colour=colour if colour in TAG_COLOURS else "grey"
    )


@register.simple_tag
def back_link(href: str, text: str = "") -> SafeString:
    """Return the link above a page that leads back."""
    return component("back_link", href=href, text=text)


@register.simple_tag
def breadcrumbs(*steps: str) -> SafeString:
    """Return the way to this page: text and address in turn, the last without."""
    pairs = [
        {"text": steps[i], "href": steps[i + 1] if i + 1 < len(steps) else ""}
        for i in range(0, len(steps), 2)
    ]
    return component("breadcrumbs", steps=pairs)


@register.simple_tag
def progress(done: int, total: int, text: str = "") -> SafeString:
    """Return how far a job is; the bar and the same in words."""
    return component("progress", done=done, total=total, text=text)


@register.simple_tag
def search_box(
    action: str, value: str = "", label: object = "", name: str = "q", hint: str = ""
) -> SafeString:
    """Return a form with one field that asks the page ``action`` (by GET)."""
    label = label or _("Search")
    return component(
        "search", action=action, value=value, label=label, name=name, hint=hint
    )


@register.simple_tag
def tabs(items: Sequence[Mapping[str, object]], label: str = "") -> SafeString:
    """Return links to the pages of which this one is one: text, href, current."""
    return component("tabs", items=items, label=label)


@register.simple_tag
def task_list(items: Sequence[Mapping[str, object]]) -> SafeString:
    """Return steps and their states: text, href, hint, status, colour."""
    return component("task_list", items=items)


@register.simple_tag
def table(
    caption: str,
    columns: Sequence[Mapping[str, object] | str],
    rows: Iterable[Sequence[object]],
    empty: str = "",
) -> SafeString:
    """Return a table, whose rows become cards on a narrow screen.

    Args:
        caption: What it shows.
        columns: Each a text, or ``{"text": …, "numeric": True}``.
        rows: Cells in the order of the columns: a value, or ``{"text", "href"}``.
        empty: What to say if there is no row.
    """
    heads: list[Mapping[str, Any]] = [
        {"text": one} if isinstance(one, str) else one for one in columns
    ]
    body = [
        [
            {"head": head, **(cell if isinstance(cell, dict) else {"text": cell})}
            for head, cell in zip(heads, row, strict=True)
        ]
        for row in rows
    ]
    return component("table", caption=caption, heads=heads, rows=body, empty=empty)


@register.simple_tag
def chart(drawn: Chart) -> SafeString:
    """Return a drawing with its key, and its numbers as a table."""
    svg = mark_safe(drawn.svg())  # noqa: S308 - `charts.drawing` escapes all texts
    return component("chart", chart=drawn, svg=svg, height=str(drawn.height))


@register.simple_tag(takes_context=True)
def pagination(context: Context, page: Page[Any], name: str = "page") -> SafeString:
    """Return links to the pages around one of a paginator; other parameters stay."""
    query = context["request"].GET if "request" in context else QueryDict()
    kept = [(key, value) for key, value in query.items() if key != name]
    prefix = "?" + urlencode([*kept, (name, "")])
    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=1)
    ellipsis = str(page.paginator.ELLIPSIS)
    items = [
        {"number": n, "gap": str(n) == ellipsis, "current": str(n) == str(page.number)}
        for n in numbers
    ]
    return component("pagination", page=page, prefix=prefix, items=items)


@register.simple_block_tag
def details(content: str, summary: str, open: bool = False) -> SafeString:  # noqa: A002, FBT001 - as the HTML attribute
    """Hide content behind its summary until somebody wants it."""
    return component("details", content=content, summary=summary, open=open)


@register.simple_block_tag
def inset(content: str) -> SafeString:
    """Set a text apart."""
    return component("inset", content=content)


@register.simple_block_tag
def warning(content: str) -> SafeString:
    """Say what has consequences."""
    return component("warning", content=content)


@register.simple_block_tag
def notification(content: str, title: str = "", kind: str = "") -> SafeString:
    """Tell news of the page; ``success`` for what has been done."""
    return component("notification", content=content, title=title, kind=kind)


@register.simple_block_tag
def panel(content: str, title: str) -> SafeString:
    """Say at the end of a journey that it is done."""
    return component("panel", content=content, title=title)


@register.simple_block_tag
def summary_list(content: str) -> SafeString:
    """Hold `summary_row`s."""
    return component("summary_list", content=content)


@register.simple_tag
def summary_row(
    key: str, value: object, href: str = "", action: object = "", hidden: str = ""
) -> SafeString:
    """Return a fact: its name, its value, and the link that changes it."""
    return component(
        "summary_row",
        key=key,
        value=value,
        href=href,
        action=action or _("Change"),
        hidden=hidden or key,
    )
