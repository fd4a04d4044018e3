"""How one field of a form is shown: which markup, which classes, which ids."""

from dataclasses import dataclass

from django import forms, template
from django.forms.boundfield import BoundField
from django.forms.widgets import Input
from django.utils.safestring import SafeString

register = template.Library()

WIDTHS = (2, 3, 4, 5, 10, 20, 30)
"""The widths of inputs, in characters, that the style sheet has."""

CLASSES: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxInput, "govuk-checkboxes__input"),
    (forms.Select, "govuk-select"),
    (forms.Textarea, "govuk-textarea"),
    (forms.FileInput, "govuk-file-upload"),
    (Input, "govuk-input"),
)
"""The first that fits counts."""


@dataclass(frozen=True, slots=True)
class Control:
    """What `portal/forms/field.html` needs to know of a field."""

    kind: str
    """``group``: several inputs with a legend; ``checkbox``: one; ``input``: others."""
    html: SafeString
    id: str
    described_by: str


@register.simple_tag
def control(field: BoundField) -> Control:
    """Render a field's widget with the classes of the site."""
    widget = field.field.widget
    attributes: dict[str, str | bool] = {}
    if name := _class(widget):
        attributes["class"] = f"{name} {widget.attrs.get('class', '')}".strip()
    if mode := _input_mode(field.field):
        attributes.setdefault("inputmode", str(widget.attrs.get("inputmode", mode)))
    if described := field.aria_describedby or "":
        attributes["aria-describedby"] = described
    return Control(
        kind=_kind(widget),
        html=field.as_widget(attrs=attributes),
        id=field.auto_id or field.name,
        described_by=described,
    )


@register.filter
def first_control(field: BoundField) -> str:
    """Return the id of the control that a mistake's link leads to."""
    widget = field.field.widget
    if isinstance(widget, forms.MultiWidget | forms.RadioSelect):
        return f"{field.auto_id}_0"
    if isinstance(widget, forms.CheckboxSelectMultiple):
        return f"{field.auto_id}_0"
    return str(field.auto_id)


def _kind(widget: forms.Widget) -> str:
    if isinstance(widget, forms.FileInput):
        return "input"
    if isinstance(widget, forms.CheckboxInput):
        return "checkbox"
    return "group" if widget.use_fieldset else "input"


def _class(widget: forms.Widget) -> str:
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return ""
    found = next((name for kind, name in CLASSES if isinstance(widget, kind)), "")
    return found + (_width(widget) if found == "govuk-input" else "")


def _width(widget: forms.Widget) -> str:
    limit = int(widget.attrs.get("maxlength", 0) or 0)
    fitting = [width for width in WIDTHS if 0 < limit <= width]
    return f" govuk-input--width-{fitting[0]}" if fitting else ""


def _input_mode(field: forms.Field) -> str:
    match field:
        case forms.FloatField() | forms.DecimalField():
            return "decimal"
        case forms.IntegerField():
            return "numeric"
        case forms.EmailField():
            return "email"
        case _:
            return ""
