"""What the forms of all events have in common: a day, a document, a household."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _, gettext_lazy

from kerege.apps.aimak.actions import Document
from kerege.apps.aimak.codes import code_list
from kerege.apps.aimak.events import Event
from kerege.apps.aimak.models import Household, Person, Street, StreetName
from kerege.apps.aimak.models.versioned import CURRENT
from kerege.apps.aimak.reads.values import HouseholdCard, Member
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.days import EARLIEST
from kerege.apps.common.forms import DateField

Choices = list[tuple[str, str]]
DOCUMENT_FIELDS = (
    "document_kind",
    "document_number",
    "document_date",
    "document_issuer",
)
MAX_STREETS = 500
"""Streets of one village that a form offers."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The household that a form is about, with the members that may be seen."""

    household: Household
    card: HouseholdCard
    persons: Mapping[str, Person]
    """By public id."""

    @property
    def members(self) -> list[Member]:
        """Return those who may be chosen: not protected ones."""
        return [one for one in self.card.members if not one.person.is_hidden]

    def choices(self, sex: str = "") -> Choices:
        """Return the members, each with relation and age, for a form to choose from."""
        return [
            (one.person.public_id, member_text(one, self.card.on))
            for one in self.members
            if not sex or one.person.sex in ("", sex)
        ]


def member_text(member: Member, on: date) -> str:
    """Return name, relation and age of a member."""
    parts = (showing.relation(member), showing.age(member.person, on))
    return f"{showing.name(member.person)} ({', '.join(parts)})"


class EventForm(forms.Form):
    """A day and a document; the fields of an event stand before them."""

    FIELDS: ClassVar[Mapping[str, str]] = {}
    """Names that problems have, and the fields they belong to."""
    DOCUMENT: ClassVar[str] = "other"
    """The document that this event has as a rule: a code of ``documents``."""

    on = DateField(label=gettext_lazy("When did it happen?"), earliest=EARLIEST)
    document_kind = forms.ChoiceField(label=gettext_lazy("Document"))
    document_number = forms.CharField(
        label=gettext_lazy("Number of the document"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    document_date = DateField(
        label=gettext_lazy("Date of the document"), required=False, earliest=EARLIEST
    )
    document_issuer = forms.CharField(
        label=gettext_lazy("Who gave it out"), max_length=200, required=False
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data)
        today = timezone.localdate()
        kind = self.fields["document_kind"]
        if isinstance(kind, forms.ChoiceField):
            kind.choices = code_list("documents").choices(today)
        kind.initial = self.DOCUMENT
        self.order_fields([n for n in self.fields if n not in DOCUMENT_FIELDS])

    def event(self, versions: Mapping[str, int]) -> Event:
        """Make the event of what was typed; call it when the form is valid."""
        raise NotImplementedError

    def document(self) -> Document:
        """Return the document that was typed."""
        given = self.cleaned_data
        return Document(
            given["document_kind"],
            given["document_number"],
            given["document_date"],
            given["document_issuer"],
        )

    def field_of(self, problem: str) -> str | None:
        """Return the field beside which a problem is told; None: above all."""
        name = self.FIELDS.get(problem, problem)
        return name if name in self.fields else None

    def answers(self) -> Iterator[tuple[str, str]]:
        """Yield each question that was answered, and the answer in words."""
        for bound in self:
            value = self.cleaned_data.get(bound.name)
            if value not in (None, "", [], False):
                yield str(bound.label), answer_text(bound.field, value)


def answer_text(field: forms.Field, value: object) -> str:
    """Write an answer as the reader would."""
    if isinstance(value, bool):
        return _("yes")
    if isinstance(value, date):
        return showing.day(value)
    if isinstance(field, forms.ChoiceField):
        texts = {str(key): str(text) for key, text in choices_of(field)}
        many = value if isinstance(value, list) else [value]
        return "; ".join(texts.get(str(one), str(one)) for one in many)
    return str(value)


def choices_of(field: forms.ChoiceField) -> list[tuple[Any, Any]]:
    """Return the choices of a field that has no groups of choices."""
    found: Any = field.choices
    return list(found)


class HouseholdForm(EventForm):
    """An event of a household."""

    TITLE: ClassVar[str | Promise] = ""

    def __init__(self, subject: Subject, data: QueryDict | None = None) -> None:
        self.subject = subject
        super().__init__(data)

    def offer(self, name: str, choices: Sequence[tuple[str, str]]) -> None:
        """Set what may be chosen in a field; nothing, if it is not required."""
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            first = [] if _is_many(field) or field.required else [("", showing.NOTHING)]
            field.choices = [*first, *choices]

    def person(self, name: str) -> Person | None:
        """Return the member that was chosen in a field."""
        return self.subject.persons.get(self.cleaned_data.get(name) or "")


def _is_many(field: forms.ChoiceField) -> bool:
    return isinstance(field, forms.MultipleChoiceField)


def relations(*, with_head: bool = False) -> Choices:
    """Return the relations to the head, for a form."""
    found = code_list("relations").choices(timezone.localdate())
    return [one for one in found if with_head or one[0] != "head"]


def streets_of(unit_code: str) -> Choices:
    """Return the streets of a village with their names in the page's language."""
    rows = StreetName.objects.filter(CURRENT, valid_to=None)
    rows = rows.filter(street__unit_code=unit_code).select_related("street")
    found = [(row.street.public_id, _street(row)) for row in rows[:MAX_STREETS]]
    return sorted(found, key=lambda one: one[1])


def street_by(public_id: str) -> Street | None:
    """Return a street by the id of a form."""
    return Street.objects.filter(public_id=public_id).first() if public_id else None


def _street(row: StreetName) -> str:
    return showing.in_language(row.name_ky, row.name_ru, row.name_en)
