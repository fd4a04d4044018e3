"""The page that auditors see. It shows no names of people of the book."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kerege.apps.common.audit.models import Entry
from kerege.apps.common.audit.record import record
from kerege.apps.common.auditors.forms import LookForm
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.rights import Right

PAGE = 50
"""Entries of one page: about three screens."""
COLOURS = {"done": "green", "refused": "orange", "failed": "red"}


@require_GET
@requires(Right.AUDIT_READ)
def entries(request: StaffRequest) -> HttpResponse:
    """Show what was recorded; that an auditor looked is recorded too."""
    form = LookForm(request.GET or None)
    page = None
    rows: list[list[object]] = []
    if request.GET and form.is_valid():
        page = Paginator(form.found(), PAGE).get_page(request.GET.get("page"))
        rows = [_row(entry) for entry in page]  # before there is one more
        record(request.user, "read audit log", form.cleaned_data["subject"])
    context = {
        "form": form,
        "page": page,
        "columns": _columns(),
        "rows": rows,
    }
    return render(request, "auditors/entries.html", context)


def _columns() -> list[str]:
    return [_("Time"), _("Who"), _("What"), _("About"), _("Outcome"), _("More")]


def _row(entry: Entry) -> list[object]:
    outcomes = {"done": _("done"), "refused": _("refused"), "failed": _("failed")}
    details = "; ".join(f"{name}: {value}" for name, value in entry.details.items())
    outcome = outcomes.get(entry.outcome, entry.outcome)
    return [
        date_format(localtime(entry.recorded_at), "SHORT_DATETIME_FORMAT"),
        entry.actor.sign_in_name if entry.actor else "–",
        entry.action,
        entry.subject or "–",
        {"text": outcome, "colour": COLOURS.get(entry.outcome, "grey")},
        details or "–",
    ]
