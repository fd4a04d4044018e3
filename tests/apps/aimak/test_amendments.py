"""What is no event: a clerk changes or corrects a fact, and is held to the lists."""

from datetime import date
from typing import Any

import pytest

from kerege.apps.aimak.events import (
    Amendment,
    Correction,
    RefusedError,
    Work,
    perform,
    undo_change,
)
from kerege.apps.aimak.models import (
    HouseholdFacts,
    Livestock,
    Membership,
    PersonFacts,
    Touch,
)
from kerege.apps.aimak.reads import household_card, person_card
from tests.apps.aimak.conftest import Family
from tests.apps.aimak.people import NOON, TODAY

pytestmark = pytest.mark.django_db

DAY = date(2026, 2, 20)


def sheep(family: Family, count: int | None, **more: Any) -> Amendment:
    values = {
        "on": DAY,
        "about": family.household,
        "model": Livestock,
        "key": (family.household.pk, 3, "", ""),
        "values": None if count is None else {"count": count},
        "reason": "spring count",
    }
    return Amendment(**(values | more))


def refused(event: Any, family: Family) -> list[tuple[str, str]]:
    with pytest.raises(RefusedError) as told:
        perform(event, Work(None, family.office, NOON, TODAY))
    return [(one.id, one.field) for one in told.value.problems]


def counts(family: Family, on: date) -> list[int]:
    card = household_card(family.household, on)
    assert card
    return [row.count for row in card.livestock]


def test_sheep_are_counted_sold_and_counted_again(asanovs: Family):
    doing = Work(None, asanovs.office, NOON, TODAY)
    first = perform(sheep(asanovs, 14), doing)
    assert (first.kind, first.event, first.reason) == (
        "change",
        "amendment",
        "spring count",
    )
    perform(sheep(asanovs, None, on=TODAY), doing)
    assert counts(asanovs, DAY) == [14]
    assert counts(asanovs, TODAY) == []


def test_a_slip_is_corrected_for_all_its_days_and_can_be_undone(asanovs: Family):
    row = PersonFacts.objects.get(person=asanovs.aigul)
    correction = Correction(
        on=TODAY,
        about=asanovs.aigul,
        row=row,
        values={"surname": "Асанова-Бекова"},
        reason="misread passport",
    )
    doing = Work(None, asanovs.office, NOON, TODAY)
    by = perform(correction, doing)
    assert by.kind == "correction"
    card = person_card(asanovs.aigul, date(2000, 1, 1))
    assert card
    assert card.person.surname == "Асанова-Бекова"
    undo_change(by, None, asanovs.office, NOON)
    card = person_card(asanovs.aigul, TODAY)
    assert card
    assert (card.person.surname, card.version) == ("Асанова", 1)
    asanovs.aigul.refresh_from_db()
    assert asanovs.aigul.version == 3


def test_a_correction_says_why(asanovs: Family):
    row = PersonFacts.objects.get(person=asanovs.aigul)
    event = Correction(on=TODAY, about=asanovs.aigul, row=row, values={}, reason=" ")
    assert refused(event, asanovs) == [("reason.missing", "reason")]


def test_a_corrected_membership_touches_the_person_and_the_household(
    asanovs: Family,
):
    row = Membership.objects.get(person=asanovs.burul)
    event = Correction(
        on=TODAY,
        about=asanovs.household,
        row=row,
        values={"relation": "parent_in_law"},
        reason="his wife's mother",
    )
    by = perform(event, Work(None, asanovs.office, NOON, TODAY))
    touched = Touch.objects.filter(change=by)
    assert touched.filter(person=asanovs.burul).exists()
    assert touched.filter(household=asanovs.household).exists()


def test_a_row_of_somebody_else_is_not_changed(asanovs: Family):
    other = asanovs.household.pk + 1
    elsewhere = sheep(asanovs, 14, key=(other, 3, "", ""))
    assert refused(elsewhere, asanovs) == [("amendment.other", "")]
    row = HouseholdFacts.objects.get(household=asanovs.household)
    event = Correction(
        on=TODAY, about=asanovs.usen, row=row, values={"house": "1"}, reason="slip"
    )
    assert refused(event, asanovs) == [("amendment.other", "")]


def test_a_code_that_is_in_no_list_is_refused_with_the_list(asanovs: Family):
    event = sheep(asanovs, 4, key=(asanovs.household.pk, 7, "", ""))
    with pytest.raises(RefusedError, match="7 is not in the list"):
        perform(event, Work(None, asanovs.office, NOON, TODAY))
    row = PersonFacts.objects.get(person=asanovs.aigul)
    event = Correction(
        on=TODAY,
        about=asanovs.aigul,
        row=row,
        values={"education": "doctor", "surname": "А" * 101},
        reason="slip",
    )
    assert refused(event, asanovs) == [
        ("code.unknown", "education"),
        ("text.too_long", "surname"),
    ]
