"""The form of facts: what kind of change it is, from when, why, and the facts."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.db import models
from django.db.models import Max
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _now, gettext_lazy as _

from kerege.apps.aimak.codes import code_list
from kerege.apps.aimak.events import Amendment, Correction, Event
from kerege.apps.aimak.history import believed
from kerege.apps.aimak.models import Household, Person, Street, Versioned
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.amending.sections import Section
from kerege.apps.aimak.views.columns import COLUMNS, LISTS
from kerege.apps.aimak.views.days import EARLIEST
from kerege.apps.aimak.views.events.base import EventForm, street_by, streets_of
from kerege.apps.common.forms import DateField

CHANGE, CORRECTION, END, NEVER = "change", "correction", "end", "never"
FACT = "fact_"
"""Fields of columns begin so: ``reason`` is a column of absences too."""
NOT_ASKED = frozenset({"unit_code", "death_date", "is_head"})
"""Columns that only events change."""
MAX_COUNT = 32_000
"""Years, rooms, heads of animals: what the smallest column holds."""
MAX_LATIN = 10
"""Legal Latin forms of one name; documents of a lifetime have five."""


class FactsForm(EventForm):
    """Facts of one row, as they are or should have been."""

    FIELDS: ClassVar[Mapping[str, str]] = {"reason": "reason"}

    kind = forms.ChoiceField(
        label=_("What do you want to write?"), widget=forms.RadioSelect
    )
    on = DateField(
        label=_("From which day?"),
        required=False,
        earliest=EARLIEST,
        help_text=_("For a correction leave it out."),
    )
    reason = forms.CharField(
        label=_("Why, and how do you know?"),
        max_length=500,
        help_text=_("What a document or a person said."),
    )

    def __init__(
        self,
        section: Section,
        about: Person | Household,
        row: Versioned | None,
        data: QueryDict | None = None,
    ) -> None:
        self.section, self.about, self.row = section, about, row
        super().__init__(data)
        kind = self.fields["kind"]
        if isinstance(kind, forms.ChoiceField):
            kind.choices = _kinds(row is not None, can_end=section.can_end)
            kind.initial = CHANGE
        self.fields["document_number"].required = False
        self.columns = [
            name
            for name in COLUMNS[section.model]
            if name not in NOT_ASKED and not (row and name in section.fixed)
        ]
        for name in self.columns:
            self.fields[FACT + name] = self._field(name)
        end = ["reason", *(n for n in self.fields if n.startswith("document_"))]
        self.order_fields([n for n in self.fields if n not in end])

    def clean(self) -> dict[str, Any]:
        """Hold that a change has its day; what was wrong needs none."""
        given = super().clean() or self.cleaned_data
        needs_day = given.get("kind") in (CHANGE, END) and "on" not in self.errors
        if needs_day and not given.get("on"):
            self.add_error("on", _("Enter the date."))
        return given

    def event(self, versions: Mapping[str, int]) -> Event:
        """Make a change or a correction of what was typed."""
        given = self.cleaned_data
        kind = given["kind"]
        more: dict[str, Any] = {
            "document": self.document(),
            "reason": given["reason"],
            "versions": versions,
            "about": self.about,
            "values": None if kind in (END, NEVER) else self._values(),
        }
        if self.row is not None and kind in (CORRECTION, NEVER):
            return Correction(on=timezone.localdate(), row=self.row, **more)
        return Amendment(
            on=given["on"], model=self.section.model, key=self._key(), **more
        )

    def _key(self) -> tuple[Any, ...]:
        if self.row is not None:
            return tuple(getattr(self.row, name) for name in self.row.KEY)
        model = self.section.model
        if self.section.fixed:
            fixed = (self.cleaned_data[FACT + name] for name in self.section.fixed)
            species, *rest = fixed
            return (self.about.pk, int(species), *rest)
        if "line" in model.KEY:
            own = {"household_id": self.about.pk}
            rows = model._default_manager.filter(believed(), **own)
            return (self.about.pk, (rows.aggregate(last=Max("line"))["last"] or 0) + 1)
        return (self.about.pk,)

    def _values(self) -> dict[str, object]:
        given = self.cleaned_data
        return {
            name: _stored(name, given[FACT + name])
            for name in self.columns
            if name not in self.section.fixed
        }

    def _field(self, name: str) -> forms.Field:
        """Make the form's field of a column."""
        model = self.section.model
        label: Any = COLUMNS[model][name]
        value = getattr(self.row, name) if self.row is not None else None
        column = model._meta.get_field(name)
        if name == "street_id":
            return self._street(label, value)
        if name == "latin_names":
            shown = "\n".join(value or [])
            area = forms.Textarea(attrs={"rows": 2})
            return forms.CharField(
                label=label, required=False, widget=area, initial=shown
            )
        if found := LISTS.get((model, name)):
            choices = code_list(found).choices(timezone.localdate())
            return _choice(label, choices, value, required=name == "species")
        if not isinstance(column, models.Field):
            raise TypeError(name)
        if column.choices:
            listed = [(str(k), str(v)) for k, v in column.flatchoices]
            return _choice(label, listed, value, required=not column.blank)
        return _plain(column, label, value)

    def _street(self, label: Any, value: int | None) -> forms.Field:  # noqa: ANN401 - text or promise
        unit = getattr(self.row, "unit_code", "")
        streets = streets_of(unit) if unit else []
        now = ""
        if value:
            street = Street.objects.filter(pk=value).first()
            now = street.public_id if street else ""
        return _choice(label, streets, now, required=False)


