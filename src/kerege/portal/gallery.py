"""What the page of all components shows: invented numbers and a form with mistakes."""

from datetime import date
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy as _

from kerege.apps.common.charts import Bars, Chart, Lines, Pyramid, Series
from kerege.apps.common.forms import DateField

AGES = ("0–9", "10–19", "20–29", "30–39", "40–49", "50–59", "60–69", "70+")


class GalleryForm(forms.Form):
    """One field of each kind."""

    surname = forms.CharField(
        label=_("Surname"),
        max_length=60,
        help_text=_("As it stands in the passport."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    household = forms.IntegerField(label=_("Household number"), min_value=1)
    born = DateField(
        label=_("Date of birth"),
        help_text=_("For example 27 3 1987."),
        latest=date(2026, 12, 31),
    )
    sex = forms.ChoiceField(
        label=_("Sex"),
        choices=[("f", _("female")), ("m", _("male"))],
        widget=forms.RadioSelect,
    )
    livestock = forms.MultipleChoiceField(
        label=_("Livestock"),
        choices=[("1", _("cattle")), ("2", _("horses")), ("3", _("sheep and goats"))],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    village = forms.ChoiceField(
        label=_("Village"),
        choices=[("", "—"), ("1", "Жазы-Кечүү"), ("2", "Карл-Маркс")],
    )
    note = forms.CharField(
        label=_("Note"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    document = forms.FileField(label=_("Document"), required=False)
    read = forms.BooleanField(label=_("I have compared this with the document"))


def context(request: HttpRequest) -> dict[str, Any]:
    """Return what the page's template needs."""
    wrong = {"household": "0", "born_day": "31", "born_month": "2", "born_year": "1987"}
    pages = Paginator(range(200), 10)
    return {
        "form": GalleryForm(wrong),
        "page": pages.get_page(request.GET.get("page")),
        "columns": [
            gettext("Name"),
            gettext("Relation"),
            {"text": gettext("Year of birth"), "numeric": True},
            gettext("State"),
        ],
        "rows": [
            ["Асанова Айгүл", gettext("head"), "1981", _state("here", "green")],
            ["Асанов Өмүрбек", gettext("husband"), "1979", _state("away", "yellow")],
            [
                "Өмүрбек кызы Нурай",
                gettext("daughter"),
                "2009",
                _state("here", "green"),
            ],
        ],
        "tabs": [
            {"text": gettext("Members"), "href": "?", "current": True},
            {"text": gettext("Land"), "href": "?part=land"},
            {"text": gettext("Livestock"), "href": "?part=livestock"},
        ],
        "tasks": [
            {"text": gettext("The child"), "href": "?", "status": gettext("Done")},
            {
                "text": gettext("The parents"),
                "href": "?",
                "hint": gettext("Both, or one."),
                "status": gettext("Not yet"),
                "colour": "blue",
            },
        ],
        **_charts(),
    }


def _charts() -> dict[str, Chart]:
    return {
        "pyramid": Pyramid(
            title=gettext("People by age and sex"),
            label_name=gettext("Age"),
            labels=AGES,
            series=[
                Series(gettext("Women"), (212, 187, 150, 148, 118, 90, 68, 41)),
                Series(gettext("Men"), (224, 196, 148, 141, 109, 82, 51, 24)),
            ],
        ),
        "bars": Bars(
            title=gettext("Livestock"),
            label_name=gettext("Kind"),
            labels=[gettext("cattle"), gettext("horses"), gettext("sheep and goats")],
            series=[Series(gettext("Heads"), (1840, 412, 6310))],
        ),
        "lines": Lines(
            title=gettext("Arrivals and departures"),
            label_name=gettext("Year"),
            labels=[str(year) for year in range(2019, 2026)],
            series=[
                Series(gettext("Arrivals"), (31, 22, 27, 44, 39, 48, 52)),
                Series(gettext("Departures"), (64, 41, 58, 70, 66, 61, 49)),
            ],
        ),
    }


def _state(state: str, colour: str) -> dict[str, str]:
    words = {"here": gettext("here"), "away": gettext("away")}
    return {"text": words[state], "colour": colour}
