"""How many animals there are, by species and unit."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date

from django.db.models import Count, Sum

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import Livestock
from kerege.apps.aimak.statistics.disclosure import FEWEST_KEEPERS, told
from kerege.apps.aimak.statistics.places import children, homes
from kerege.apps.common.staff.access import Scope


@dataclass(frozen=True, slots=True)
class LivestockRow:
    """Animals of one species in one unit."""

    code: str
    species: int
    heads: int | None
    """None: too few keep them, or the difference to the total would tell."""
    households: int
    """Rounded."""


def livestock(scope: Scope, unit: str, on: date) -> list[LivestockRow]:
    """Count animals by species in each unit below one, and in all of it (its own code).

    Args:
        scope: Whose offices.
        unit: A SOATE code; empty: all of the scope, told as ``""``.
        on: The day.
    """
    below = [one.code for one in children(unit, on)]
    found = _rows(scope, unit, on, unit)
    for code in below:
        found += _hidden(_rows(scope, code, on, code))
    parts = [row for row in found if row.code != unit]
    return _hidden([row for row in found if row.code == unit]) + _guarded(parts)


def _rows(scope: Scope, unit: str, on: date, code: str) -> list[LivestockRow]:
    own = Livestock.objects.filter(
        household__in=homes(scope, unit, on).values("household"), count__gt=0
    )
    rows = (
        as_of(own, on)
        .values_list("species")
        .annotate(heads=Sum("count"), households=Count("household", distinct=True))
        .order_by("species")
    )
    return [LivestockRow(code, *row) for row in rows]


def _hidden(rows: list[LivestockRow]) -> list[LivestockRow]:
    return [
        replace(
            row,
            heads=row.heads if row.households >= FEWEST_KEEPERS else None,
            households=told(row.households, row.code, "keepers", row.species),
        )
        for row in rows
    ]


def _guarded(rows: list[LivestockRow]) -> list[LivestockRow]:
    """Hide a second unit where one alone is hidden: the total would give it away."""
    hidden = Counter(row.species for row in rows if row.heads is None)
    smallest = {
        species: min(
            (row for row in rows if row.species == species and row.heads is not None),
            key=lambda row: (row.heads or 0, row.code),
            default=None,
        )
        for species, count in hidden.items()
        if count == 1
    }
    return [
        replace(row, heads=None) if row == smallest.get(row.species) else row
        for row in rows
    ]