def _kinds(known: bool, *, can_end: bool) -> list[tuple[str, str]]:  # noqa: FBT001 - one question
    if not known:
        return [(CHANGE, _now("This is new in the book"))]
    kinds = [
        (CHANGE, _now("It changed on a day")),
        (CORRECTION, _now("It was written wrongly and never was so")),
    ]
    if can_end:
        kinds += [
            (END, _now("It is no more from a day on")),
            (NEVER, _now("It never was: take it out")),
        ]
    return kinds


def _choice(
    label: Any,  # noqa: ANN401 - text or promise
    choices: list[tuple[str, str]],
    value: object,
    *,
    required: bool,
) -> forms.ChoiceField:
    now = str(value or "")
    if now and now not in dict(choices):
        choices = [*choices, (now, now)]
    first = [] if required else [("", showing.NOTHING)]
    return forms.ChoiceField(
        label=label, choices=[*first, *choices], required=required, initial=now
    )


def _plain(
    column: "models.Field[Any, Any]",
    label: Any,  # noqa: ANN401 - text or promise
    value: object,
) -> forms.Field:
    common = {"label": label, "required": False, "initial": value}
    match column:
        case models.BooleanField() if column.null:
            yes_no = [("1", _now("yes")), ("0", _now("no"))]
            now = "" if value is None else str(int(bool(value)))
            return forms.ChoiceField(
                label=label,
                choices=[("", showing.NOTHING), *yes_no],
                required=False,
                initial=now,
            )
        case models.BooleanField():
            return forms.BooleanField(**common)
        case models.DateField():
            return DateField(earliest=date(1880, 1, 1), **common)
        case models.DecimalField():
            return forms.DecimalField(
                min_value=0,
                max_digits=column.max_digits,
                decimal_places=column.decimal_places,
                localize=True,
                **common,
            )
        case models.IntegerField():
            common["required"] = not column.null
            return forms.IntegerField(min_value=0, max_value=MAX_COUNT, **common)
        case _:
            return forms.CharField(max_length=column.max_length, **common)


def _stored(name: str, value: Any) -> object:  # noqa: ANN401 - of any field
    """Return a column's value of what a field gives."""
    if name == "street_id":
        street = street_by(value)
        return street.pk if street else None
    if name == "latin_names":
        lines = (" ".join(line.split()) for line in value.splitlines())
        return [line for line in lines if line][:MAX_LATIN]
    if name == "irrigated":
        return {"1": True, "0": False}.get(value)
    return value
