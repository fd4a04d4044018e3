"""Elements of SVG. Texts are escaped; there is no style attribute anywhere."""

from html import escape

from kerege.apps.common.charts.values import number


def rectangle(
    x: float, y: float, width: float, height: float, *, series: int, title: str
) -> str:
    """Return a bar; a pointer that rests on it reads the title."""
    return (
        f'<rect class="series-{series}" x="{number(x)}" y="{number(y)}" '
        f'width="{number(width)}" height="{number(height)}">'
        f"<title>{escape(title)}</title></rect>"
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line of a class."""
    return f'<path class="{kind}" d="M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}"/>'


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return a text; ``end`` and ``middle`` are its alignments."""
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{number(x)}" y="{number(y)}">{escape(words)}</text>'


def figure(value: float) -> str:
    """Write a number of an axis in the language of the page."""
    from django.utils.formats import number_format

    whole = value == int(value)
    return number_format(
        int(value) if whole else value, use_l10n=True, force_grouping=True
    )
