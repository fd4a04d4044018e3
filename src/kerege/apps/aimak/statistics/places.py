"""Which households a number is about."""

from datetime import date

from django.db.models import Q, QuerySet

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import HouseholdFacts, Unit
from kerege.apps.aimak.scope import in_scope
from kerege.apps.aimak.soate import prefix_of
from kerege.apps.common.staff.access import Scope


def homes(scope: Scope, unit: str, on: date) -> QuerySet[HouseholdFacts]:
    """Return facts of the households of a unit, on a day, within a scope.

    Args:
        scope: Whose offices.
        unit: A SOATE code; empty: all of the scope.
        on: The day.
    """
    rows = HouseholdFacts.objects.filter(in_scope(scope), in_unit(unit))
    return as_of(rows, on)


def in_unit(unit: str, path: str = "unit_code") -> Q:
    """Return the condition of rows within a unit: a range, which every index serves."""
    if not unit:
        return Q()
    prefix = prefix_of(unit)
    return Q(
        **{f"{path}__gte": prefix.ljust(14, "0"), f"{path}__lte": prefix.ljust(14, "9")}
    )


def children(unit: str, on: date) -> list[Unit]:
    """Return the units directly below one, by code; below none: the regions."""
    return list(as_of(Unit.objects.filter(parent_code=unit), on).order_by("code"))
