"""The page of a person: names, PINs, households over time."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kerege.apps.aimak.history import believed
from kerege.apps.aimak.models import HouseholdFacts, Membership, Person, PersonPin
from kerege.apps.aimak.names.latin import latin_variants
from kerege.apps.aimak.protection import VEILED, Sight, shields, unveil
from kerege.apps.aimak.reads import person_card
from kerege.apps.aimak.reads.values import PersonCard
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.access import may_write, open_person
from kerege.apps.aimak.views.days import days_of
from kerege.apps.common.staff.access import StaffRequest, requires, rights_of
from kerege.apps.common.staff.rights import Right

MAX_LATIN = 6
"""Spellings that are shown: the usual ones come first."""


@require_http_methods(["GET", "POST"])
@requires(Right.REGISTER_READ)
def person(request: StaffRequest, public_id: str) -> HttpResponse:
    """Show somebody; with POST a protected person, for a reason that is kept."""
    anchor = open_person(request, public_id)
    sight = VEILED
    if request.method == "POST":
        sight = unveil(request.user, [anchor], request.POST.get("reason", ""))
    days = days_of(request)
    shield = shields([anchor.pk], sight)[anchor.pk]
    can_unveil = Right.PROTECTED_READ in rights_of(request.user)
    if shield.hides_person and not can_unveil:
        raise Http404
    card = person_card(anchor, days.on, days.known_at, sight)
    context: dict[str, object] = {
        "person": anchor,
        "card": card,
        "days": days,
        "form": days.form,
        "open_days": not days.is_now or days.form.errors,
        "may_write": days.is_now and may_write(request, anchor.office),
        "asks_reason": can_unveil and (shield.hides_place or shield.hides_history),
        "hides_place": shield.hides_place,
    }
    if card is not None:
        context |= _facts(card)
        if not (shield.hides_history or shield.hides_place):
            context |= _past(anchor, sight)
    return render(request, "aimak/person.html", context)


def _facts(card: PersonCard) -> dict[str, object]:
    one, facts = card.person, card.facts
    sexes = {"female": _("female"), "male": _("male")}
    statuses = {
        "assigned": "",
        "changed": _("assigned in place of an earlier one"),
        "blocked": _("blocked"),
        "missing": _("missing"),
    }
    pin = " – ".join(p for p in (one.pin, statuses.get(card.pin_status, "")) if p)
    patronymic = one.patronymic or (
        _("absent by right") if facts["patronymic_absent"] else showing.NOTHING
    )
    rows: list[tuple[str, object]] = [
        (_("Surname"), one.surname or showing.NOTHING),
        (_("Given name"), one.given_name or showing.NOTHING),
        (_("Patronymic"), " ".join(p for p in (patronymic, one.suffix) if p)),
        (_("PIN"), pin),
        (_("Earlier PINs"), ", ".join(card.earlier_pins) or showing.NOTHING),
        (_("Sex"), sexes.get(one.sex, showing.NOTHING)),
        (_("Date of birth"), showing.born(one)),
        (_("Age"), showing.age(one, card.on)),
        (_("Place of birth"), facts["birth_place"] or showing.NOTHING),
        (_("Nationality"), _code("nationalities", card, "nationality")),
        (_("Citizenship"), _code("citizenships", card, "citizenship")),
        (_("Marital status"), _code("marital_status", card, "marital_status")),
        (_("Education"), _code("education", card, "education")),
        (_("Occupation"), _code("occupations", card, "occupation")),
        (_("Phone"), facts["phone"] or showing.NOTHING),
        (_("In Latin letters"), _latin(card)),
    ]
    return {
        "name": showing.name(one),
        "rows": rows,
        "address": showing.whole_address(card.address) if card.address else "",
        "relation": showing.code("relations", card.relation, one.sex),
        "away": showing.away(card.away),
        "protections": [str(showing.protection(kind)) for kind in card.protections],
    }


def _code(name: str, card: PersonCard, column: str) -> str:
    return showing.code(name, str(card.facts[column]), card.person.sex)


def _latin(card: PersonCard) -> str:
    """Return the forms of the documents, or those that the rules allow."""
    known = card.facts["latin_names"]
    if isinstance(known, list) and known:
        return ", ".join(map(str, known))
    one = card.person
    surnames, names = latin_variants(one.surname), latin_variants(one.given_name)
    pairs = [f"{s} {n}" for s in list(surnames)[:3] for n in list(names)[:2]]
    return ", ".join(pairs[:MAX_LATIN]) or showing.NOTHING


def _past(anchor: Person, sight: Sight) -> dict[str, object]:
    """Return households and PINs over time, as the register believes now."""
    del sight
    members = Membership.objects.filter(believed(), person=anchor)
    rows = list(members.select_related("household").order_by("valid_from", "pk"))
    numbers: dict[int, str] = {}
    homes = HouseholdFacts.objects.filter(
        believed(), household__in=[row.household_id for row in rows]
    )
    for facts in homes.order_by("pk"):
        numbers[facts.household_id] = facts.number
    pins = PersonPin.objects.filter(believed(), person=anchor).order_by("valid_from")
    return {
        "home_columns": [_("Household"), _("Relation"), _("From"), _("Until")],
        "home_rows": [
            [
                {
                    "text": numbers.get(row.household_id) or showing.NOTHING,
                    "href": reverse("aimak:household", args=[row.household.public_id])
                    if row.household.office_id == anchor.office_id
                    else "",
                },
                showing.code("relations", row.relation),
                showing.day(row.valid_from),
                showing.day(row.valid_to),
            ]
            for row in rows
        ],
        "pin_columns": [_("PIN"), _("State"), _("From"), _("Until")],
        "pin_rows": [
            [
                row.pin or showing.NOTHING,
                row.get_status_display(),
                showing.day(row.valid_from),
                showing.day(row.valid_to),
            ]
            for row in pins
        ],
    }
