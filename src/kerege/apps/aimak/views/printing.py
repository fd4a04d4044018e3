"""The household book and lists on paper: a page for each household."""

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.http import require_GET

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import Household, HouseholdFacts
from kerege.apps.aimak.reads import book
from kerege.apps.aimak.reads.values import HouseholdCard
from kerege.apps.aimak.scope import in_scope
from kerege.apps.aimak.views import showing
from kerege.apps.aimak.views.household import card_context
from kerege.apps.common.audit.record import record
from kerege.apps.common.staff.access import StaffRequest, requires
from kerege.apps.common.staff.models import Office
from kerege.apps.common.staff.rights import Right

PAGES = 50
"""Households of one print: about 60 sheets, and a second of work."""
LINES = 200
"""Households of one printed list."""


class RangeForm(forms.Form):
    """From which number of the book to which."""

    first = forms.CharField(
        label=gettext_lazy("From household number"), max_length=20, required=False
    )
    last = forms.CharField(
        label=gettext_lazy("To household number"), max_length=20, required=False
    )


@require_GET
@requires(Right.REGISTER_READ)
def household_book(request: StaffRequest) -> HttpResponse:
    """Show the pages of the household book, to print them."""
    context = _printed(request, "print household book", PAGES)
    return render(request, "aimak/print_book.html", context)


@require_GET
@requires(Right.REGISTER_READ)
def household_list(request: StaffRequest) -> HttpResponse:
    """Show the list of households, to print it."""
    context = _printed(request, "print household list", LINES)
    context["columns"] = [
        _("Number"),
        _("Head of household"),
        _("Address"),
        {"text": _("Members"), "numeric": True},
    ]
    return render(request, "aimak/print_list.html", context)


def _printed(request: StaffRequest, action: str, size: int) -> dict[str, object]:
    """Return one part of the book in the order of its numbers."""
    today = timezone.localdate()
    form = RangeForm(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    rows = as_of(HouseholdFacts.objects.filter(in_scope(request.scope)), today)
    numbers = sorted(rows.values_list("number", "household_id"), key=_by_number)
    first, last = chosen.get("first", ""), chosen.get("last", "")
    wanted = [
        pk
        for number, pk in numbers
        if (not first or _key(number) >= _key(first))
        and (not last or _key(number) <= _key(last))
    ]
    page = Paginator(wanted, size).get_page(request.GET.get("page"))
    found = Household.objects.in_bulk(list(page))
    cards = list(book([found[pk] for pk in page], today))
    record(request.user, action, details={"households": str(len(cards))})
    offices = Office.objects.in_bulk({card.office_id for card in cards})
    return {
        "form": form,
        "page": page,
        "today": today,
        "cards": [_page(card, offices[card.office_id]) for card in cards],
        "rows": [_line(card) for card in cards],
        "office": showing.office(offices[cards[0].office_id]) if cards else "",
    }


def _by_number(row: tuple[str, int]) -> tuple[tuple[int, str], int]:
    return _key(row[0]), row[1]


def _key(number: str) -> tuple[int, str]:
    """Sort ``2`` before ``10``, and ``10a`` after it."""
    digits = ""
    for character in number:
        if not (character.isascii() and character.isdigit()):
            break
        digits += character
    return int(digits or 0), number


def _page(card: HouseholdCard, office: Office) -> dict[str, object]:
    return card_context(card) | {"office": showing.office(office)}


def _line(card: HouseholdCard) -> list[object]:
    head = next((one for one in card.members if one.is_head), None)
    return [
        card.number or showing.NOTHING,
        showing.name(head.person) if head else showing.NOTHING,
        showing.street_line(card.address),
        str(len(card.members)),
    ]
