"""Form fields that every system needs and Django has not."""

from kerege.apps.common.forms.dates import DateField, DateInput

__all__ = ["DateField", "DateInput"]
