"""Who may do what, and over which offices. Deny by default.

A view says the right it needs with `requires`. A test walks through all addresses of the
site and fails for a view that says nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.staff.models import Assignment, User
from kerege.apps.common.staff.rights import RIGHTS, Right, Role

P = ParamSpec("P")


class StaffRequest(HttpRequest):
    """A request of somebody who is signed in."""

    user: User
    scope: "Scope"


@dataclass(frozen=True, slots=True)
class Scope:
    """The offices whose people somebody sees for one right."""

    offices: frozenset[int] = frozenset()
    """Ids of single offices."""
    units: frozenset[str] = frozenset()
    """SOATE codes: all offices whose unit lies below one of them."""
    everywhere: bool = False

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.offices or self.units)


def scope_of(user: User, right: Right, today: date | None = None) -> Scope:
    """Return where somebody has a right; an empty scope if nowhere."""
    today = today or timezone.localdate()
    if not user.is_active:
        return Scope()
    found = [
        one
        for one in user.assignments.filter(valid_from__lte=today)
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=today))
        .order_by("pk")
        if right in RIGHTS[Role(one.role)]
    ]
    return Scope(
        offices=frozenset(one.office_id for one in found if one.office_id),
        units=frozenset(one.unit_code for one in found if one.unit_code),
        everywhere=any(_is_national(one) for one in found),
    )


def rights_of(user: User, today: date | None = None) -> frozenset[Right]:
    """Return what somebody may do somewhere; for menus, a view asks `scope_of`."""
    today = today or timezone.localdate()
    if not user.is_active:
        return frozenset()
    roles = (
        user.assignments.filter(valid_from__lte=today)
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=today))
        .values_list("role", flat=True)
    )
    return frozenset().union(*(RIGHTS[Role(role)] for role in roles))


def requires(
    right: Right,
) -> Callable[
    [Callable[Concatenate[StaffRequest, P], HttpResponse]],
    Callable[Concatenate[HttpRequest, P], HttpResponse],
]:
    """Let a view be seen only by those who have a right somewhere.

    The view finds in ``request.scope`` where. A refusal is in the audit log.
    """

    def decorate(
        view: Callable[Concatenate[StaffRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def guarded(
            request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponse:
            user = request.user
            scope = scope_of(user, right) if isinstance(user, User) else Scope()
            if not scope:
                actor = user if isinstance(user, User) else None
                record(actor, f"view {view.__name__}", outcome=Outcome.REFUSED)
                raise PermissionDenied
            request.scope = scope  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)  # type: ignore[arg-type]

        guarded.right = right  # type: ignore[attr-defined]
        return guarded

    return decorate


def _is_national(assignment: Assignment) -> bool:
    return not assignment.office_id and not assignment.unit_code
