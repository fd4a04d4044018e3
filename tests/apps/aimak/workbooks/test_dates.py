"""Dates as clerks write them."""

from datetime import date

import pytest
from hypothesis import given, settings, strategies as st

from kerege.apps.aimak.workbooks.dates import EARLIEST, DateError, read_date
from kerege.apps.aimak.workbooks.messages import messages
from tests.apps.aimak.workbooks.books import TODAY

MARCH = date(1987, 3, 5)
DAYS = st.dates(EARLIEST, TODAY)


@pytest.mark.parametrize(
    "text",
    [
        "05.03.1987",
        " 5.3.1987 г.",
        "05/03/1987",
        "5-3-1987",
        "05 03 1987",
        "1987-03-05",
        "1987.03.05",
        "1987-03-05T00:00:00",
        "05.03.1987 0:00:00",
        "05031987",
        "19870305",
        "5 марта 1987 года",
        "5-март 1987",
        "1987-жылдын 5-марты",
        "5 March 1987",
        31841,
        31841.75,
        5031987,
        MARCH,
    ],
)
def test_one_day_in_many_spellings(text):
    assert read_date(text, TODAY).day == MARCH


def test_a_year_of_two_digits_is_the_last_such_year_and_is_told():
    read = read_date("5/3/87", TODAY)
    assert (read.day, read.note) == (MARCH, "date.two_digit_year")
    assert read_date("05.03.26", TODAY).day == date(2026, 3, 5)
    assert read_date("05.12.26", TODAY).day == date(1926, 12, 5)


def test_the_day_comes_first_and_that_is_told_where_it_could_be_the_month():
    read = read_date("5/3/1987", TODAY)
    assert (read.day, read.note) == (MARCH, "date.day_first")
    assert read_date("5.3.1987", TODAY).note == ""
    assert read_date("25/3/1987", TODAY).note == ""


def test_a_pin_decides_between_readings():
    assert read_date("3/5/87", TODAY, hint=MARCH).day == MARCH
    assert read_date("03/25/1987", TODAY, hint=date(1987, 3, 25)).day.day == 25
    assert read_date("05.03.12", TODAY, hint=date(1912, 3, 5)).day.year == 1912
    other = read_date("05.03.1987", TODAY, hint=date(1990, 1, 1))
    assert other.day == MARCH


def test_days_that_spreadsheets_count():
    assert read_date("31841", TODAY).day == MARCH
    assert read_date(1, TODAY).day == date(1900, 1, 1)
    assert read_date(59, TODAY).day == date(1900, 2, 28)
    assert read_date(61, TODAY).day == date(1900, 3, 1)
    assert read_date(30379, TODAY, epoch_1904=True).day == MARCH


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "date.unreadable"),
        ("жок", "date.unreadable"),
        ("5 маартка 19", "date.unreadable"),
        (True, "date.unreadable"),
        (-5, "date.unreadable"),
        (1e300, "date.unreadable"),
        ("1" * 5000, "date.unreadable"),
        ("05.03.987", "date.unreadable"),
        ("1987", "date.year_only"),
        (1987.0, "date.year_only"),
        ("1987 г.р.", "date.unreadable"),
        ("1987 год", "date.year_only"),
        ("29.02.1987", "date.impossible"),
        ("31.04.1987", "date.impossible"),
        ("03/25/1987", "date.impossible"),
        (60, "date.impossible"),
        ("00.00.0000", "date.impossible"),
        ("25.11.2026", "date.future"),
        (date(2030, 1, 1), "date.future"),
        ("05.03.1887", "date.too_old"),
    ],
)
def test_what_is_no_date_says_why(text, code):
    with pytest.raises(DateError) as caught:
        read_date(text, TODAY)
    assert caught.value.code == code


@given(day=DAYS, form=st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%d %m %Y", "%d/%m/%Y"]))
@settings(max_examples=200, deadline=None)
def test_every_day_is_read_from_every_spelling(day, form):
    assert read_date(day.strftime(form), TODAY).day == day


@given(day=st.dates(date(1900, 3, 1), TODAY))
def test_every_day_is_read_from_its_number(day):
    number = (day - date(1899, 12, 30)).days
    if not EARLIEST.year <= number <= 2100:
        assert read_date(number, TODAY).day == day


@given(day=st.dates(date(1910, 1, 1), TODAY))
def test_every_day_is_read_from_its_number_since_1904(day):
    number = (day - date(1904, 1, 1)).days
    assert number > 2100
    assert read_date(number, TODAY, epoch_1904=True).day == day


@given(text=st.text(max_size=60) | st.text("0123456789.-/ марж", max_size=14))
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_day_of_the_past_or_says_why(text):
    try:
        read = read_date(text, TODAY)
    except DateError as error:
        known = error.code in messages()
    else:
        known = EARLIEST <= read.day <= TODAY
    assert known


@given(number=st.floats() | st.integers())
def test_any_number_is_a_day_of_the_past_or_says_why(number):
    try:
        known = read_date(number, TODAY).day <= TODAY
    except DateError as error:
        known = error.code in messages()
    assert known
