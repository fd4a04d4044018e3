"""Forms of imports."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from django import forms
from django.utils.html import escape
from django.utils.translation import gettext_lazy as _

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import Unit
from kerege.apps.aimak.pages import offer_offices
from kerege.apps.aimak.soate import prefix_of
from kerege.apps.aimak.workbooks.fields import fields
from kerege.apps.aimak.workbooks.limits import (
    MAX_COLUMNS,
    MAX_FILE_BYTES,
    MAX_HEADER_ROWS,
)
from kerege.apps.aimak.workbooks.mapping import ColumnMapping
from kerege.apps.aimak.workbooks.sheets import Row, column_name
from kerege.apps.common.staff.models import Office

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

MAX_SHOWN_COLUMNS = 100
"""Columns that the page offers: forms have 20 to 60. The others are not read."""
NOT_READ = "-"
_MAX_SAMPLE = 40


class UploadForm(forms.Form):
    """The file, and whose book it is."""

    office = forms.ChoiceField(label=_("Office"))
    file = forms.FileField(
        label=_("Household book"),
        help_text=_("A file of the kind XLSX or CSV, at most 30 MB."),
        widget=forms.FileInput(attrs={"accept": ".xlsx,.csv,.txt"}),
    )

    def __init__(
        self, *args: object, offices: Mapping[str, str], **kwargs: object
    ) -> None:
        """Offer the offices: id and name; one alone is not asked for."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        offer_offices(self, offices)

    def clean_file(self) -> "UploadedFile[bytes]":
        """Refuse what is too large."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > MAX_FILE_BYTES:
            raise forms.ValidationError(_("The file has more than 30 MB."))
        return file


class ColumnsForm(forms.Form):
    """Which column is which field."""

    unit = forms.ChoiceField(
        label=_("Village of rows that name none"), widget=forms.Select
    )
    header_row = forms.IntegerField(
        label=_("Row with the names of the columns"),
        help_text=_("0 if there is none. People are read from the rows below it."),
        widget=forms.NumberInput(attrs={"class": "govuk-input--width-3"}),
        min_value=0,
        max_value=MAX_HEADER_ROWS,
    )

    def __init__(
        self,
        *args: object,
        rows: Sequence[Row],
        mapping: ColumnMapping,
        language: str,
        **kwargs: object,
    ) -> None:
        """Make a field for each column that the first rows have.

        Args:
            args: The data.
            rows: The first rows of the sheet.
            mapping: What is guessed, remembered or was chosen.
            language: Of the fields' names.
            kwargs: As a form's.
        """
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._rows, self._mapping = rows, mapping
        self.fields["header_row"].initial = mapping.header_row
        choices = [(NOT_READ, _("is not read")), *_labels(language)]
        width = max((len(row.values) for row in rows), default=0)
        for column in range(min(width, MAX_SHOWN_COLUMNS)):
            if any(row.value(column) is not None for row in rows):
                self.fields[f"column_{column}"] = forms.ChoiceField(
                    label=_column_label(rows, column, mapping.header_row),
                    help_text=_samples(rows, column, mapping.header_row),
                    choices=choices,
                    initial=mapping.columns.get(column, NOT_READ),
                )

    def offer_units(self, office: Office, chosen: str, today: date, lang: str) -> None:
        """Offer the office's villages, and the office's own unit."""
        below = Unit.objects.filter(code__startswith=prefix_of(office.unit_code))
        units = as_of(below, today).order_by("code")
        choices = {
            unit.code: getattr(unit, f"name_{lang}") or unit.code for unit in units
        }
        choices.setdefault(office.unit_code, office.unit_code)
        field = self.fields["unit"]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(choices.items())
        field.initial = chosen

    def mapping(self) -> ColumnMapping:
        """Return what was chosen; call it on a valid form."""
        data = self.cleaned_data
        columns = {
            column: data[f"column_{column}"]
            for column in range(MAX_COLUMNS)
            if data.get(f"column_{column}", NOT_READ) != NOT_READ
        }
        return ColumnMapping(data["header_row"], self._mapping.fingerprint, columns)


def _labels(language: str) -> list[tuple[str, str]]:
    return [
        (name, field.labels[language] if field.labels else name)
        for name, field in fields().items()
    ]


def _column_label(rows: Sequence[Row], column: int, header_row: int) -> str:
    header = next((row.value(column) for row in rows if row.number == header_row), None)
    name = column_name(column)
    return name if header is None else f"{name}: {str(header)[:_MAX_SAMPLE]}"


def _samples(rows: Sequence[Row], column: int, header_row: int) -> str:
    values = [row.value(column) for row in rows if row.number > header_row]
    texts = [str(value)[:_MAX_SAMPLE] for value in values if value is not None]
    return escape("; ".join(texts[:3]))
