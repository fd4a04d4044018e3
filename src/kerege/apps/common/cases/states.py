"""The states of a case: one table. What is not in it cannot happen.

    draft → submitted → assigned → working ⇄ paused
    working → decided (by one) → confirmed (by another)
    confirmed → appealed → assigned again

An e-service or a queue adds none of these: it has its own fields, and a `Procedure` with
its deadline. A state that only one system needs is a field of that system.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a case is."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    ASSIGNED = "assigned"
    WORKING = "working"
    PAUSED = "paused"
    """Waits for the person; the clock stands."""
    DECIDED = "decided"
    """By one; it takes another to confirm."""
    CONFIRMED = "confirmed"
    APPEALED = "appealed"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    """What somebody does with a case."""

    SUBMIT = "submit"
    ASSIGN = "assign"
    BEGIN = "begin"
    PAUSE = "pause"
    RESUME = "resume"
    DECIDE = "decide"
    RETURN = "return"
    """The second pair of eyes disagrees."""
    CONFIRM = "confirm"
    APPEAL = "appeal"
    WITHDRAW = "withdraw"


TRANSITIONS: dict[tuple[State, Action], State] = {
    (State.DRAFT, Action.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Action.ASSIGN): State.ASSIGNED,
    (State.ASSIGNED, Action.ASSIGN): State.ASSIGNED,
    (State.ASSIGNED, Action.BEGIN): State.WORKING,
    (State.WORKING, Action.ASSIGN): State.ASSIGNED,
    (State.WORKING, Action.PAUSE): State.PAUSED,
    (State.PAUSED, Action.RESUME): State.WORKING,
    (State.WORKING, Action.DECIDE): State.DECIDED,
    (State.DECIDED, Action.RETURN): State.WORKING,
    (State.DECIDED, Action.CONFIRM): State.CONFIRMED,
    (State.CONFIRMED, Action.APPEAL): State.APPEALED,
    (State.APPEALED, Action.ASSIGN): State.ASSIGNED,
    (State.DRAFT, Action.WITHDRAW): State.WITHDRAWN,
    (State.SUBMITTED, Action.WITHDRAW): State.WITHDRAWN,
    (State.ASSIGNED, Action.WITHDRAW): State.WITHDRAWN,
    (State.WORKING, Action.WITHDRAW): State.WITHDRAWN,
    (State.PAUSED, Action.WITHDRAW): State.WITHDRAWN,
}

CLOCK_RUNS = frozenset(
    {State.SUBMITTED, State.ASSIGNED, State.WORKING, State.DECIDED, State.APPEALED}
)
"""In these the office has the case, and the deadline comes nearer."""


class TransitionError(Exception):
    """An action cannot be done in this state."""

    def __init__(self, state: State, action: Action) -> None:
        super().__init__(f"A case that is {state} cannot {action}")
        self.state = state
        self.action = action


def after(state: State, action: Action) -> State:
    """Return the state that follows.

    Raises:
        TransitionError: There is none.
    """
    try:
        return TRANSITIONS[state, action]
    except KeyError as error:
        raise TransitionError(state, action) from error
