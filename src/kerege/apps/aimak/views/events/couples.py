"""Forms of marriage and divorce. One of the two is a member of the household."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kerege.apps.aimak.events import Divorce, Event, Marriage, Move
from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import Person, PersonFacts
from kerege.apps.aimak.models.persons import NAME_LENGTH, PIN_LENGTH
from kerege.apps.aimak.views.days import EARLIEST
from kerege.apps.aimak.views.events.base import HouseholdForm, Subject, relations
from kerege.apps.aimak.views.events.people import known_by, text
from kerege.apps.common.forms import DateField


class CoupleForm(HouseholdForm):
    """Two persons: a member, and another one or somebody named by PIN and birth."""

    FIELDS: ClassVar[Mapping[str, str]] = {"persons": "first", "move": "moves"}

    first = forms.ChoiceField(label=_("Who of this household?"))
    second = forms.ChoiceField(
        label=_("The other one, if of this household too"), required=False
    )
    pin = text(
        _("PIN of the other one"),
        PIN_LENGTH,
        required=False,
        help_text=_("If they live elsewhere. Leave it out if they are in no book."),
    )
    born = DateField(
        label=_("Date of birth of the other one"), required=False, earliest=EARLIEST
    )
    first_surname = text(_("New surname of the first"), NAME_LENGTH, required=False)
    second_surname = text(
        _("New surname of the other one"), NAME_LENGTH, required=False
    )

    def __init__(self, subject: Subject, data: QueryDict | None = None) -> None:
        super().__init__(subject, data)
        self.offer("first", subject.choices())
        self.offer("second", subject.choices())

    def clean(self) -> dict[str, Any]:
        """Hold that somebody named by PIN was born on the day that was typed."""
        given = super().clean() or self.cleaned_data
        if given.get("pin") and self._other() is None:
            text = _("Nobody with this PIN was born on this day. Check both.")
            self.add_error("pin", text)
        return given

    def couple(self) -> dict[str, Any]:
        """Return what both events take."""
        first, second = self._first(), self._other()
        given = self.cleaned_data
        surnames = {first.pk: given["first_surname"]}
        if second is not None:
            surnames[second.pk] = given["second_surname"]
        return {
            "on": given["on"],
            "document": self.document(),
            "first": first,
            "second": second,
            "surnames": {pk: name for pk, name in surnames.items() if name},
        }

    def _first(self) -> Person:
        return self.subject.persons[self.cleaned_data["first"]]

    def _other(self) -> Person | None:
        member = self.person("second")
        found = member or known_by(self.cleaned_data.get("pin", ""))
        if found is None or member is not None:
            return found
        facts = as_of(PersonFacts.objects.filter(person=found), timezone.localdate())
        born = facts.filter(birth_date=self.cleaned_data.get("born"))
        return found if born.exists() else None


class MarriageForm(CoupleForm):
    """Two have married."""

    TITLE: ClassVar[str | Promise] = _("Marriage")
    DOCUMENT: ClassVar[str] = "marriage_certificate"

    moves = forms.BooleanField(
        label=_("The other one comes to live in this household"), required=False
    )
    relation = forms.ChoiceField(
        label=_("What are they to the head of the household?"), required=False
    )

    def __init__(self, subject: Subject, data: QueryDict | None = None) -> None:
        super().__init__(subject, data)
        self.offer("relation", relations())

    def event(self, versions: Mapping[str, int]) -> Event:
        """Make the marriage."""
        couple = self.couple()
        move = None
        if self.cleaned_data["moves"] and couple["second"]:
            move = Move(
                couple["second"],
                self.subject.household,
                self.cleaned_data["relation"],
            )
        return Marriage(versions=versions, move=move, **couple)


class DivorceForm(CoupleForm):
    """Two have divorced; who moves away is a departure or a split."""

    TITLE: ClassVar[str | Promise] = _("Divorce")
    DOCUMENT: ClassVar[str] = "divorce_certificate"

    def event(self, versions: Mapping[str, int]) -> Event:
        """Make the divorce."""
        return Divorce(versions=versions, **self.couple())
