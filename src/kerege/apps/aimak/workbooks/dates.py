"""Dates as books write them.

The day comes first, as everywhere here: 05.03.1987, 5/3/87, 05 03 1987, "5 марта 1987",
"1987-жылдын 5-марты"; 1987-03-05 and 05031987 are read too; so is the number of days
that spreadsheets keep (1900 and 1904 systems). What could be two dates is never guessed:
a PIN beside it decides (it has the birth date inside), else the day is first and a year
of two digits is the last such year, and both is told.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta

from kerege.apps.aimak.workbooks.sheets import Value

EARLIEST = date(1890, 1, 1)
"""Nobody alive is older; the oldest books that are typed in begin with 1890."""
MAX_DATE_CHARS = 40
"""The longest is a date in words, with "-жылдын"."""
_EPOCH_1900 = date(1899, 12, 30)
"""Day 0 such that days after 28 February 1900 are right (Excel counts a 29th)."""
_EPOCH_1904 = date(1904, 1, 1)
_LAST_DAY = 100_000
"""In the year 2173; more is no count of days."""
_MISCOUNTED = 60
"""Excel's 29 February 1900; before it numbers are one day off."""
_PARTS = re.compile(r"\d+|[^\W\d_]+")
_COMPACT = re.compile(r"\d{8}\Z")
_MONTHS = {
    "янв": 1, "үчт": 1, "jan": 1, "фев": 2, "бир": 2, "feb": 2, "мар": 3, "жал": 3,
    "mar": 3, "апр": 4, "чын": 4, "apr": 4, "мая": 5, "май": 5, "буг": 5, "may": 5,
    "июн": 6, "кул": 6, "jun": 6, "июл": 7, "тек": 7, "jul": 7, "авг": 8, "баш": 8,
    "aug": 8, "сен": 9, "аяк": 9, "sep": 9, "окт": 10, "тог": 10, "oct": 10,
    "ноя": 11, "жет": 11, "nov": 11, "дек": 12, "беш": 12, "dec": 12,
}  # fmt: skip
"""The first three letters of months: Russian, Kyrgyz (both sets of names), English."""
_FILLERS = (
    "г",
    "год",
    "года",
    "ж",
    "жыл",
    "жылы",
    "жылдын",
    "күнү",
    "of",
    "t",
    "z",
    "чы",
    "чи",
    "чу",
    "чү",
)
_TIME_NUMBERS = 4
"""Hours, minutes, seconds and their fractions after a date; left out."""
_MONTH_FIRST = "month first"
"""Marks a reading that only a PIN can confirm."""


class DateError(ValueError):
    """Not a date that can be taken; the argument is the id of the message."""

    @property
    def code(self) -> str:
        """The id of the message."""
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class ReadDate:
    """A date, and what was assumed to read it."""

    day: date
    note: str = ""
    """Id of a message: ``date.day_first``, ``date.two_digit_year``."""


def read_date(
    value: Value, today: date, *, epoch_1904: bool = False, hint: date | None = None
) -> ReadDate:
    """Return the date that a cell means.

    Args:
        value: What stands there; text, number or date.
        today: No date is later.
        epoch_1904: Whether numbers count from 1904.
        hint: The date inside the PIN of the same row, which decides between readings.

    Raises:
        DateError: ``date.unreadable``, ``date.year_only``, ``date.impossible``,
            ``date.future``, ``date.too_old``.
    """
    readings = _readings(value, today, epoch_1904=epoch_1904)
    if hint is not None and any(reading.day == hint for reading in readings):
        return ReadDate(hint)
    readings = [reading for reading in readings if reading.note != _MONTH_FIRST]
    if not readings:
        raise DateError("date.impossible")
    first = readings[0]
    if first.day > today:
        raise DateError("date.future")
    if first.day < EARLIEST:
        raise DateError("date.too_old")
    return first


