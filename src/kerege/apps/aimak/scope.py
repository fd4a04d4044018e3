"""Whose people somebody sees. Offices are closed to each other.

An id of another office is answered as one that does not exist, and is in the audit log.
"""

from typing import TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q, QuerySet
from django.http import Http404

from kerege.apps.aimak.models import Household, Person
from kerege.apps.aimak.soate import prefix_of
from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.staff.access import Scope

A = TypeVar("A", Person, Household)


def in_scope(scope: Scope, office: str = "office") -> Q:
    """Return the condition of rows within a scope.

    Args:
        scope: From `kerege.apps.common.staff.access`.
        office: The path from the rows to their office: ``household__office``.
    """
    if scope.everywhere:
        return Q()
    condition = Q(**{f"{office}__in": sorted(scope.offices)})
    for unit in sorted(scope.units):
        condition |= Q(**{f"{office}__unit_code__startswith": prefix_of(unit)})
    return condition


def visible(rows: QuerySet[A], scope: Scope) -> QuerySet[A]:
    """Return the persons or households that somebody sees."""
    return rows.filter(in_scope(scope))


def get_visible(
    model: type[A], public_id: str, scope: Scope, actor: AbstractBaseUser
) -> A:
    """Return a person or household by the id of a URL.

    Raises:
        Http404: There is none, or it is another office's: refused in the audit log.
    """
    rows = model._default_manager.select_related("office")
    found = visible(rows, scope).filter(public_id=public_id).first()
    if found is None:
        if rows.filter(public_id=public_id).exists():
            action = f"open {model.__name__.lower()} of another office"
            record(actor, action, public_id, outcome=Outcome.REFUSED)
        raise Http404
    return found
