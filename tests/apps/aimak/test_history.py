"""The book keeps its history, whatever is done to it and in whatever order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings, strategies as st

from kerege.apps.aimak.history import (
    DaysError,
    HistoryError,
    OverlapError,
    StaleRowError,
    as_of,
    change,
    correct,
    end,
    remove,
)
from kerege.apps.aimak.models import Change, ChangeKind, Person, PersonFacts
from kerege.apps.aimak.undo import AlreadyUndoneError, LaterChangeError, undo
from kerege.apps.common.staff.models import Office
from tests.apps.aimak.people import begin, make_office

pytestmark = pytest.mark.django_db

FIRST = date(2020, 1, 1)
SPAN = 8
"""Days that the naive model looks at; the one before stands for all before."""
COLUMNS = ("surname", "occupation")


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


@pytest.fixture
def karool() -> Office:
    return make_office("karool")


@pytest.fixture
def aigul(karool: Office) -> Person:
    return Person.objects.create(office=karool)


def surname_on(
    person: Person, when: date, known_at: datetime | None = None
) -> str | None:
    rows = as_of(PersonFacts.objects.filter(person=person), when, known_at)
    found = rows.values_list("surname", flat=True)
    return found.get() if found else None


def test_aigul_marries_and_the_book_knows_both_names(karool: Office, aigul: Person):
    born = begin(karool)
    change(PersonFacts, (aigul.pk,), {"surname": "Асанова"}, FIRST, born)
    wedding = begin(karool)
    change(PersonFacts, (aigul.pk,), {"surname": "Бекова"}, day(5), wedding)
    assert surname_on(aigul, day(4)) == "Асанова"
    assert surname_on(aigul, day(5)) == "Бекова"
    assert surname_on(aigul, day(5), born.recorded_at) == "Асанова"
    assert surname_on(aigul, day(-1)) is None


def test_a_correction_is_for_the_same_days_and_told_from_a_change(
    karool: Office, aigul: Person
):
    wrong = begin(karool)
    change(PersonFacts, (aigul.pk,), {"surname": "Асонова"}, FIRST, wrong)
    row = PersonFacts.objects.get()
    right = begin(karool, ChangeKind.CORRECTION, reason="misread passport")
    correct(row, {"surname": "Асанова"}, right)
    assert surname_on(aigul, FIRST) == "Асанова"
    assert surname_on(aigul, FIRST, wrong.recorded_at) == "Асонова"
    assert PersonFacts.objects.get(superseded_at=None).change.kind == "correction"
    with pytest.raises(StaleRowError, match="changed by somebody else"):
        correct(row, {"surname": "Асанкызы"}, begin(karool, ChangeKind.CORRECTION))


def test_what_is_entered_late_is_carried_on_to_later_days(
    karool: Office, aigul: Person
):
    key = (aigul.pk,)
    change(PersonFacts, key, {"surname": "Асанова"}, FIRST, begin(karool))
    change(PersonFacts, key, {"surname": "Бекова"}, day(5), begin(karool))
    late = {"surname": "Осмонова", "occupation": "teacher"}
    change(PersonFacts, key, late, day(2), begin(karool))
    now = PersonFacts.objects.filter(superseded_at=None).order_by("valid_from")
    assert list(now.values_list("surname", "occupation")) == [
        ("Асанова", ""),
        ("Осмонова", "teacher"),
        ("Бекова", "teacher"),
    ]


def test_what_is_entered_late_is_not_carried_over_years_that_the_book_does_not_know(
    karool: Office, aigul: Person
):
    key = (aigul.pk,)
    change(PersonFacts, key, {"surname": "Асанова"}, FIRST, begin(karool))
    end(PersonFacts, key, day(3), begin(karool))
    change(PersonFacts, key, {"surname": "Асанова"}, day(5), begin(karool))
    change(PersonFacts, key, {"surname": "Осмонова"}, day(1), begin(karool))
    assert surname_on(aigul, day(2)) == "Осмонова"
    assert surname_on(aigul, day(3)) is None
    assert surname_on(aigul, day(5)) == "Асанова"


def test_corrected_days_may_not_overlap_or_run_backwards(karool: Office, aigul: Person):
    change(PersonFacts, (aigul.pk,), {"surname": "Асанова"}, FIRST, begin(karool))
    change(PersonFacts, (aigul.pk,), {"surname": "Бекова"}, day(5), begin(karool))
    first = PersonFacts.objects.get(superseded_at=None, valid_to=day(5))
    by = begin(karool, ChangeKind.CORRECTION)
    with pytest.raises(OverlapError, match="two rows would hold on the same day"):
        correct(first, {"valid_to": day(6)}, by)
    with pytest.raises(DaysError, match="is not after the first"):
        correct(first, {"valid_to": FIRST}, by)
    correct(first, {"valid_to": day(3)}, by)
    assert surname_on(aigul, day(3)) is None


def test_an_undo_is_refused_when_somebody_has_built_on_it(
    karool: Office, aigul: Person
):
    change(PersonFacts, (aigul.pk,), {"surname": "Асанова"}, FIRST, begin(karool))
    wedding = begin(karool, ChangeKind.EVENT, event="marriage")
    change(PersonFacts, (aigul.pk,), {"surname": "Бекова"}, day(5), wedding)
    job = begin(karool, event="occupation")
    change(PersonFacts, (aigul.pk,), {"occupation": "teacher"}, day(6), job)
    with (
        pytest.raises(LaterChangeError, match="change occupation") as refused,
        transaction.atomic(),
    ):
        undo(wedding, begin(karool, ChangeKind.UNDO, undoes=wedding))
    assert refused.value.later == [job]
    assert refused.value.rows == [("PersonFacts", (aigul.pk,))]
    undo(job, begin(karool, ChangeKind.UNDO, undoes=job))
    with pytest.raises(AlreadyUndoneError), transaction.atomic():
        undo(job, begin(karool, ChangeKind.UNDO, undoes=job))
    undo(wedding, begin(karool, ChangeKind.UNDO, undoes=wedding))
    assert surname_on(aigul, day(6)) == "Асанова", "the way is free, last one first"


def test_an_undo_says_what_it_undoes(karool: Office):
    some = begin(karool)
    with pytest.raises(HistoryError, match="names what it undoes"):
        undo(some, begin(karool, ChangeKind.UNDO))


@dataclass
class Naive:
    """What the book should say: for every day a row of values, or nothing."""

    days: dict[int, dict[str, str] | None] = field(
        default_factory=lambda: dict.fromkeys(range(-1, SPAN))
    )
    snapshots: list[tuple[datetime, dict[int, Any]]] = field(default_factory=list)
    effects: dict[int, dict[int, Any]] = field(default_factory=dict)
    """By change: the days that it altered, and what was there before."""

    def change(self, start: int, column: str, value: str) -> None:
        row = self.days[start]
        if row is None:
            for number in range(start, SPAN):
                if self.days[number] is not None:
                    return
                self.days[number] = dict.fromkeys(COLUMNS, "") | {column: value}
            return
        old = row[column]
        for number in range(start, SPAN):
            at = self.days[number]
            if at is None or at[column] != old:
                return
            self.days[number] = at | {column: value}

    def end(self, start: int) -> None:
        for number in range(start, SPAN):
            self.days[number] = None


def row_days(row: PersonFacts) -> list[int]:
    since = -1 if row.valid_from is None else (row.valid_from - FIRST).days
    until = SPAN if row.valid_to is None else (row.valid_to - FIRST).days
    return [number for number in range(since, until) if number < SPAN]


STEPS = st.one_of(
    st.tuples(
        st.just("change"),
        st.integers(-1, SPAN - 1),
        st.sampled_from(COLUMNS),
        st.sampled_from(["а", "б", "в"]),
    ),
    st.tuples(st.just("end"), st.integers(0, SPAN - 1)),
    st.tuples(
        st.just("correct"),
        st.integers(0, 9),
        st.sampled_from(COLUMNS),
        st.sampled_from(["г", "д"]),
    ),
    st.tuples(st.just("remove"), st.integers(0, 9)),
    st.tuples(st.just("undo"), st.integers(0, 9)),
)


@dataclass
class Clerk:
    """Does each step in the book and in the naive model."""

    office: Office
    person: Person
    naive: Naive = field(default_factory=Naive)
    changes: list[Change] = field(default_factory=list)

    def do(self, name: str, *words: Any) -> None:
        before = dict(self.naive.days)
        step: Callable[..., Change | None] = getattr(self, name)
        by = step(*words)
        if by is None:
            return
        self.naive.effects[by.pk] = {
            number: before[number]
            for number in before
            if before[number] != self.naive.days[number]
        }
        self.changes.append(by)
        self.naive.snapshots.append((by.recorded_at, dict(self.naive.days)))

    def current(self) -> list[PersonFacts]:
        rows = PersonFacts.objects.filter(person=self.person, superseded_at=None)
        return sorted(rows, key=lambda row: row.valid_from or date.min)

    def change(self, start: int, column: str, value: str) -> Change:
        by = begin(self.office)
        since = None if start < 0 else day(start)
        change(PersonFacts, (self.person.pk,), {column: value}, since, by)
        self.naive.change(start, column, value)
        return by

    def end(self, start: int) -> Change:
        by = begin(self.office)
        end(PersonFacts, (self.person.pk,), day(start), by)
        self.naive.end(start)
        return by

    def correct(self, which: int, column: str, value: str) -> Change | None:
        rows = self.current()
        if not rows:
            return None
        row = rows[which % len(rows)]
        by = begin(self.office, ChangeKind.CORRECTION)
        correct(row, {column: value}, by)
        for number in row_days(row):
            self.naive.days[number] = (self.naive.days[number] or {}) | {column: value}
        return by

    def remove(self, which: int) -> Change | None:
        rows = self.current()
        if not rows:
            return None
        row = rows[which % len(rows)]
        by = begin(self.office, ChangeKind.CORRECTION)
        remove(row, by)
        for number in row_days(row):
            self.naive.days[number] = None
        return by

    def undo(self, which: int) -> Change | None:
        if not self.changes:
            return None
        wrong = self.changes[-1 - which % len(self.changes)]
        was_undone = wrong.undone_by.exists()
        try:
            with transaction.atomic():
                by = begin(self.office, ChangeKind.UNDO, undoes=wrong)
                undo(wrong, by)
        except (AlreadyUndoneError, LaterChangeError, OverlapError):
            assert was_undone or wrong != self.changes[-1], "nothing stood in its way"
            return None
        self.naive.days |= self.naive.effects[wrong.pk]
        return by

    def check(self) -> None:
        rows = PersonFacts.objects.filter(person=self.person)
        assert rows.filter(superseded_at=None, valid_to=None).count() <= 1
        for known_at, days in [*self.naive.snapshots, (None, self.naive.days)]:
            for number, expected in days.items():
                found = as_of(rows, day(number), known_at).values(*COLUMNS)
                assert list(found) == ([expected] if expected else [])


@settings(max_examples=40)
@given(st.lists(STEPS, min_size=1, max_size=10))
def test_any_sequence_of_steps_is_what_a_naive_book_says(steps: list[tuple[Any, ...]]):
    office = Office.objects.filter(code="any").first() or make_office("any")
    clerk = Clerk(office, Person.objects.create(office=office))
    for step in steps:
        clerk.do(*step)
    clerk.check()
