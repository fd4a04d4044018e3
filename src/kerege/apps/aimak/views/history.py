"""Who changed a household or a person, when, and why."""

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kerege.apps.aimak.history import believed
from kerege.apps.aimak.models import Change, Household, Membership, Person, Touch
from kerege.apps.aimak.protection import shields
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.access import covers, open_household, open_person
from kerege.apps.aimak.views.changes import about_protected, title_of
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.rights import Right

PER_PAGE = 20


@require_GET
@requires(Right.REGISTER_READ)
def household_history(request: StaffRequest, public_id: str) -> HttpResponse:
    """List the changes of a household and its members, the newest first."""
    anchor = open_household(request, public_id)
    rows = Membership.objects.filter(believed(), household=anchor)
    persons = set(rows.values_list("person_id", flat=True))
    hidden = shields(persons)
    shown = [pk for pk in persons if not hidden[pk].hides_changes]
    about = Q(household=anchor) | Q(person__in=shown)
    back = reverse("aimak:household", args=[public_id])
    return _page(request, anchor, about, back)


@require_GET
@requires(Right.REGISTER_READ)
def person_history(request: StaffRequest, public_id: str) -> HttpResponse:
    """List the changes of a person, the newest first; none of a protected one."""
    anchor = open_person(request, public_id)
    shield = shields([anchor.pk])[anchor.pk]
    about = Q(pk__in=[]) if shield.hides_changes else Q(person=anchor)
    return _page(request, anchor, about, reverse("aimak:person", args=[public_id]))


def _page(
    request: StaffRequest, anchor: Person | Household, about: Q, back: str
) -> HttpResponse:
    touches = Touch.objects.filter(about)
    changes = Change.objects.filter(pk__in=touches.values("change"))
    rows = changes.select_related("actor", "office").order_by("-recorded_at")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    silent = about_protected(page)
    context = {
        "anchor": anchor,
        "back": back,
        "page": page,
        "columns": [_("What"), _("When"), _("Who wrote it down"), _("Reason")],
        "rows": [_row(one, request, is_silent=one.pk in silent) for one in page],
    }
    return render(request, "aimak/history.html", context)


def _row(one: Change, request: StaffRequest, *, is_silent: bool) -> list[object]:
    reason = "" if is_silent else one.reason or one.document_number
    own = one.office is not None and covers(request.scope, one.office)
    href = reverse("aimak:change", args=[one.public_id]) if own else ""
    return [
        {"text": title_of(one), "href": href},
        showing.day(one.happened_on),
        f"{one.actor or _('the system')}, {showing.moment(one.recorded_at)}",
        reason or showing.NOTHING,
    ]
