"""The pages on which an event is told: a birth, an arrival, a new household."""

from datetime import date

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import Household, Level, Person, Unit
from kerege.apps.aimak.reads import household_card
from kerege.apps.aimak.reads.values import Address, HouseholdCard
from kerege.apps.aimak.soate import prefix_of
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.access import open_household
from kerege.apps.aimak.views.events import FORMS, NewHouseholdForm
from kerege.apps.aimak.views.events.base import Subject
from kerege.apps.aimak.views.running import Guide, run
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.models import Office
from kerege.apps.common.staff.rights import Right

MAX_UNITS = 100
"""Villages of one office: merged ones have thirty."""


@require_http_methods(["GET", "POST"])
@requires(Right.REGISTER_WRITE)
def event(request: StaffRequest, public_id: str, kind: str) -> HttpResponse:
    """Ask for an event of a household and write it into the book."""
    form = FORMS.get(kind)
    if form is None:
        raise Http404
    household = open_household(request, public_id)
    subject = subject_of(household)
    head = next((one for one in subject.members if one.is_head), None)
    number = subject.card.number or showing.NOTHING
    about = _("Household %(number)s") % {"number": number}
    guide = Guide(
        title=form.TITLE,
        about=f"{about} – {showing.name(head.person)}" if head else about,
        back=reverse("aimak:household", args=[public_id]),
        office=household.office,
        anchors=(household, *subject.persons.values()),
    )
    return run(request, guide, lambda data: form(subject, data))


@require_http_methods(["GET", "POST"])
@requires(Right.REGISTER_WRITE)
def new_household(request: StaffRequest) -> HttpResponse:
    """Ask for a household that begins, and its head."""
    office = _own_office(request)
    units = _villages(office)
    subject = Subject(Household(office=office), _nobody(office), {})
    guide = Guide(
        title=_("New household"),
        about=showing.office(office),
        back=reverse("aimak:home"),
        office=office,
        anchors=(),
    )
    return run(
        request, guide, lambda data: NewHouseholdForm(office, subject, units, data)
    )


def subject_of(household: Household) -> Subject:
    """Return a household as it is today, with the members that may be seen.

    Raises:
        Http404: It is no longer in the book.
    """
    card = household_card(household, timezone.localdate())
    if card is None:
        raise Http404
    ids = [one.person.person_id for one in card.members if not one.person.is_hidden]
    persons = Person.objects.filter(pk__in=ids).order_by("pk")
    return Subject(household, card, {one.public_id: one for one in persons})


def _own_office(request: StaffRequest) -> Office:
    """Return the office in whose book somebody writes: the first of theirs."""
    found = Office.objects.filter(pk__in=request.scope.offices).order_by("pk").first()
    if found is None:
        raise Http404
    return found


def _villages(office: Office) -> list[tuple[str, str]]:
    prefix = prefix_of(office.unit_code)
    rows = Unit.objects.filter(code__startswith=prefix)
    lived_in = rows.filter(level__in=[Level.VILLAGE, Level.TOWN]).order_by("code")
    found = as_of(lived_in, timezone.localdate())[:MAX_UNITS]
    return [
        (one.code, showing.in_language(one.name_ky, one.name_ru, one.name_en))
        for one in found
    ]


def _nobody(office: Office) -> HouseholdCard:
    return HouseholdCard(
        household_id=0,
        public_id="",
        version=0,
        office_id=office.pk,
        on=_today(),
        number="",
        kind="",
        address=Address(),
        since=None,
        members=(),
    )


def _today() -> date:
    return timezone.localdate()
