"""Working days: the days of a week without holidays, which are dated data.

Deadlines count from the day after: what is submitted on Monday with two working days is
due on Wednesday.
"""

import tomllib
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self

FILE = Path(__file__).with_name("holidays.toml")
WEEKEND = (5, 6)
"""Saturday and Sunday, as `date.weekday` counts."""
MAX_DAYS = 3_650
"""No deadline of an office is above ten years."""
MAX_CALENDAR_DAYS = 10 * MAX_DAYS
"""A calendar without working days is wrong, and must not be walked for ever."""


class CalendarError(ValueError):
    """A file of holidays cannot be read, or a number of days is none."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked."""

    yearly: tuple[tuple[int, int, int], ...] = ()
    """Month, day, and the first year."""
    single: frozenset[date] = field(default_factory=frozenset)
    """Holidays of one year."""
    worked: frozenset[date] = field(default_factory=frozenset)
    """Saturdays and Sundays that a decree has made working days."""

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Read a calendar; each holiday needs a source.

        Raises:
            CalendarError: It is no calendar; the text says what is wrong.
        """
        try:
            table = tomllib.loads(text)
            yearly = tuple(_yearly(item) for item in table.get("yearly", []))
            single = frozenset(_single(item) for item in table.get("single", []))
            worked = frozenset(_single(item) for item in table.get("worked", []))
        except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
            message = f"The holidays cannot be read: {error}"
            raise CalendarError(message) from error
        except ValueError as error:
            message = f"The holidays have a day that there is not: {error}"
            raise CalendarError(message) from error
        return cls(yearly, single, worked)

    def is_working(self, day: date) -> bool:
        """Tell whether offices are open."""
        if day in self.worked:
            return True
        if day.weekday() in WEEKEND or day in self.single:
            return False
        return not any(
            (day.month, day.day) == (month, number) and day.year >= first
            for month, number, first in self.yearly
        )

    def add(self, day: date, working_days: int) -> date:
        """Return the working day that is so many after ``day``.

        Raises:
            CalendarError: The number is below 0 or above `MAX_DAYS`, or there are not
                so many working days.
        """
        if not 0 <= working_days <= MAX_DAYS:
            message = f"A deadline has 0 to {MAX_DAYS} working days, not {working_days}"
            raise CalendarError(message)
        left, found = working_days, day
        for _ in range(MAX_CALENDAR_DAYS):
            if not left:
                return found
            found += timedelta(days=1)
            left -= self.is_working(found)
        raise CalendarError("The calendar has no working days")

    def between(self, first: date, last: date) -> int:
        """Return how many working days lie after ``first`` up to ``last``."""
        days = min((last - first).days, MAX_CALENDAR_DAYS)
        return sum(
            self.is_working(first + timedelta(days=number))
            for number in range(1, days + 1)
        )


def official() -> Calendar:
    """Return the calendar of the Kyrgyz Republic, as far as it is fixed by law."""
    return Calendar.from_toml(FILE.read_text(encoding="utf-8"))


def _yearly(item: dict[str, Any]) -> tuple[int, int, int]:
    if not item["source"] or not item["name"]:
        raise KeyError("a holiday without name or source")
    month, day = (int(part) for part in item["day"].split("-"))
    date(2000, month, day)
    return month, day, int(item["from"])


def _single(item: dict[str, Any]) -> date:
    if not item["source"]:
        raise KeyError("a day without source")
    return date.fromisoformat(item["date"])
