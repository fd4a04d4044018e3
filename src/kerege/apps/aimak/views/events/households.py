"""Forms of a split, a merge, and a new household."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _now, gettext_lazy as _

from kerege.apps.aimak.codes import code_list
from kerege.apps.aimak.events import (
    Event,
    HouseholdMerge,
    HouseholdSplit,
    NewHousehold,
)
from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import Household, HouseholdFacts
from kerege.apps.aimak.views.events.base import (
    Choices,
    HouseholdForm,
    Subject,
    member_text,
    relations,
    street_by,
    streets_of,
)
from kerege.apps.aimak.views.events.people import ArrivingForm, new_head_of, text
from kerege.apps.common.staff.models import Office

MEMBER = "member_"
"""Fields of members begin so; their public id follows."""


class PlaceForm(forms.Form):
    """Number and address of a household that begins."""

    number = text(_("Number of the new household"), 20)
    unit = forms.ChoiceField(label=_("Village"), required=False)
    street = forms.ChoiceField(label=_("Street"), required=False)
    house = text(_("House"), 20, required=False)
    flat = text(_("Flat"), 10, required=False)

    def new_household(self) -> NewHousehold:
        """Return the household that was written down."""
        given = self.cleaned_data
        street = street_by(given["street"])
        return NewHousehold(
            number=given["number"],
            unit_code=street.unit_code if street else given["unit"],
            street=street,
            house=given["house"],
            flat=given["flat"],
        )


class _WithMembers(HouseholdForm):
    """One question about each member: what they are to a head."""

    def ask_members(self, first: str | Promise, choices: Choices) -> None:
        """Add a field for each member; nothing chosen reads `first`."""
        for one in self.subject.members:
            self.fields[MEMBER + one.person.public_id] = forms.ChoiceField(
                label=member_text(one, self.subject.card.on),
                choices=[("", first), *choices],
                required=False,
            )

    def chosen(self) -> dict[int, str]:
        """Return the relations that were chosen, by person's id."""
        found = {
            self.subject.persons[name.removeprefix(MEMBER)].pk: value
            for name, value in self.cleaned_data.items()
            if name.startswith(MEMBER)
        }
        return {pk: relation for pk, relation in found.items() if relation}


class SplitForm(PlaceForm, _WithMembers):
    """Some members begin a household of their own."""

    TITLE: ClassVar[str | Promise] = _("Split of the household")
    DOCUMENT: ClassVar[str] = "application"

    new_head = forms.ChoiceField(
        label=_("Who is the head of those who stay?"),
        help_text=_("Only if the head leaves."),
        required=False,
    )

    def __init__(self, subject: Subject, data: QueryDict | None = None) -> None:
        super().__init__(subject, data)
        card = subject.card
        self.ask_members(_("stays here"), _to_new_head())
        self.offer("unit", [(card.address.unit_code, _now("as now"))])
        self.fields["unit"].initial = card.address.unit_code
        self.offer("street", streets_of(card.address.unit_code))
        self.offer("new_head", subject.choices())
        self.order_fields(
            ["on", *(name for name in self.fields if name.startswith(MEMBER))]
        )

    def event(self, versions: Mapping[str, int]) -> Event:
        """Make the split."""
        return HouseholdSplit(
            on=self.cleaned_data["on"],
            document=self.document(),
            versions=versions,
            household=self.subject.household,
            new=self.new_household(),
            relations=self.chosen(),
            new_head=new_head_of(self),
        )


class MergeForm(_WithMembers):
    """All members join another household, with what they have."""

    TITLE: ClassVar[str | Promise] = _("Joining another household")
    DOCUMENT: ClassVar[str] = "application"
    FIELDS: ClassVar[Mapping[str, str]] = {"into": "into"}

    into = text(_("Number of the household that they join"), 20)

    def __init__(self, subject: Subject, data: QueryDict | None = None) -> None:
        super().__init__(subject, data)
        self.ask_members("—", relations())

    def clean(self) -> dict[str, Any]:
        """Find the other household by its number in this book."""
        given = super().clean() or self.cleaned_data
        self.other: Household | None = None
        if number := given.get("into"):
            rows = HouseholdFacts.objects.filter(
                office=self.subject.household.office, number=number
            )
            row = as_of(rows, timezone.localdate()).select_related("household").first()
            if row is None:
                self.add_error(
                    "into", _("This book has no household with this number.")
                )
            else:
                self.other = row.household
        return given

    def event(self, versions: Mapping[str, int]) -> Event:
        """Make the merge."""
        return HouseholdMerge(
            on=self.cleaned_data["on"],
            document=self.document(),
            versions=versions,
            household=self.subject.household,
            into=self.other or self.subject.household,
            relations=self.chosen(),
        )


class NewHouseholdForm(PlaceForm, ArrivingForm):
    """A household begins with its head; the others arrive after."""

    def __init__(
        self,
        office: Office,
        subject: Subject,
        units: Choices,
        data: QueryDict | None = None,
    ) -> None:
        self.office = office
        super().__init__(subject, data)
        self.offer("unit", units)
        streets = [
            (public_id, f"{village}: {name}")
            for unit, village in units
            for public_id, name in streets_of(unit)
        ]
        self.offer("street", streets)

    def event(self, versions: Mapping[str, int]) -> Event:
        """Make the arrival of the head into the new household."""
        return self.arrival(
            versions, self.office, household=self.new_household(), relation="head"
        )


def _to_new_head() -> Choices:
    texts = code_list("relations")
    others = [one for one in relations() if one[0]]
    return [("head", texts.text("head")), *others]
