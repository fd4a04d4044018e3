"""Numbers without names, drawn: a pyramid, livestock, movements, by unit and day.

Cells of fewer than `SMALLEST` are shown as none, and no total is shown from which they
could be worked out.
"""

from collections.abc import Iterable
from datetime import date

from django import forms
from django.db.models import Case, CharField, Count, Q, QuerySet, Sum, Value, When
from django.db.models.functions import ExtractYear
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.http import require_GET

from kerege.apps.aimak.codes import code_list
from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import (
    Change,
    ChangeKind,
    HouseholdFacts,
    Livestock,
    Membership,
    PersonFacts,
    Unit,
)
from kerege.apps.aimak.scope import in_scope
from kerege.apps.aimak.soate import prefix_of
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.days import EARLIEST
from kerege.apps.common.audit.record import record
from kerege.apps.common.charts import Bars, Chart, Lines, Pyramid, Series
from kerege.apps.common.forms import DateField
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.rights import Right

SMALLEST = 5
"""People or herds below which a number would point at somebody."""
AGES = tuple(range(0, 85, 5))
"""Groups of five years; the last is open."""
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
    households = as_of(HouseholdFacts.objects.filter(in_scope(request.scope)), on)
    if unit := chosen.get("unit"):
        households = households.filter(unit_code__startswith=prefix_of(unit))
    record(request.user, "see statistics")
    context = {
        "form": form,
        "smallest": SMALLEST,
        "charts": [
            _pyramid(households, on),
            _livestock(households, on),
            _movements(request, on),
        ],
    }
    return render(request, "aimak/statistics.html", context)


def shown(number: int) -> int:
    """Return a number, or none where it would point at somebody."""
    return number if number >= SMALLEST else 0


def _units(request: StaffRequest) -> list[tuple[str, str]]:
    facts = HouseholdFacts.objects.filter(in_scope(request.scope))
    codes = as_of(facts, timezone.localdate()).values("unit_code")
    units = as_of(Unit.objects.filter(code__in=codes), timezone.localdate())
    return [
        (one.code, showing.in_language(one.name_ky, one.name_ru, one.name_en))
        for one in units.order_by("code")[:MAX_UNITS]
    ]


def _pyramid(households: QuerySet[HouseholdFacts], on: date) -> Chart:
    members = as_of(
        Membership.objects.filter(household__in=households.values("household")), on
    )
    people = as_of(
        PersonFacts.objects.filter(person__in=members.values("person")), on
    ).filter(Q(death_date=None) | Q(death_date__gt=on))
    group = Case(
        *(
            When(birth_date__gt=_years_before(on, age + 5), then=Value(str(age)))
            for age in AGES[:-1]
        ),
        default=Value(str(AGES[-1])),
        output_field=CharField(),
    )
    known = people.exclude(birth_date=None).annotate(group=group)
    rows = known.values_list("group", "sex").annotate(people=Count("pk")).order_by()
    counts = {(age, sex): number for age, sex, number in rows}
    labels = [f"{age}–{age + 4}" for age in AGES[:-1]] + [f"{AGES[-1]}+"]

    def side(sex: str) -> list[int]:
        return [shown(counts.get((str(age), sex), 0)) for age in AGES]

    return Pyramid(
        title=_("People by age and sex"),
        label_name=_("Age"),
        labels=labels,
        series=[
            Series(_("Women"), side("female")),
            Series(_("Men"), side("male")),
        ],
    )


def _livestock(households: QuerySet[HouseholdFacts], on: date) -> Chart:
    """Count heads, where enough households have the kind."""
    rows = as_of(
        Livestock.objects.filter(household__in=households.values("household")), on
    )
    sums = rows.values_list("species").annotate(
        heads=Sum("count"), owners=Count("household", distinct=True)
    )
    found = {species: (heads, owners) for species, heads, owners in sums.order_by()}
    species = code_list("species").choices(on)
    values = [
        heads if owners >= SMALLEST else 0
        for heads, owners in (found.get(int(code), (0, 0)) for code, _name in species)
    ]
    return Bars(
        title=_("Livestock by kind"),
        label_name=_("Kind"),
        labels=[name for _code, name in species],
        series=[Series(_("Heads"), values)],
    )


def _movements(request: StaffRequest, on: date) -> Chart:
    """Count events of the last years that were not undone."""
    since = date(on.year - YEARS + 1, 1, 1)
    events = Change.objects.filter(
        in_scope(request.scope),
        kind=ChangeKind.EVENT,
        happened_on__gte=since,
        happened_on__lte=on,
        undone_by=None,
    )
    rows = events.annotate(year=ExtractYear("happened_on")).values_list("event", "year")
    counts = {(e, y): n for e, y, n in rows.annotate(number=Count("pk")).order_by()}
    years = range(since.year, on.year + 1)
    names = {
        "birth": _("Births"),
        "death": _("Deaths"),
        "arrival": _("Arrivals"),
        "departure": _("Departures"),
    }
    return Lines(
        title=_("Births, deaths, arrivals and departures"),
        label_name=_("Year"),
        labels=[str(year) for year in years],
        series=[
            Series(name, _by_year(counts.get((event, year), 0) for year in years))
            for event, name in names.items()
        ],
    )


def _by_year(numbers: Iterable[int]) -> list[int]:
    return [shown(number) for number in numbers]


def _years_before(on: date, years: int) -> date:
    try:
        return on.replace(year=on.year - years)
    except ValueError:  # 29 February
        return on.replace(year=on.year - years, day=28)
