"""Find anyone by a PIN, a name in any spelling, an address or a household's number."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kerege.apps.aimak.names.vocabulary import Reason
from kerege.apps.aimak.reads.places import addresses
from kerege.apps.aimak.reads.values import Address, Named
from kerege.apps.aimak.search.engine import Found, Results, search as look_for
from kerege.apps.aimak.views import showing
from kerege.apps.common.audit.record import record
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.rights import Right

PER_PAGE = 20
LAST_PAGE = 10
"""Who is not among the first 200 is found sooner with one more word."""
LONGEST = 200
"""Characters of a question; the search field takes no more."""


@dataclass(frozen=True, slots=True)
class Row:
    """One person of the results."""

    href: str
    name: str
    born: str
    pin: str
    household: str
    household_href: str
    address: str
    why: str


@require_GET
@requires(Right.REGISTER_READ)
def search(request: StaffRequest) -> HttpResponse:
    """Show whom a question may mean, best first."""
    text = request.GET.get("q", "")[:LONGEST].strip()
    page = _page(request.GET.get("page", ""))
    context: dict[str, object] = {"text": text, "page": page}
    if text:
        results = look_for(text, request.scope, limit=page * PER_PAGE)
        shown = results.found[(page - 1) * PER_PAGE :]
        details = {"found": str(len(results.found))}
        record(request.user, "search persons", details=details)
        context |= {
            "rows": _rows(shown),
            "found": len(results.found),
            "more": results.more,
            "has_next": results.more and page < LAST_PAGE,
            "left_out": ", ".join(results.query.left_out),
            "understood": _understood(results),
        }
    return render(request, "aimak/search.html", context)


def _page(text: str) -> int:
    known = text.isascii() and text.isdigit() and len(text) < 3
    return min(max(int(text), 1), LAST_PAGE) if known else 1


def _understood(results: Results) -> str:
    """Say how the question was read, in words."""
    query = results.query
    parts = [
        (_("PIN"), query.pin or query.pin_part),
        (_("Household"), query.household),
        (_("Street"), query.street),
        (_("House"), query.house),
        (_("Year of birth"), query.birth_year),
        (_("Name"), " ".join(word.text for word in query.names)),
    ]
    return "; ".join(f"{label}: {value}" for label, value in parts if value)


def _rows(found: tuple[Found, ...]) -> list[Row]:
    facts = [one.household_facts for one in found if one.household_facts]
    places = addresses(facts, timezone.localdate())
    return [_row(one, places) for one in found]


def _row(one: Found, places: dict[int, Address]) -> Row:
    facts = one.facts
    person = Named(
        person_id=facts.person_id,
        public_id=facts.person.public_id,
        surname=facts.surname,
        given_name=facts.given_name,
        patronymic=facts.patronymic,
        suffix=facts.suffix,
        birth_date=facts.birth_date,
        birth_precision=facts.birth_precision,
    )
    home = one.household
    number = one.household_facts.number if one.household_facts else ""
    return Row(
        href=reverse("aimak:person", args=[person.public_id]),
        name=showing.name(person),
        born=showing.born(person),
        pin=one.pin or showing.NOTHING,
        household=number or (showing.NOTHING if home else ""),
        household_href=reverse("aimak:household", args=[home.public_id])
        if home
        else "",
        address=showing.street_line(places[home.pk])
        if home and home.pk in places
        else showing.NOTHING,
        why=_why(one),
    )


def _why(one: Found) -> str:
    """Say what of a name made it a result."""
    texts = {
        Reason.EXACT: _("as typed"),
        Reason.SPELLING: _("another spelling"),
        Reason.ENDING: _("another ending"),
        Reason.BEGINNING: _("begins so"),
        Reason.SIMILAR: _("similar"),
        Reason.LAYOUT: _("other keyboard"),
    }
    worst = max(
        (match.reason for match in one.matches), key=list(texts).index, default=None
    )
    return texts[worst] if worst else _("all that was asked for")
