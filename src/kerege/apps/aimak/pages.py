"""What pages of the register share: the page's language, and offices to choose from."""

from collections.abc import Mapping

from django import forms
from django.utils.translation import get_language

from kerege.apps.common.staff.access import Scope
from kerege.apps.common.staff.models import Office


def language() -> str:
    """Return the page's language: ``ky``, ``ru`` or ``en``."""
    code = (get_language() or "en")[:2]
    return code if code in ("ky", "ru") else "en"


def offices_of(scope: Scope) -> dict[str, Office]:
    """Return the offices whose book somebody keeps, by the value of a form."""
    found = Office.objects.order_by("code")
    if not scope.everywhere:
        found = found.filter(pk__in=sorted(scope.offices))
    return {str(one.pk): one for one in found}


def office_name(office: Office) -> str:
    """Return an office's name in the page's language."""
    return str(getattr(office, f"name_{language()}") or office.code)


def offer_offices(form: forms.Form, offices: Mapping[str, str]) -> None:
    """Let a form choose an office: id and name; one alone is not asked for."""
    field = form.fields["office"]
    if isinstance(field, forms.ChoiceField):
        field.choices = list(offices.items())
    if len(offices) == 1:
        field.widget = forms.HiddenInput()
        field.initial = next(iter(offices))
