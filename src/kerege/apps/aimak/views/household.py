"""The household card: who lives where and with whom, and what they have."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kerege.apps.aimak.reads import household_card
from kerege.apps.aimak.reads.values import HouseholdCard
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.access import may_write, open_household
from kerege.apps.aimak.views.belongings import belongings
from kerege.apps.aimak.views.days import days_of
from kerege.apps.aimak.views.events import FORMS
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.rights import Right


@require_GET
@requires(Right.REGISTER_READ)
def household(request: StaffRequest, public_id: str) -> HttpResponse:
    """Show a household as it is, or as the book had it."""
    anchor = open_household(request, public_id)
    days = days_of(request)
    card = household_card(anchor, days.on, days.known_at)
    context: dict[str, object] = {
        "household": anchor,
        "days": days,
        "card": card,
        "may_write": days.is_now and may_write(request, anchor.office),
        "open_days": not days.is_now or days.form.errors,
        "form": days.form,
    }
    if card is not None:
        context |= card_context(card)
        context["actions"] = [
            (reverse("aimak:event", args=[public_id, kind]), form.TITLE)
            for kind, form in FORMS.items()
        ]
    return render(request, "aimak/household.html", context)


def card_context(card: HouseholdCard) -> dict[str, object]:
    """Return what the card's templates show, in the words of the reader."""
    head = next((one for one in card.members if one.is_head), None)
    passport = card.social_passport
    return {
        "number": card.number or showing.NOTHING,
        "kind": showing.code("household_kinds", card.kind),
        "head": showing.name(head.person) if head else showing.NOTHING,
        "address": showing.whole_address(card.address),
        "since": showing.day(card.since),
        "warnings": [_warning(one) for one in card.warnings],
        "member_columns": [_("Name"), _("Relation"), _("Born"), _("Age"), _("State")],
        "member_rows": _members(card),
        "belongings": belongings(card),
        "passport": passport,
        "passport_category": showing.code("need_categories", passport.category)
        if passport
        else "",
        "passport_income": showing.number(passport.income_per_person)
        if passport
        else "",
        "passport_since": showing.day(passport.since) if passport else "",
    }


def _members(card: HouseholdCard) -> list[list[object]]:
    return [
        [
            {"text": showing.name(one.person), "href": _href(one.person.public_id)},
            showing.NOTHING if one.person.is_hidden else showing.relation(one),
            showing.born(one.person),
            showing.age(one.person, card.on),
            showing.NOTHING if one.person.is_hidden else showing.away(one.away),
        ]
        for one in card.members
    ]


def _href(public_id: str) -> str:
    return reverse("aimak:person", args=[public_id]) if public_id else ""


def _warning(code: str) -> str:
    return {
        "no_head": _("This household has no head."),
        "two_heads": _("This household has two heads."),
        "dead_member": _("Somebody who has died is still a member."),
    }[code]
