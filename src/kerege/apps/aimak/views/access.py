"""What the pages of one person or household need first: is it theirs to see, to change."""

from kerege.apps.aimak.models import Household, Person
from kerege.apps.aimak.scope import get_visible
from kerege.apps.aimak.soate import prefix_of
from kerege.apps.common.audit.record import record
from kerege.apps.common.staff.access import Scope, StaffRequest, scope_of
from kerege.apps.common.staff.models import Office
from kerege.apps.common.staff.rights import Right


def open_household(request: StaffRequest, public_id: str) -> Household:
    """Return a household of the request's scope; the look is in the audit log.

    Raises:
        Http404: There is none, or it is another office's.
    """
    household = get_visible(Household, public_id, request.scope, request.user)
    record(request.user, "open household", public_id)
    return household


def open_person(request: StaffRequest, public_id: str) -> Person:
    """Return a person of the request's scope; the look is in the audit log.

    Raises:
        Http404: There is none, or they are in another office's book.
    """
    person = get_visible(Person, public_id, request.scope, request.user)
    record(request.user, "open person", public_id)
    return person


def may_write(request: StaffRequest, office: Office) -> bool:
    """Tell whether somebody may change what is in an office's book."""
    return covers(scope_of(request.user, Right.REGISTER_WRITE), office)


def covers(scope: Scope, office: Office) -> bool:
    """Tell whether an office lies within a scope."""
    return (
        scope.everywhere
        or office.pk in scope.offices
        or any(office.unit_code.startswith(prefix_of(one)) for one in scope.units)
    )
