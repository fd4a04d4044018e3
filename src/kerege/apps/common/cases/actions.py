"""Doing something with a case: the only place that changes one."""

from datetime import date, timedelta
from functools import cache

from django.db import transaction
from django.utils import timezone

from kerege.apps.common.audit.record import record
from kerege.apps.common.cases.calendar import Calendar, official
from kerege.apps.common.cases.models import Case, Message, Step
from kerege.apps.common.cases.procedures import PROCEDURES, Procedure
from kerege.apps.common.cases.states import Action, State, after
from kerege.apps.common.staff.models import Office, User

REASONED = frozenset({Action.PAUSE, Action.DECIDE, Action.RETURN, Action.APPEAL})
"""These need a note: somebody will ask why."""
MAX_NOTE_CHARACTERS = 2000
MAX_MESSAGE_CHARACTERS = 4000


class CaseError(Exception):
    """An action cannot be done by this person, now or so; the text says why."""


def open_case(procedure: str, subject: str, *, office: Office, actor: User) -> Case:
    """Begin a draft. Raises: KeyError: there is no such procedure."""
    with transaction.atomic():
        case = Case.objects.create(
            procedure=PROCEDURES[procedure].name,
            subject=subject,
            office=office,
            created_by=actor,
            created_at=timezone.now(),
        )
        record(actor, "open case", case.public_id)
    return case


def do(
    case: Case,
    action: Action,
    actor: User,
    *,
    note: str = "",
    assignee: User | None = None,
    today: date | None = None,
) -> Case:
    """Do one thing with a case, and return it as it is now.

    Raises:
        TransitionError: Its state does not allow that.
        CaseError: A reason or an assignee is missing, the same person may not do both,
            or it is too late for an appeal.
    """
    day = today or timezone.localdate()
    with transaction.atomic():
        now = Case.objects.select_for_update().get(pk=case.pk)
        before = State(now.state)
        now.state = after(before, action)
        _require(now, action, actor, note, day)
        _apply(now, action, actor, assignee)
        _set_clock(now, action, day)
        now.save()
        Step.objects.create(
            case=now,
            at=timezone.now(),
            actor=actor,
            action=action,
            before=before,
            after=now.state,
            note=note,
        )
        record(actor, f"case {action}", now.public_id)
    return now


def write(case: Case, text: str, *, author: User | None) -> Message:
    """Add a message. Raises: CaseError: it is empty or too long."""
    if not text.strip() or len(text) > MAX_MESSAGE_CHARACTERS:
        message = f"A message has 1 to {MAX_MESSAGE_CHARACTERS} characters"
        raise CaseError(message)
    with transaction.atomic():
        record(author, "case message", case.public_id)
        return Message.objects.create(
            case=case, at=timezone.now(), author=author, text=text
        )


def _require(case: Case, action: Action, actor: User, note: str, day: date) -> None:
    if action in REASONED and not note.strip():
        message = f"To {action} a case, say why"
        raise CaseError(message)
    if len(note) > MAX_NOTE_CHARACTERS:
        message = f"A note has at most {MAX_NOTE_CHARACTERS} characters"
        raise CaseError(message)
    if action is Action.CONFIRM and actor.pk == case.decided_by_id:
        raise CaseError("Whoever decided cannot confirm: it takes a second person")
    if action in (Action.BEGIN, Action.DECIDE) and actor.pk != case.assigned_to_id:
        raise CaseError("The case is assigned to somebody else")
    if action is Action.APPEAL and case.ended_on is not None:
        last = case.ended_on + timedelta(days=_procedure(case).appeal_within_days)
        if day > last:
            message = f"The time for an appeal ended on {last:%d.%m.%Y}"
            raise CaseError(message)


def _apply(case: Case, action: Action, actor: User, assignee: User | None) -> None:
    if action is Action.ASSIGN:
        if assignee is None or not assignee.is_active:
            raise CaseError("Say to whom; it must be somebody who works here")
        if case.appeals and assignee.pk in (case.decided_by_id, case.confirmed_by_id):
            raise CaseError(
                "An appeal goes to somebody who had no part in the decision"
            )
        case.assigned_to = assignee
    elif action is Action.DECIDE:
        case.decided_by = actor
    elif action is Action.CONFIRM:
        case.confirmed_by = actor
    elif action is Action.APPEAL:
        case.appeals += 1
        case.assigned_to = None


def _set_clock(case: Case, action: Action, day: date) -> None:
    calendar = _calendar()
    if action is Action.SUBMIT:
        case.due_on = calendar.add(day, _procedure(case).working_days)
    elif action is Action.APPEAL:
        case.due_on = calendar.add(day, _procedure(case).appeal_working_days)
        case.ended_on = None
    elif action is Action.PAUSE and case.due_on is not None:
        case.working_days_left = calendar.between(day, case.due_on)
        case.due_on = None
    elif action is Action.RESUME:
        case.due_on = calendar.add(day, case.working_days_left or 0)
        case.working_days_left = None
    elif action in (Action.CONFIRM, Action.WITHDRAW):
        case.due_on, case.working_days_left, case.ended_on = None, None, day


def _procedure(case: Case) -> Procedure:
    return PROCEDURES[case.procedure]


@cache
def _calendar() -> Calendar:
    return official()
