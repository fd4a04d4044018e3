"""The page of exports: which list, as which kind of file."""

from collections.abc import Mapping

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from kerege.apps.aimak.exports.download import attachment
from kerege.apps.aimak.exports.tables import TABLES, rows_of
from kerege.apps.aimak.pages import (
    language,
    offer_offices,
    office_name,
    offices_of,
)
from kerege.apps.aimak.workbooks.messages import text_of
from kerege.apps.aimak.workbooks.writing import FileKind
from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.models import Office
from kerege.apps.common.staff.rights import Right


class ExportForm(forms.Form):
    """What, of which office, as what."""

    office = forms.ChoiceField(label=_("Office"))
    table = forms.ChoiceField(
        label=_("What"),
        choices=[(name, table.title) for name, table in TABLES.items()],
        widget=forms.RadioSelect,
        initial="book",
    )
    kind = forms.ChoiceField(
        label=_("Kind of file"),
        choices=[
            (FileKind.XLSX.value, _("XLSX, for Excel and LibreOffice")),
            (FileKind.CSV.value, _("CSV, for any program")),
            (FileKind.PARQUET.value, _("Parquet, for analysis")),
        ],
        widget=forms.RadioSelect,
        initial=FileKind.XLSX.value,
    )

    def __init__(
        self, data: Mapping[str, str] | None = None, *, offices: Mapping[str, str]
    ) -> None:
        """Offer the offices; one alone is not asked for."""
        super().__init__(data)
        offer_offices(self, offices)


@require_http_methods(["GET", "POST"])
@requires(Right.REGISTER_EXPORT)
def export(request: StaffRequest) -> HttpResponse:
    """Show the choice, and send what was chosen."""
    offices = offices_of(request.scope)
    names = {pk: office_name(one) for pk, one in offices.items()}
    form = ExportForm(request.POST or None, offices=names)
    if request.method == "POST" and form.is_valid():
        office = offices[form.cleaned_data["office"]]
        try:
            return _send(request, office, form.cleaned_data)
        except OSError:
            record(request.user, "export register", office.code, outcome=Outcome.FAILED)
            form.add_error(None, text_of("disk.full", {}, language()))
    status = 422 if form.errors else 200
    return render(request, "exports/export.html", {"form": form}, status=status)


def _send(
    request: StaffRequest, office: Office, chosen: Mapping[str, str]
) -> HttpResponse:
    name, kind = chosen["table"], FileKind(chosen["kind"])
    table, today = TABLES[name], timezone.localdate()
    rows = rows_of(table, office, today, language())
    file_name = f"{name}-{office.code}-{today:%Y-%m-%d}"
    answer, count = attachment(file_name, kind, table.columns(language()), rows)
    record(
        request.user,
        "export register",
        office.code,
        details={"table": name, "kind": kind.value, "rows": str(count)},
    )
    return answer
