"""Whatever happens to a family, taking it all back leaves the book as it was."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from kerege.apps.aimak.actions import Document
from kerege.apps.aimak.events import (
    Amendment,
    Birth,
    Death,
    Departure,
    Event,
    HouseholdMerge,
    HouseholdSplit,
    Newcomer,
    NewHousehold,
    RefusedError,
    Work,
    perform,
    undo_change,
)
from kerege.apps.aimak.models import (
    Change,
    Household,
    HouseholdFacts,
    Livestock,
    Person,
)
from kerege.apps.aimak.reads import household_card
from kerege.apps.aimak.reads.values import HouseholdCard
from kerege.apps.common.staff.models import Office
from tests.apps.aimak.people import NOON, TODAY, Book, make_office

pytestmark = pytest.mark.django_db

FIRST = date(2026, 1, 1)
SPAN = 6
PAPER = Document("other", "7")
DAYS = [FIRST + timedelta(days=n) for n in range(-1, SPAN + 1)]
NAMES = ["Үсөн", "Айгүл", "Мээрим", "Бурул"]


def family(office: Office) -> tuple[Household, list[Person]]:
    home = Book(office).household("17")
    born = [date(1987, 3, 5), date(1990, 7, 12), date(2004, 1, 20), date(1960, 5, 1)]
    relations = ["head", "spouse", "child", "parent"]
    sexes = ["male", "female", "female", "female"]
    people = [
        Book(office).person(home, f"Асанов {name}", relation, day, pin, sex=sex)
        for name, relation, day, sex, pin in zip(
            NAMES, relations, born, sexes, ["", "", "", ""], strict=True
        )
    ]
    return home, people


def birth(home: Household, people: list[Person], on: date, who: int) -> Event:
    child = Newcomer("Асанов", "Бекзат", "male", on, "Үсөнович")
    mother = people[who]
    return Birth(on=on, document=PAPER, household=home, child=child, mother=mother)


def death(home: Household, people: list[Person], on: date, who: int) -> Event:
    return Death(on=on, document=PAPER, person=people[who])


def departure(home: Household, people: list[Person], on: date, who: int) -> Event:
    leaving = tuple(people[who:])
    return Departure(on=on, document=PAPER, household=home, leaving=leaving)


def count(home: Household, people: list[Person], on: date, who: int) -> Event:
    key = (home.pk, 3, "", "")
    values = {"count": who + 1} if who else None
    return Amendment(on=on, about=home, model=Livestock, key=key, values=values)


def split(home: Household, people: list[Person], on: date, who: int) -> Event:
    return HouseholdSplit(
        on=on,
        document=PAPER,
        household=home,
        new=NewHousehold(f"60-{who}", "41704210830020"),
        relations={people[who].pk: "head"},
    )


def merge(home: Household, people: list[Person], on: date, who: int) -> Event:
    facts = HouseholdFacts.objects.filter(
        number=f"60-{who}", office=home.office, superseded_at=None
    ).last()
    return HouseholdMerge(
        on=on,
        document=PAPER,
        household=facts.household if facts else home,
        into=home,
        relations={person.pk: "other" for person in people},
    )


Make = Callable[[Household, list[Person], date, int], Event]
MAKERS: list[Make] = [birth, death, departure, count, split, merge]
LIFE = st.lists(
    st.tuples(st.sampled_from(MAKERS), st.integers(0, SPAN - 1), st.integers(0, 3)),
    min_size=1,
    max_size=6,
)


def pages(home: Household) -> list[HouseholdCard | None]:
    """The household on every day, without the count of its changes."""
    cards = [household_card(home, day) for day in DAYS]
    return [replace(card, version=0) if card else None for card in cards]


@settings(max_examples=12)
@given(LIFE)
def test_undoing_all_in_reverse_leaves_the_book_as_it_was(
    life: list[tuple[Make, int, int]],
):
    office = Office.objects.filter(code="any").first() or make_office("any")
    Household.objects.all().update(office=make_elsewhere())
    HouseholdFacts.objects.all().update(office=make_elsewhere())
    home, people = family(office)
    doing = Work(None, office, NOON, TODAY, is_confirmed=True)
    before = pages(home)
    done: list[Change] = []
    for make, day, who in life:
        event = make(home, people, FIRST + timedelta(days=day), who)
        try:
            done.append(perform(event, doing))
        except RefusedError:
            continue
    for change in reversed(done):
        undo_change(change, None, office, NOON)
    assert pages(home) == before


def make_elsewhere() -> Office:
    """Earlier examples of the same run are another office's: their numbers are free."""
    return Office.objects.filter(code="before").first() or make_office("before")