def _readings(value: Value, today: date, *, epoch_1904: bool) -> list[ReadDate]:
    match value:
        case date():
            return [ReadDate(value)]
        case bool() | None:
            raise DateError("date.unreadable")
        case int() | float():
            return [_of_number(value, epoch_1904=epoch_1904)]
        case str():
            return _of_text(value.strip(), today, epoch_1904=epoch_1904)


def _of_text(text: str, today: date, *, epoch_1904: bool) -> list[ReadDate]:
    if len(text) > MAX_DATE_CHARS:
        raise DateError("date.unreadable")
    if _COMPACT.match(text):
        return _of_compact(text)
    if text.isdecimal():
        return [_of_number(int(text), epoch_1904=epoch_1904)]
    return _of_parts(text, today)


def _of_number(number: float, *, epoch_1904: bool) -> ReadDate:
    if not 1 <= number <= 99_999_999:
        raise DateError("date.unreadable")
    if EARLIEST.year <= number <= 2100 and number == int(number):
        raise DateError("date.year_only")
    if number >= 1_000_000:
        return _of_compact(f"{int(number):08d}")[0]
    if number > _LAST_DAY:
        raise DateError("date.unreadable")
    days = int(number)
    if epoch_1904:
        return ReadDate(_EPOCH_1904 + timedelta(days))
    if days == _MISCOUNTED:
        raise DateError("date.impossible")
    return ReadDate(_EPOCH_1900 + timedelta(days + (days < _MISCOUNTED)))


def _of_compact(text: str) -> list[ReadDate]:
    """Read eight digits. They are never two dates: 19 and 20 are no months."""
    for year, month, day in (
        (text[4:], text[2:4], text[:2]),
        (text[:4], text[4:6], text[6:]),
    ):
        if EARLIEST.year <= int(year) <= 2100:
            found = _possible(int(year), int(month), int(day))
            if found:
                return [ReadDate(found)]
    raise DateError("date.impossible")


def _of_parts(text: str, today: date) -> list[ReadDate]:
    parts = _PARTS.findall(text.casefold())
    numbers = [part for part in parts if part.isdecimal()]
    words = [part for part in parts if not part.isdecimal()]
    months = [month for word in words if (month := _month(word))]
    if not months and any(word not in _FILLERS for word in words):
        raise DateError("date.unreadable")
    if len(numbers) == 1 and len(numbers[0]) == 4:
        raise DateError("date.year_only")
    if len(numbers) == 2 and len(months) == 1:
        year, day = sorted(numbers, key=len, reverse=True)
        if len(year) == len(day):
            day, year = numbers
        return _of_triple(year, months[0], day, today)
    if months or not 3 <= len(numbers) <= 3 + _TIME_NUMBERS:
        raise DateError("date.unreadable")
    first, second, third = (number[:5] for number in numbers[:3])
    if len(first) == 4:
        return _of_triple(first, int(second), third, today)
    readings = _of_triple(third, int(second), first, today)
    others = _of_triple(third, int(first), second, today)
    is_either = "/" in text and bool(readings) and bool(others) and first != second
    return [
        *(
            replace(r, note=r.note or "date.day_first") if is_either else r
            for r in readings
        ),
        *(replace(other, note=_MONTH_FIRST) for other in others),
    ]


def _month(word: str) -> int | None:
    return None if word in _FILLERS else _MONTHS.get(word[:3])


def _of_triple(year: str, month: int, day: str, today: date) -> list[ReadDate]:
    """Return what year, month and day may mean, the likeliest century first."""
    if len(year) not in (2, 4) or len(day) > 2:
        raise DateError("date.unreadable")
    if len(year) == 4:
        found = _possible(int(year), month, int(day))
        return [ReadDate(found)] if found else []
    centuries = (
        _possible(century + int(year), month, int(day)) for century in (2000, 1900)
    )
    return [
        ReadDate(found, "date.two_digit_year")
        for found in centuries
        if found and found <= today
    ]


def _possible(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
