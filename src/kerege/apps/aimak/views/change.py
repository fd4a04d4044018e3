"""One change of the book: done, looked at later, or taken back."""

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kerege.apps.aimak.codes import code_list
from kerege.apps.aimak.events import undo_change
from kerege.apps.aimak.history import HistoryError
from kerege.apps.aimak.models import Change, ChangeKind, Household, Person, Touch
from kerege.apps.aimak.scope import visible
from kerege.apps.aimak.undo import (
    AlreadyUndoneError,
    LaterChangeError,
    check_untouched,
)
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.access import covers, may_write
from kerege.apps.aimak.views.changes import about_protected, lines_of, title_of
from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.staff.access import Scope, StaffRequest, requires
from kerege.apps.common.staff.rights import Right

MAX_HOUSEHOLDS = 10
"""Households of one change that are linked; an import touches thousands."""
MAX_REASON = 500


@require_GET
@requires(Right.REGISTER_READ)
def change(request: StaffRequest, public_id: str) -> HttpResponse:
    """Show what a change wrote, with the way to take it back."""
    found = _open(request, public_id)
    return _page(request, found)


@require_POST
@requires(Right.REGISTER_WRITE)
def undo(request: StaffRequest, public_id: str) -> HttpResponse:
    """Take a change back, all of it, unless somebody has built on it."""
    wrong = _open(request, public_id)
    reason = request.POST.get("reason", "").strip()[:MAX_REASON]
    if wrong.office is None or wrong.kind == ChangeKind.IMPORT:
        raise Http404
    if not _is_still_ours(wrong, request.scope):
        action = "undo change of people elsewhere"
        record(request.user, action, public_id, outcome=Outcome.REFUSED)
        raise Http404
    if not reason:
        return _page(request, wrong, _("Say why it is taken back."))
    try:
        by = undo_change(wrong, request.user, wrong.office, timezone.now(), reason)
    except LaterChangeError as error:
        return _page(request, wrong, _later(error))
    except AlreadyUndoneError:
        return _page(request, wrong, _("This was undone already."))
    except HistoryError:
        text = _("The days do not fit what the book says already. Look at the history.")
        return _page(request, wrong, text)
    return HttpResponseRedirect(reverse("aimak:change", args=[by.public_id]))


def _open(request: StaffRequest, public_id: str) -> Change:
    rows = Change.objects.select_related("actor", "office", "undoes")
    found = rows.filter(public_id=public_id).first()
    if found is None or not _is_visible(found, request.scope):
        if found is not None:
            action = "open change of another office"
            record(request.user, action, public_id, outcome=Outcome.REFUSED)
        raise Http404
    record(request.user, "open change", public_id)
    return found


def _is_visible(found: Change, scope: Scope) -> bool:
    return found.office is not None and covers(scope, found.office)


def _is_still_ours(found: Change, scope: Scope) -> bool:
    """Whether all people whom a change touched are in books of the scope today."""
    touches = Touch.objects.filter(change=found)
    persons = Person.objects.filter(pk__in=touches.values("person"))
    return visible(persons, scope).count() == persons.count()


def _page(request: StaffRequest, found: Change, problem: str = "") -> HttpResponse:
    undone = found.undone_by.first()
    able = found.office is not None and may_write(request, found.office)
    able = able and found.kind not in (ChangeKind.UNDO, ChangeKind.IMPORT)
    later: str = ""
    if able and undone is None:
        try:
            check_untouched(found)
        except LaterChangeError as error:
            later = _later(error)
    context = {
        "change": found,
        "title": title_of(found),
        "done": "done" in request.GET,
        "lines": lines_of(found),
        "households": _households(request, found),
        "facts": _facts(found),
        "undone": undone,
        "may_undo": able and undone is None and not later,
        "later": later if not problem else "",
        "problem": problem,
    }
    return render(request, "aimak/change.html", context)


def _later(error: LaterChangeError) -> str:
    text = _("It cannot be undone: %(what)s came later and builds on it.")
    names = ", ".join(f"«{title_of(one)}»" for one in error.later[:3])
    return text % {"what": names}


def _facts(found: Change) -> list[tuple[str, str]]:
    kinds = code_list("documents")
    is_silent = bool(about_protected([found]))
    document = [
        kinds.text(found.document_kind) if found.document_kind else "",
        found.document_number,
        showing.day(found.document_date) if found.document_date else "",
        found.document_issuer,
    ]
    rows = [
        (_("What"), str(ChangeKind(found.kind).label)),
        (_("When"), showing.day(found.happened_on)),
        (_("Document"), "" if is_silent else ", ".join(filter(None, document))),
        (_("Reason"), "" if is_silent else found.reason),
        (_("Who wrote it down"), str(found.actor or _("the system"))),
        (_("When it was written down"), showing.moment(found.recorded_at)),
    ]
    return [(key, value) for key, value in rows if value]


def _households(request: StaffRequest, found: Change) -> list[dict[str, str]]:
    touches = Touch.objects.filter(change=found).exclude(household=None)
    ids = touches.values_list("household_id", flat=True)[:MAX_HOUSEHOLDS]
    homes = visible(Household.objects.filter(pk__in=list(ids)), request.scope)
    rows = []
    for home in homes.order_by("pk"):
        facts = home.facts.order_by("pk").last()
        number = facts.number if facts else showing.NOTHING
        rows.append({"public_id": home.public_id, "number": number})
    return rows
