"""Every row that is not taken, and why: as a page, and as a file for who mends them."""

from collections.abc import Iterable, Iterator

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kerege.apps.aimak.exports.download import attachment
from kerege.apps.aimak.imports.models import Finding, Import
from kerege.apps.aimak.imports.views._common import get_import, message
from kerege.apps.aimak.workbooks.writing import (
    Cell,
    Column,
    ColumnType,
    FileKind,
)
from kerege.apps.common.audit.record import record
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.rights import Right

PAGE_ROWS = 50


@require_GET
@requires(Right.REGISTER_IMPORT)
def report(request: StaffRequest, public_id: str) -> HttpResponse:
    """Show the rows that are not taken."""
    item = get_import(request, public_id)
    page = Paginator(_findings(item), PAGE_ROWS).get_page(request.GET.get("page"))
    rows = [[row, cell, text] for row, cell, _value, text in _texts(page.object_list)]
    context = {
        "item": item,
        "page": page,
        "columns": [_("Row"), _("Cell"), _("What is wrong, and what to do")],
        "rows": rows,
    }
    record(request.user, "read report of import", item.public_id)
    return render(request, "imports/report.html", context)


@require_GET
@requires(Right.REGISTER_IMPORT)
def download_report(request: StaffRequest, public_id: str, kind: str) -> HttpResponse:
    """Send the same as XLSX or CSV."""
    item = get_import(request, public_id)
    if kind not in (FileKind.XLSX, FileKind.CSV):
        raise Http404
    columns = (
        Column("row", _("Row"), ColumnType.COUNT),
        Column("cell", _("Cell")),
        Column("value", _("What stands there")),
        Column("text", _("What is wrong, and what to do")),
    )
    rows = _texts(_findings(item).iterator(2_000))
    answer, count = attachment("report", FileKind(kind), columns, rows)
    record(
        request.user,
        "download report of import",
        item.public_id,
        details={"rows": str(count)},
    )
    return answer


def _findings(item: Import) -> QuerySet[Finding]:
    return item.findings.filter(is_note=False).order_by("row", "pk")


def _texts(findings: Iterable[Finding]) -> Iterator[tuple[Cell, ...]]:
    for one in findings:
        details = {"value": one.value, **one.details}
        yield one.row, one.cell, one.value, message(one.code, details)
