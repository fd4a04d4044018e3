"""The page on which facts of a household or a person are changed or corrected."""

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kerege.apps.aimak.models import Household, Person
from kerege.apps.aimak.protection import shields
from kerege.apps.aimak.reads import household_card
from kerege.apps.aimak.reads.people import named
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.access import open_household, open_person
from kerege.apps.aimak.views.amending.form import FactsForm
from kerege.apps.aimak.views.amending.keys import NEW
from kerege.apps.aimak.views.amending.sections import SECTIONS, Section, current_row
from kerege.apps.aimak.views.columns import TABLES
from kerege.apps.aimak.views.running import Guide, run
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.rights import Right


@require_http_methods(["GET", "POST"])
@requires(Right.REGISTER_WRITE)
def amend_household(
    request: StaffRequest, public_id: str, section: str, line: str
) -> HttpResponse:
    """Change or correct facts of a household."""
    anchor = open_household(request, public_id)
    card = household_card(anchor, timezone.localdate())
    if card is None:
        raise Http404
    about = _("Household %(number)s") % {"number": card.number or showing.NOTHING}
    back = reverse("aimak:household", args=[public_id])
    return _amend(request, anchor, section, line, (about, back))


@require_http_methods(["GET", "POST"])
@requires(Right.REGISTER_WRITE)
def amend_person(
    request: StaffRequest, public_id: str, section: str, line: str
) -> HttpResponse:
    """Change or correct facts of a person; of a protected one, none."""
    anchor = open_person(request, public_id)
    shield = shields([anchor.pk])[anchor.pk]
    person = named([anchor.pk], timezone.localdate()).get(anchor.pk)
    if person is None or shield.hides_place or shield.hides_history:
        raise Http404
    back = reverse("aimak:person", args=[public_id])
    return _amend(request, anchor, section, line, (showing.name(person), back))


def _amend(
    request: StaffRequest,
    anchor: Person | Household,
    name: str,
    line: str,
    words: tuple[str, str],
) -> HttpResponse:
    section = _section(name, anchor)
    row = None
    if line != NEW:
        key = section.key(anchor.pk, line)
        row = current_row(section, key, timezone.localdate()) if key else None
        if row is None and (key is None or len(key) > 1):
            raise Http404
    about, back = words
    guide = Guide(TABLES[section.model], about, back, anchor.office, (anchor,))
    return run(request, guide, lambda data: FactsForm(section, anchor, row, data))


def _section(name: str, anchor: Person | Household) -> Section:
    section = SECTIONS.get(name)
    if section is None or not isinstance(anchor, section.about):
        raise Http404
    return section
