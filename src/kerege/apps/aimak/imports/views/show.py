"""The list of imports, and one of them: how far it is, what was found, what to do."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kerege.apps.aimak.imports.jobs import settle
from kerege.apps.aimak.imports.models import Import, State
from kerege.apps.aimak.imports.views._common import get_import, message
from kerege.apps.aimak.models import Household, Person
from kerege.apps.aimak.scope import in_scope
from kerege.apps.aimak.workbooks.messages import messages as texts
from kerege.apps.common.audit.record import record
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.rights import Right

PAGE_ROWS = 25
RUNNING = (State.CHECKING, State.TAKING, State.UNDOING)
_COLOURS = {
    State.TAKEN: "green",
    State.REFUSED: "red",
    State.STOPPED: "orange",
    State.UNDONE: "grey",
}


@require_GET
@requires(Right.REGISTER_IMPORT)
def list_imports(request: StaffRequest) -> HttpResponse:
    """Show the offices' imports, the last first."""
    rows = Import.objects.filter(in_scope(request.scope)).order_by("-created_at", "-pk")
    page = Paginator(rows.defer("content"), PAGE_ROWS).get_page(request.GET.get("page"))
    columns = [
        _("File"),
        _("Sent"),
        {"text": _("Rows"), "numeric": True},
        {"text": _("Not taken"), "numeric": True},
        _("State"),
    ]
    table = [
        [
            {
                "text": one.file_name,
                "href": reverse("aimak:imports:show", args=[one.public_id]),
            },
            one.created_at,
            one.row_count,
            one.bad_count,
            {
                "text": one.get_state_display(),
                "colour": _COLOURS.get(State(one.state), "blue"),
            },
        ]
        for one in page
    ]
    context = {"page": page, "columns": columns, "rows": table}
    return render(request, "imports/list.html", context)


@require_GET
@requires(Right.REGISTER_IMPORT)
def show(request: StaffRequest, public_id: str) -> HttpResponse:
    """Show one import; while it runs the page asks again by itself."""
    item = get_import(request, public_id)
    settle(item)
    state = State(item.state)
    context = {
        "item": item,
        "state": state,
        "is_running": state in RUNNING,
        "error": message(item.error, item.error_details) if item.error else "",
        "notes": _notes(item),
        "changed": _changed_later(item),
        "can_take": state in (State.CHECKED, State.STOPPED) and item.good_count > 0,
        "can_undo": state in (State.TAKEN, State.STOPPED),
        "can_map": state in (State.UPLOADED, State.CHECKED)
        and item.content is not None,
    }
    record(request.user, "see import", item.public_id)
    return render(request, "imports/show.html", context)


def _notes(item: Import) -> list[tuple[str, int]]:
    """Return what was assumed, and how often; an example stands for all."""
    found = []
    for code, count in sorted(item.note_counts.items()):
        example = item.findings.filter(is_note=True, code=code).first()
        if example is not None and code in texts():
            details = {"value": example.value, **example.details}
            found.append((message(code, details), count))
    return found


def _changed_later(item: Import) -> list[str]:
    """Return the ids of who and what stands against an undo."""
    rows = (
        item.error_details.get("rows", []) if item.error == "undo.changed_later" else []
    )
    persons = {
        pk for model, pk in rows if model in ("PersonFacts", "PersonPin", "Membership")
    }
    households = {pk for model, pk in rows} - persons
    names = [str(one) for one in _people(persons)]
    numbers = (
        Household.objects.filter(pk__in=households)
        .values_list("facts__number", flat=True)
        .distinct()
    )
    return names + [
        _("household %(number)s") % {"number": one} for one in numbers if one
    ]


def _people(ids: set[int]) -> list[str]:
    rows = Person.objects.filter(pk__in=ids).values_list(
        "facts__surname", "facts__given_name"
    )
    return sorted({f"{surname} {given}" for surname, given in rows})
