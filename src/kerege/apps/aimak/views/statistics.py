"""Numbers without names, drawn: a pyramid, livestock, movements, by unit and day.

What may be told of a number is for `kerege.apps.aimak.statistics` to say.
"""

from datetime import date, timedelta

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.http import require_GET

from kerege.apps.aimak.codes import code_list
from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import HouseholdFacts, Unit
from kerege.apps.aimak.scope import in_scope
from kerege.apps.aimak.statistics import ROUNDED_TO, livestock, movement, pyramid
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.days import EARLIEST
from kerege.apps.common.audit.record import record
from kerege.apps.common.charts import Bars, Chart, Lines, Pyramid, Series
from kerege.apps.common.forms import DateField
from kerege.apps.common.staff.access import Scope, StaffRequest, requires
from kerege.apps.common.staff.rights import Right

YEARS = 8
MAX_UNITS = 300
"""Units to choose from."""


class UnitForm(forms.Form):
    """For which unit, and of which day."""

    unit = forms.ChoiceField(label=gettext_lazy("Village or district"), required=False)
    on = DateField(
        label=gettext_lazy("On which day"), required=False, earliest=EARLIEST
    )

    def __init__(self, request: StaffRequest, units: list[tuple[str, str]]) -> None:
        asked = request.GET or None
        super().__init__(asked)
        field = self.fields["unit"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", _("The whole area")), *units]


@require_GET
@requires(Right.STATISTICS)
def statistics(request: StaffRequest) -> HttpResponse:
    """Show the numbers of a unit on a day."""
    form = UnitForm(request, _units(request))
    chosen = form.cleaned_data if form.is_valid() else {}
    on: date = chosen.get("on") or timezone.localdate()
    unit: str = chosen.get("unit") or ""
    record(request.user, "see statistics")
    charts = [draw(request.scope, unit, on) for draw in (_ages, _animals, _movements)]
    context = {"form": form, "rounded_to": ROUNDED_TO, "charts": charts}
    return render(request, "aimak/statistics.html", context)


def _units(request: StaffRequest) -> list[tuple[str, str]]:
    facts = HouseholdFacts.objects.filter(in_scope(request.scope))
    codes = as_of(facts, timezone.localdate()).values("unit_code")
    units = as_of(Unit.objects.filter(code__in=codes), timezone.localdate())
    return [
        (one.code, showing.in_language(one.name_ky, one.name_ru, one.name_en))
        for one in units.order_by("code")[:MAX_UNITS]
    ]


def _ages(scope: Scope, unit: str, on: date) -> Chart:
    rows = pyramid(scope, unit, on)
    return Pyramid(
        title=_("People by age and sex"),
        label_name=_("Age"),
        labels=[
            f"{row.from_age}+" if row.to_age is None else f"{row.from_age}–{row.to_age}"
            for row in rows
        ],
        series=[
            Series(_("Women"), [row.female for row in rows]),
            Series(_("Men"), [row.male for row in rows]),
        ],
    )


def _animals(scope: Scope, unit: str, on: date) -> Chart:
    """Draw the heads of each kind; none where too few households keep it."""
    rows = livestock(scope, unit, on)
    heads = {row.species: row.heads or 0 for row in rows if row.code == unit}
    species = code_list("species").choices(on)
    return Bars(
        title=_("Livestock by kind"),
        label_name=_("Kind"),
        labels=[name for _code, name in species],
        series=[
            Series(_("Heads"), [heads.get(int(code), 0) for code, _name in species])
        ],
    )


def _movements(scope: Scope, unit: str, on: date) -> Chart:
    since, until = date(on.year - YEARS + 1, 1, 1), on + timedelta(days=1)
    rows = movement(scope, unit, since, until, by_year=True)
    return Lines(
        title=_("Births, deaths, arrivals and departures"),
        label_name=_("Year"),
        labels=[str(row.year) for row in rows],
        series=[
            Series(_("Births"), [row.births for row in rows]),
            Series(_("Deaths"), [row.deaths for row in rows]),
            Series(_("Arrivals"), [row.arrivals for row in rows]),
            Series(_("Departures"), [row.departures for row in rows]),
        ],
    )
