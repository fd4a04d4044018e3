"""A date as people write it: day, month, year in three small fields."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


class DateInput(forms.MultiWidget):
    """Three text fields; what was typed stays when it is no date."""

    template_name = "components/date_input.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        parts: dict[str, forms.Widget | type[forms.Widget]] = {
            name: forms.TextInput() for name in ("day", "month", "year")
        }
        super().__init__(widgets=parts, attrs=attrs)

    def decompress(self, value: date | str | None) -> Sequence[object]:
        """Return day, month and year of a date."""
        if isinstance(value, date):
            return [value.day, value.month, value.year]
        return [None, None, None]


class DateField(forms.MultiValueField):
    """A day of the calendar; `cleaned_data` has a `datetime.date`, or None.

    Args:
        earliest: The first day that is taken.
        latest: The last day that is taken.
    """

    widget = DateInput

    def __init__(
        self,
        *,
        earliest: date | None = None,
        latest: date | None = None,
        **kwargs: Any,  # noqa: ANN401 - those of every field of Django
    ) -> None:
        self.earliest = earliest
        self.latest = latest
        parts = (forms.CharField(max_length=2), forms.CharField(max_length=2))
        super().__init__(
            fields=(*parts, forms.CharField(max_length=4)),
            require_all_fields=False,
            **kwargs,
        )

    def clean(self, value: Sequence[str] | None) -> date | None:
        """Return the date.

        Raises:
            ValidationError: Something is missing, there is no such day, or it lies
                outside the bounds; the text says which.
        """
        given = [str(part or "").strip() for part in (value or [])]
        if not any(given):
            if self.required:
                raise ValidationError(_("Enter the date."), "required")
            return None
        day = _date(given)
        if self.earliest and day < self.earliest:
            text = _("The date cannot be before %(day)s.")
            raise ValidationError(text, "early", {"day": _shown(self.earliest)})
        if self.latest and day > self.latest:
            text = _("The date cannot be after %(day)s.")
            raise ValidationError(text, "late", {"day": _shown(self.latest)})
        return day

    def compress(self, data_list: Sequence[Any]) -> date | None:
        """Return the date of its parts."""
        return self.clean(data_list)


def _date(parts: Sequence[str]) -> date:
    if len(parts) != 3 or not all(parts):
        raise ValidationError(_("Enter day, month and year."), "incomplete")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValidationError(_("Write day, month and year as numbers."), "letters")
    if len(parts[2]) != 4:
        raise ValidationError(_("Write the year with four figures: 1987."), "year")
    try:
        return date(int(parts[2]), int(parts[1]), int(parts[0]))
    except ValueError as error:
        raise ValidationError(_("There is no such day."), "no such day") from error


def _shown(day: date) -> str:
    return f"{day:%d.%m.%Y}"
