"""What an auditor looks for."""

from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.audit.models import Entry
from kerege.apps.common.forms import DateField

if TYPE_CHECKING:
    from django.db.models import QuerySet


class LookForm(forms.Form):
    """Each field narrows the list; an empty one does not."""

    actor = forms.CharField(
        label=_("Who"), help_text=_("The sign-in name."), max_length=60, required=False
    )
    subject = forms.CharField(
        label=_("About whom or what"),
        help_text=_("The id from the address of a page."),
        max_length=80,
        required=False,
    )
    day = DateField(label=_("Day"), required=False)
    refused = forms.BooleanField(label=_("Only refused and failed"), required=False)

    def found(self) -> "QuerySet[Entry]":
        """Return the entries that fit, the newest first."""
        given = self.cleaned_data
        entries = Entry.objects.select_related("actor").order_by("-recorded_at", "-pk")
        if given["actor"]:
            entries = entries.filter(actor__sign_in_name=given["actor"])
        if given["subject"]:
            entries = entries.filter(subject=given["subject"])
        if given["day"]:
            entries = entries.filter(recorded_at__date=given["day"])
        return entries.exclude(outcome="done") if given["refused"] else entries
