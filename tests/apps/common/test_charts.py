"""Numbers are drawn as they are, and told beside the drawing."""

import re
from xml.etree import ElementTree as ET

import pytest
from django.template import Context, Template
from hypothesis import given, strategies as st

from kerege.apps.common.charts import Bars, Chart, Lines, Pyramid, Series
from kerege.apps.common.charts.values import MAX_LABELS, ChartError, scale

AGES = ("0–9", "10–19", "20–29")
numbers = st.floats(0, 1e12, allow_nan=False)


def drawn(chart: Chart) -> ET.Element:
    return ET.fromstring(f"<svg>{chart.svg()}</svg>")  # noqa: S314 - ours


def widths(chart: Chart, series: int) -> list[float]:
    bars = drawn(chart).iterfind(f"rect[@class='series-{series}']")
    return [float(bar.get("width")) for bar in bars]


def test_a_bar_is_as_long_as_its_number():
    chart = Bars("Livestock", ["cows", "horses"], [Series("Heads", (100, 50))])
    long, short = widths(chart, 1)
    assert long == pytest.approx(2 * short, abs=0.2)


def test_a_pyramid_has_women_on_one_side_and_men_on_the_other():
    chart = Pyramid(
        "People", AGES, [Series("Women", (10, 20, 30)), Series("Men", (30, 20, 10))]
    )
    assert widths(chart, 1) == list(reversed(widths(chart, 2)))
    women = next(drawn(chart).iterfind("rect[@class='series-1']"))
    men = next(drawn(chart).iterfind("rect[@class='series-2']"))
    assert float(women.get("x")) + float(women.get("width")) < float(men.get("x"))


def test_a_line_falls_where_the_numbers_fall():
    chart = Lines("Arrivals", ["2024", "2025"], [Series("Arrivals", (10, 5))])
    path = drawn(chart).find("path[@class='line series-1']").get("d")
    heights = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", path)]
    assert heights[0] < heights[1]  # y grows downwards


def test_the_numbers_stand_beside_the_drawing():
    chart = Bars("Livestock", ["cows"], [Series("Heads", (1840,))], "Kind")
    page = Template("{% load portal %}{% chart c %}").render(Context({"c": chart}))
    assert 'role="img" aria-label="Livestock. ' in page
    assert '<th scope="row" class="govuk-table__header">cows</th>' in page
    assert re.search(r"<td[^>]*>1\s840</td>", page)


def test_names_of_villages_are_never_markup():
    evil = '<script>"&\x22'
    for kind in (Bars, Lines):
        chart = kind(evil, [evil], [Series(evil, (1,))])
        page = Template("{% load portal %}{% chart c %}").render(Context({"c": chart}))
        assert "<script" not in page


@pytest.mark.parametrize(
    ("labels", "series", "told"),
    [
        (["a"], [], "0 series; between 1 and 4 are drawn"),
        (["a"], [Series("s", (1, 2))], "s: 2 values, 1 labels"),
        (["a"], [Series("s", (-1,))], "only finite numbers from 0 upwards"),
        (["a"], [Series("s", (float("nan"),))], "only finite numbers"),
        (["a"] * (MAX_LABELS + 1), [Series("s", (1,))], "150 at most are drawn"),
    ],
)
def test_what_cannot_be_drawn_says_why(labels, series, told: str):
    with pytest.raises(ChartError, match=told):
        Bars("t", labels, series)


def test_a_pyramid_has_two_sides():
    with pytest.raises(ChartError, match="two sides, not 1"):
        Pyramid("t", ["a"], [Series("s", (1,))])


@given(st.lists(numbers, min_size=0, max_size=20))
def test_any_numbers_are_drawn_inside_the_picture(values: list[float]):
    labels = [str(i) for i in range(len(values))]
    chart = Bars("t", labels, [Series("s", values)])
    for bar in drawn(chart).iterfind("rect"):
        assert float(bar.get("x")) + float(bar.get("width")) <= 640
    Lines("t", labels, [Series("s", values)]).svg()
    Pyramid("t", labels, [Series("s", values), Series("s", values)]).svg()


@given(numbers)
def test_an_axis_reaches_over_the_largest_number_in_few_steps(largest: float):
    ticks = scale(largest)
    assert ticks[0] == 0
    assert ticks[-1] >= largest * 0.999
    assert 2 <= len(ticks) <= 7
