"""As of which day a page shows the book, and what was known when."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.forms import DateField

EARLIEST = date(1900, 1, 1)
"""No book tells of days before."""


class DaysForm(forms.Form):
    """Two days, both of them left out as a rule."""

    on = DateField(label=_("The book as it was on"), required=False, earliest=EARLIEST)
    known = DateField(
        label=_("As it was known on the evening of"), required=False, earliest=EARLIEST
    )


@dataclass(frozen=True, slots=True)
class Days:
    """The day that is shown and the time of which the knowledge is."""

    on: date
    known_at: datetime | None
    form: DaysForm

    @property
    def is_now(self) -> bool:
        """Tell whether the page shows the book as it is, which can be changed."""
        return self.known_at is None and self.on == timezone.localdate()


def days_of(request: HttpRequest) -> Days:
    """Read the days of an address; what is no day is told and today shown."""
    asked = {name for name in request.GET if name.startswith(("on_", "known_"))}
    form = DaysForm(request.GET if asked else None)
    chosen = form.cleaned_data if form.is_valid() else {}
    on: date = chosen.get("on") or timezone.localdate()
    known: date | None = chosen.get("known")
    if known is None:
        return Days(on, None, form)
    evening = datetime.combine(known + timedelta(days=1), time.min)
    return Days(on, timezone.make_aware(evening), form)
