"""Cases: only what the table allows, a clock of working days, four eyes, an appeal."""

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given, strategies as st

from kerege.apps.common.audit.models import Entry
from kerege.apps.common.cases.actions import CaseError, do, open_case, write
from kerege.apps.common.cases.calendar import Calendar, CalendarError, official
from kerege.apps.common.cases.models import Case
from kerege.apps.common.cases.procedures import PROCEDURES, Procedure, add_procedure
from kerege.apps.common.cases.states import (
    TRANSITIONS,
    Action,
    State,
    TransitionError,
    after,
)
from kerege.apps.common.staff.models import User
from kerege.apps.common.staff.rights import Role
from tests.apps.common.people import office, staff

MONDAY = date(2026, 3, 2)
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@pytest.fixture
def clerks(db: None) -> tuple[User, User, User]:
    first, second = staff("aigul", Role.CLERK), staff("bakyt", Role.CLERK)
    return first, second, staff("cholpon", Role.HEAD)


@pytest.fixture
def case(clerks, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A case of an invented procedure: five working days, three for an appeal."""
    monkeypatch.delitem(PROCEDURES, "test", raising=False)
    add_procedure(Procedure("test", 5, 3, 30, "invented"))
    return open_case("test", "h1", office=office(), actor=clerks[0])


def test_a_case_takes_its_way_and_each_step_is_kept(case: Case, clerks):
    aigul, bakyt, _ = clerks
    case = do(case, Action.SUBMIT, aigul, today=MONDAY)
    assert case.due_on == date(2026, 3, 9)
    case = do(case, Action.ASSIGN, aigul, assignee=aigul)
    case = do(case, Action.BEGIN, aigul)
    case = do(case, Action.DECIDE, aigul, note="granted")
    with pytest.raises(CaseError, match="it takes a second person"):
        do(case, Action.CONFIRM, aigul)
    case = do(case, Action.CONFIRM, bakyt, today=MONDAY)
    assert (case.state, case.due_on) == (State.CONFIRMED, None)
    assert [step.action for step in case.steps.order_by("pk")] == [
        "submit", "assign", "begin", "decide", "confirm",
    ]  # fmt: skip
    assert Entry.objects.filter(subject=case.public_id).count() == 6


def test_the_clock_stands_while_the_office_waits(case: Case, clerks):
    aigul = clerks[0]
    case = do(case, Action.SUBMIT, aigul, today=MONDAY)
    case = do(case, Action.ASSIGN, aigul, assignee=aigul)
    case = do(case, Action.BEGIN, aigul)
    paused = do(case, Action.PAUSE, aigul, note="a paper", today=date(2026, 3, 4))
    assert (paused.due_on, paused.working_days_left) == (None, 3)
    case = do(paused, Action.RESUME, aigul, today=date(2026, 4, 3))
    assert case.due_on == date(2026, 4, 9)  # 7 April is a holiday
    with pytest.raises(CaseError, match="To pause a case, say why"):
        do(case, Action.PAUSE, aigul)


def test_an_appeal_is_decided_by_others_and_in_its_time(case: Case, clerks):
    aigul, bakyt, cholpon = clerks
    Case.objects.update(
        state=State.CONFIRMED, decided_by=aigul, confirmed_by=bakyt, ended_on=MONDAY
    )
    late = MONDAY + timedelta(days=31)
    with pytest.raises(CaseError, match=r"ended on 01\.04\.2026"):
        do(case, Action.APPEAL, aigul, note="wrong", today=late)
    case = do(case, Action.APPEAL, aigul, note="wrong", today=MONDAY)
    assert case.due_on == date(2026, 3, 5)
    for part in (aigul, bakyt):
        with pytest.raises(CaseError, match="had no part in the decision"):
            do(case, Action.ASSIGN, cholpon, assignee=part)
    assert do(case, Action.ASSIGN, cholpon, assignee=cholpon).state == State.ASSIGNED


def test_nobody_decides_the_case_of_another(case: Case, clerks):
    aigul, bakyt, _ = clerks
    case = do(case, Action.SUBMIT, aigul)
    case = do(case, Action.ASSIGN, aigul, assignee=aigul)
    with pytest.raises(CaseError, match="assigned to somebody else"):
        do(case, Action.BEGIN, bakyt)
    case.refresh_from_db()
    assert case.state == State.ASSIGNED


def test_messages_have_an_author_and_a_bound(case: Case, clerks):
    write(case, "Бир кагаз жетишпейт", author=clerks[0])
    write(case, "Алып келдим", author=None)
    assert [m.author_id for m in case.messages.order_by("pk")] == [clerks[0].pk, None]
    with pytest.raises(CaseError, match="1 to 4000 characters"):
        write(case, " ", author=None)


@given(st.lists(st.sampled_from(Action), max_size=30))
def test_whatever_is_tried_a_case_is_confirmed_only_after_a_decision(actions):
    state, seen = State.DRAFT, [State.DRAFT]
    for action in actions:
        try:
            state = after(state, action)
        except TransitionError:
            assert (state, action) not in TRANSITIONS
            continue
        seen.append(state)
    for before, now in itertools.pairwise(seen):
        if now is State.CONFIRMED:
            assert before is State.DECIDED
        assert before is not State.WITHDRAWN


@given(DAYS, st.integers(0, 60))
def test_a_deadline_falls_on_a_working_day_and_counts_back(day: date, number: int):
    calendar = official()
    due = calendar.add(day, number)
    assert calendar.between(day, due) == number
    assert calendar.is_working(due) or number == 0


def test_a_decree_moves_days():
    calendar = Calendar.from_toml(
        '[[single]]\ndate = "2026-03-20"\nname = "Orozo Ait"\nsource = "a decree"\n'
        '[[worked]]\ndate = "2026-03-14"\nsource = "a decree"\n'
    )
    assert not calendar.is_working(date(2026, 3, 20))
    assert calendar.is_working(date(2026, 3, 14))


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        '[[single]]\ndate = "2026-03-20"',
        '[[yearly]]\nday = "02-31"\nname = "x"\nfrom = 1\nsource = "x"',
        "single = 1",
    ],
)
def test_a_calendar_that_cannot_be_is_refused(text: str):
    with pytest.raises(CalendarError, match="The holidays"):
        Calendar.from_toml(text)


@given(st.text())
def test_any_text_is_a_calendar_or_refused(text: str):
    try:
        Calendar.from_toml(text)
    except CalendarError:
        return
