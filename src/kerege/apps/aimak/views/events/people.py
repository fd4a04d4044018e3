"""Forms of birth, death, arrival and departure."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kerege.apps.aimak.events import (
    Arrival,
    Birth,
    Claim,
    Death,
    Departure,
    Event,
    Newcomer,
    NewHead,
    NewHousehold,
)
from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import Household, Person, PersonPin
from kerege.apps.aimak.models.persons import NAME_LENGTH, PIN_LENGTH
from kerege.apps.aimak.views.days import EARLIEST
from kerege.apps.aimak.views.events.base import HouseholdForm, Subject, relations
from kerege.apps.common.forms import DateField
from kerege.apps.common.staff.models import Office

SEXES = [("female", _("female")), ("male", _("male"))]
SUFFIXES = [("", "—"), ("уулу", "уулу"), ("кызы", "кызы")]
OFF = {"autocomplete": "off"}


def text(label: Any, length: int, **more: Any) -> forms.CharField:  # noqa: ANN401 - as Django's own
    """Return a field of text that the browser does not fill."""
    widget = forms.TextInput(attrs=OFF)
    return forms.CharField(label=label, max_length=length, widget=widget, **more)


class NewcomerForm(HouseholdForm):
    """Somebody who is new in the register."""

    surname = text(_("Surname"), NAME_LENGTH)
    given_name = text(_("Given name"), NAME_LENGTH)
    patronymic = text(_("Patronymic"), NAME_LENGTH, required=False)
    suffix = forms.ChoiceField(
        label=_("After the name: uulu or kyzy"), choices=SUFFIXES, required=False
    )
    patronymic_absent = forms.BooleanField(
        label=_("There is no patronymic, by right"), required=False
    )
    sex = forms.ChoiceField(label=_("Sex"), choices=SEXES, widget=forms.RadioSelect)
    pin = text(
        _("PIN"), PIN_LENGTH, required=False, help_text=_("14 digits, if there is one.")
    )

    def newcomer(self, born: date) -> Newcomer:
        """Return who was written down."""
        given = self.cleaned_data
        return Newcomer(
            surname=given["surname"],
            given_name=given["given_name"],
            sex=given["sex"],
            birth_date=born,
            patronymic=given["patronymic"],
            patronymic_absent=given["patronymic_absent"],
            suffix=given["suffix"],
            pin=given["pin"],
            citizenship="KGZ",
        )


class BirthForm(NewcomerForm):
    """A child was born into the household."""

    TITLE: ClassVar[str | Promise] = _("Birth of a child")
    DOCUMENT: ClassVar[str] = "birth_certificate"
    FIELDS: ClassVar[Mapping[str, str]] = {"birth_date": "on"}

    mother = forms.ChoiceField(label=_("Mother"), required=False)
    father = forms.ChoiceField(label=_("Father"), required=False)
    relation = forms.ChoiceField(
        label=_("What is the child to the head of the household?")
    )

    def __init__(self, subject: Subject, data: QueryDict | None = None) -> None:
        super().__init__(subject, data)
        self.fields["on"].label = _("When was the child born?")
        self.offer("mother", subject.choices("female"))
        self.offer("father", subject.choices("male"))
        self.offer("relation", relations())
        self.fields["relation"].initial = "child"

    def event(self, versions: Mapping[str, int]) -> Event:
        """Make the birth."""
        on = self.cleaned_data["on"]
        return Birth(
            on=on,
            document=self.document(),
            versions=versions,
            household=self.subject.household,
            child=self.newcomer(on),
            relation=self.cleaned_data["relation"],
            mother=self.person("mother"),
            father=self.person("father"),
        )


class DeathForm(HouseholdForm):
    """A member has died."""

    TITLE: ClassVar[str | Promise] = _("Death of a member")
    DOCUMENT: ClassVar[str] = "death_certificate"

    who = forms.ChoiceField(label=_("Who has died?"))
    new_head = forms.ChoiceField(
        label=_("Who is the head of the household now?"),
        help_text=_("Only if the head has died and others stay."),
        required=False,
    )
    FIELDS: ClassVar[Mapping[str, str]] = {"person": "who"}

    def __init__(self, subject: Subject, data: QueryDict | None = None) -> None:
        super().__init__(subject, data)
        self.fields["on"].label = _("Day of death")
        self.offer("who", subject.choices())
        self.offer("new_head", subject.choices())

    def event(self, versions: Mapping[str, int]) -> Event:
        """Make the death."""
        return Death(
            on=self.cleaned_data["on"],
            document=self.document(),
            versions=versions,
            person=self.subject.persons[self.cleaned_data["who"]],
            new_head=new_head_of(self),
        )


class DepartureForm(HouseholdForm):
    """Some or all members move away."""

    TITLE: ClassVar[str | Promise] = _("Departure from the household")
    DOCUMENT: ClassVar[str] = "departure_sheet"
    FIELDS: ClassVar[Mapping[str, str]] = {"persons": "leaving"}

    leaving = forms.MultipleChoiceField(
        label=_("Who moves away?"), widget=forms.CheckboxSelectMultiple
    )
    new_head = forms.ChoiceField(
        label=_("Who is the head of the household now?"),
        help_text=_("Only if the head moves away and others stay."),
        required=False,
    )
    reason = text(_("Where to, and why"), 500, required=False)

    def __init__(self, subject: Subject, data: QueryDict | None = None) -> None:
        super().__init__(subject, data)
        self.fields["on"].label = _("Day of departure")
        self.offer("leaving", subject.choices())
        self.offer("new_head", subject.choices())

    def event(self, versions: Mapping[str, int]) -> Event:
        """Make the departure."""
        given = self.cleaned_data
        return Departure(
            on=given["on"],
            document=self.document(),
            reason=given["reason"],
            versions=versions,
            household=self.subject.household,
            leaving=tuple(self.subject.persons[one] for one in given["leaving"]),
            new_head=new_head_of(self),
        )


class ArrivingForm(NewcomerForm):
    """Who arrives: somebody new, or somebody whose PIN the register knows."""

    DOCUMENT: ClassVar[str] = "arrival_sheet"

    born = DateField(label=_("Date of birth"), earliest=EARLIEST)
    FIELDS: ClassVar[Mapping[str, str]] = {"birth_date": "born", "person": "pin"}

    def __init__(self, subject: Subject, data: QueryDict | None = None) -> None:
        super().__init__(subject, data)
        self.fields["on"].label = _("Day of arrival")
        self.fields["pin"].help_text = _(
            "14 digits. Whose PIN the register knows is taken over from the old "
            "household; the names stay as the book has them."
        )

    def arrival(
        self,
        versions: Mapping[str, int],
        office: Office,
        household: Household | NewHousehold,
        relation: str,
    ) -> Arrival:
        """Make the arrival."""
        given = self.cleaned_data
        known = known_by(given["pin"])
        claim = Claim(given["pin"], given["born"]) if known else None
        return Arrival(
            on=given["on"],
            document=self.document(),
            versions=versions,
            office=office,
            person=known,
            newcomer=None if known else self.newcomer(given["born"]),
            claim=claim,
            household=household,
            relation=relation,
        )


class ArrivalForm(ArrivingForm):
    """Somebody comes to live in the household."""

    TITLE: ClassVar[str | Promise] = _("Arrival in the household")

    relation = forms.ChoiceField(label=_("What are they to the head of the household?"))

    def __init__(self, subject: Subject, data: QueryDict | None = None) -> None:
        super().__init__(subject, data)
        self.offer("relation", relations(with_head=not subject.members))

    def event(self, versions: Mapping[str, int]) -> Event:
        """Make the arrival."""
        household = self.subject.household
        return self.arrival(
            versions,
            household.office,
            household=household,
            relation=self.cleaned_data["relation"],
        )


def known_by(pin: str) -> Person | None:
    """Return whom the register knows by a PIN; the event asks for the birth date too."""
    if not pin:
        return None
    rows = as_of(PersonPin.objects.filter(pin=pin), timezone.localdate())
    row = rows.select_related("person__office").order_by("pk").last()
    return row.person if row else None


def new_head_of(form: HouseholdForm) -> NewHead | None:
    """Return who was chosen to be the head; relations follow from the old ones."""
    person = form.person("new_head")
    return NewHead(person, {}) if person else None
