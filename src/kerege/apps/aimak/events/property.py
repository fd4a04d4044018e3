"""Property goes from one household to another."""

from datetime import date
from typing import Any, TypeVar

from django.db.models import Max

from kerege.apps.aimak.history import as_of, believed, change_many, end_many
from kerege.apps.aimak.models import (
    Change,
    Dwelling,
    Household,
    LandPlot,
    Livestock,
    Machinery,
    SocialPassport,
    Versioned,
)

L = TypeVar("L", Dwelling, LandPlot, Machinery)


def move_property(source: Household, to: Household, on: date, by: Change) -> None:
    """Let all that a household has be another's from a day on; animals are added up.

    A social passport is of a family as it was, and ends.
    """
    _move_lines(Dwelling, source, to, on, by)
    _move_lines(LandPlot, source, to, on, by)
    _move_lines(Machinery, source, to, on, by)
    _move_livestock(source, to, on, by)
    end_many(SocialPassport, [(source.pk,)], on, by)


def _move_lines(
    model: type[L], source: Household, to: Household, on: date, by: Change
) -> None:
    rows = list(as_of(model._default_manager.filter(household=source.pk), on))
    known = model._default_manager.filter(believed(), household=to.pk)
    last: int = known.aggregate(last=Max("line"))["last"] or 0
    wanted: dict[tuple[Any, ...], dict[str, object]] = {}
    for line, row in enumerate(rows, last + 1):
        wanted[to.pk, line] = _own_columns(row)
    end_many(model, [(source.pk, row.line) for row in rows], on, by)
    change_many(model, wanted, on, by)


def _move_livestock(source: Household, to: Household, on: date, by: Change) -> None:
    rows = list(as_of(Livestock.objects.filter(household=source), on))
    theirs = {
        (row.species, row.sex, row.age_group): row.count
        for row in as_of(Livestock.objects.filter(household=to), on)
    }
    wanted: dict[tuple[Any, ...], dict[str, object]] = {}
    for row in rows:
        kind = (row.species, row.sex, row.age_group)
        wanted[to.pk, *kind] = {"count": row.count + theirs.get(kind, 0)}
    keys = [(source.pk, row.species, row.sex, row.age_group) for row in rows]
    end_many(Livestock, keys, on, by)
    change_many(Livestock, wanted, on, by)


def _own_columns(row: Versioned) -> dict[str, object]:
    """Return the columns of a row that are neither key, times nor change."""
    times = {f.attname for f in Versioned._meta.fields} | {"id", *row.KEY}
    names = (f.attname for f in row._meta.concrete_fields)
    return {name: getattr(row, name) for name in names if name not in times}
