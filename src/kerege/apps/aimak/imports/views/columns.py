"""Which column is which field of the register."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from kerege.apps.aimak.imports.forms import ColumnsForm
from kerege.apps.aimak.imports.jobs import CHECK, start
from kerege.apps.aimak.imports.models import NEXT, Import, State
from kerege.apps.aimak.imports.reading import file_of
from kerege.apps.aimak.imports.uploading import mapping_of_sheet, remember
from kerege.apps.aimak.imports.views._common import get_import, message
from kerege.apps.aimak.pages import language
from kerege.apps.aimak.workbooks.mapping import ColumnMapping, MappingError
from kerege.apps.aimak.workbooks.messages import WorkbookError
from kerege.apps.aimak.workbooks.reader import read_heads
from kerege.apps.aimak.workbooks.sheets import Row
from kerege.apps.common.audit.record import record
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.rights import Right


@require_http_methods(["GET", "POST"])
@requires(Right.REGISTER_IMPORT)
def columns(request: StaffRequest, public_id: str) -> HttpResponse:
    """Show what is guessed or remembered, take what is chosen, and begin the dry run."""
    item = get_import(request, public_id)
    if State.CHECKING not in NEXT[State(item.state)]:
        return redirect("aimak:imports:show", public_id)
    try:
        sheet, rows = _rows_of(request, item)
    except WorkbookError as error:
        messages.error(request, message(error.code, error.details))
        return redirect("aimak:imports:show", public_id)
    form = _form(request, item, sheet, rows)
    if request.method == "POST" and form.is_valid():
        mapping = form.mapping()
        try:
            mapping.require_usable()
        except MappingError as error:
            form.add_error(None, message(error.code, error.details))
        else:
            _begin_check(request, item, sheet, mapping, form.cleaned_data["unit"])
            return redirect("aimak:imports:show", public_id)
    record(request.user, "see columns of import", item.public_id)
    sheets = [
        {"text": name or item.file_name, "href": f"?sheet={n}", "current": n == sheet}
        for n, name in enumerate(item.sheets)
    ]
    context = {"form": form, "item": item, "sheets": sheets, "sheet": sheet}
    status = 422 if form.errors else 200
    return render(request, "imports/columns.html", context, status=status)


def _rows_of(request: StaffRequest, item: Import) -> tuple[int, list[Row]]:
    """Return the chosen sheet's place and its first rows."""
    chosen = request.POST.get("sheet") or request.GET.get("sheet") or str(item.sheet)
    with file_of(item) as path:
        _, heads = read_heads(path)
    place = int(chosen) if chosen.isascii() and chosen.isdecimal() else item.sheet
    if place >= len(heads):
        place = item.sheet
    return place, heads[place]


def _form(
    request: StaffRequest, item: Import, sheet: int, rows: list[Row]
) -> ColumnsForm:
    if sheet == item.sheet and item.mapping.get("columns"):
        mapping = ColumnMapping.from_json(item.mapping)
    else:
        mapping = mapping_of_sheet(item.office, rows)
    form = ColumnsForm(
        request.POST or None, rows=rows, mapping=mapping, language=language()
    )
    form.offer_units(item.office, item.unit_code, timezone.localdate(), language())
    return form


def _begin_check(
    request: StaffRequest, item: Import, sheet: int, mapping: ColumnMapping, unit: str
) -> None:
    remember(item.office, mapping)
    item.sheet, item.mapping, item.unit_code = sheet, mapping.to_json(), unit
    start(item, State.CHECKING, CHECK, request.user)
