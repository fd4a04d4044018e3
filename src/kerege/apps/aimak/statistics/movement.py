"""Who came and who left, was born and died: by month or year.

Read from the days of memberships, not from the events that wrote them, so that imports,
corrections and undone events count as what they say: who begins to belong on the birth
date was born, who ends on the day of death died. Who leaves a household and joins another
of the same unit on the same day has not moved.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from kerege.apps.aimak.history import believed, chunks
from kerege.apps.aimak.models import HouseholdFacts, Membership, PersonFacts
from kerege.apps.aimak.scope import in_scope
from kerege.apps.aimak.statistics.disclosure import told
from kerege.apps.aimak.statistics.places import in_unit
from kerege.apps.common.staff.access import Scope

MAX_YEARS = 10
"""Of one question: a decade by month is what a page can draw."""
_CHUNK = 900
_KINDS = ("born", "died", "came", "left")
"""In the order of a row's fields."""


@dataclass(frozen=True, slots=True)
class MovementRow:
    """A month's or a year's movement: rounded."""

    year: int
    month: int | None
    """None: of the whole year, which is rounded by itself."""
    births: int
    deaths: int
    arrivals: int
    departures: int


def movement(
    scope: Scope, unit: str, since: date, until: date, *, by_year: bool = False
) -> list[MovementRow]:
    """Count by month, or by year, who came, left, was born and died.

    Args:
        scope: Whose offices.
        unit: A SOATE code; empty: all of the scope.
        since: The first day.
        until: The first day that is not counted.
        by_year: Whether a row is a year.

    Raises:
        ValueError: The days are more than ten years apart, or the wrong way round.
    """
    if not since < until or (until - since).days > MAX_YEARS * 366:
        message = f"Ask for at most {MAX_YEARS} years, from a day to a later one."
        raise ValueError(message)
    counts: Counter[tuple[int, int | None, str]] = Counter()
    for day, kind in _movements(scope, unit, since, until):
        counts[day.year, None if by_year else day.month, kind] += 1
    months = _months(since, until)
    rows = dict.fromkeys((year, None if by_year else month) for year, month in months)

    def cell(year: int, month: int | None, kind: str) -> int:
        when = (year,) if month is None else (year, month)
        return told(counts[year, month, kind], unit, kind, *when)

    return [
        MovementRow(year, month, *[cell(year, month, kind) for kind in _KINDS])
        for year, month in rows
    ]


def _movements(
    scope: Scope, unit: str, since: date, until: date
) -> Iterator[tuple[date, str]]:
    came: Counter[tuple[int, date]] = Counter()
    for person, begun, ended in _rows(scope, unit, since, until):
        if begun is not None and since <= begun < until:
            came[person, begun] += 1
        if ended is not None and since <= ended < until:
            came[person, ended] -= 1
    moved = {key: balance for key, balance in came.items() if balance}
    for chunk in chunks(moved, _CHUNK):
        dates = _life({person for person, _ in chunk})
        for person, day in chunk:
            born, died = dates.get(person, (None, None))
            if moved[person, day] > 0:
                yield day, "born" if day == born else "came"
            else:
                yield day, "died" if day == died else "left"


def _rows(
    scope: Scope, unit: str, since: date, until: date
) -> Iterator[tuple[int, date | None, date | None]]:
    """Yield memberships, of households that were ever in the unit, that begin or end."""
    homes = HouseholdFacts.objects.filter(
        believed(), in_scope(scope), in_unit(unit)
    ).values("household")
    begins = Q(valid_from__gte=since, valid_from__lt=until)
    ends = Q(valid_to__gte=since, valid_to__lt=until)
    rows = Membership.objects.filter(believed(), begins | ends, household__in=homes)
    yield from rows.values_list("person_id", "valid_from", "valid_to").iterator()


def _life(persons: set[int]) -> dict[int, tuple[date | None, date | None]]:
    """Return birth and death by person, as their last facts say."""
    rows = PersonFacts.objects.filter(believed(), person__in=persons)
    found = rows.order_by("valid_from").values_list(
        "person_id", "birth_date", "death_date"
    )
    return {person: (born, died) for person, born, died in found}


def _months(since: date, until: date) -> Iterator[tuple[int, int]]:
    year, month = since.year, since.month
    while date(year, month, 1) < until:
        yield year, month
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
