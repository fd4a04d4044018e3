"""The clerk's first page: the search, and the households worked on last."""

from django.db.models import Max
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kerege.apps.aimak.models import Household
from kerege.apps.aimak.reads import book
from kerege.apps.aimak.reads.values import HouseholdCard
from kerege.apps.aimak.scope import visible
from kerege.apps.aimak.views import showing
from kerege.apps.common.audit.models import Entry
from kerege.apps.common.staff.access import StaffRequest, requires, rights_of
from kerege.apps.common.staff.rights import Right

RECENT = 8
"""Households that somebody has in mind: about a morning's."""
LOOKED_AT = 200
"""The last entries of the audit log among which they are looked for."""


@require_GET
@requires(Right.REGISTER_READ)
def home(request: StaffRequest) -> HttpResponse:
    """Show the search field and what was open last."""
    context = {
        "recent": [_row(card) for card in _recent(request)],
        "links": _links(rights_of(request.user)),
    }
    return render(request, "aimak/home.html", context)


def _links(rights: frozenset[Right]) -> list[tuple[str, str]]:
    """Return what else somebody may do here."""
    found = []
    if Right.REGISTER_WRITE in rights:
        found.append((reverse("aimak:new-household"), _("New household")))
    found.append((reverse("aimak:list"), _("List of households")))
    found.append((reverse("aimak:book"), _("Household book, to print")))
    return found


def _recent(request: StaffRequest) -> list[HouseholdCard]:
    last = Entry.objects.filter(actor=request.user).order_by("-pk")
    newest = last.aggregate(last=Max("pk"))["last"] or 0
    opened = last.filter(action="open household", pk__gt=newest - LOOKED_AT)
    ids = list(dict.fromkeys(opened.values_list("subject", flat=True)))[:RECENT]
    found = visible(Household.objects.filter(public_id__in=ids), request.scope)
    by_id = {one.public_id: one for one in found}
    wanted = [by_id[public_id] for public_id in ids if public_id in by_id]
    return list(book(wanted, timezone.localdate()))


def _row(card: HouseholdCard) -> dict[str, object]:
    head = next((one for one in card.members if one.is_head), None)
    return {
        "public_id": card.public_id,
        "number": card.number or showing.NOTHING,
        "head": showing.name(head.person) if head else showing.NOTHING,
        "address": showing.street_line(card.address),
        "members": len(card.members),
    }
