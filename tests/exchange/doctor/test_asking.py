"""What the clocks of others say, and what only looks like a wrong clock."""

from datetime import UTC, datetime, timedelta

import pytest

from kerege.exchange.doctor.asking import Asker

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("theirs", "answered_after", "ahead"),
    [
        (0, 0, 0.0),
        (-1, 0, 0.0),  # cut to whole seconds
        (0, 30, 0.0),  # the answer, or this machine, was slow
        (29, 30, 0.0),
        (90, 0, 90.0),
        (90, 30, 60.0),  # at least
        (-300, 0, -299.0),
        (-300, 30, -299.0),
    ],
)
def test_a_clock_is_as_far_apart_as_it_must_be(theirs, answered_after, ahead):
    now = NOON + timedelta(seconds=answered_after)
    asker = Asker(session=None, timeout_seconds=1.0, clock=lambda: now)
    asker.note("somebody", NOON + timedelta(seconds=theirs), NOON)
    assert [r.ahead_seconds for r in asker.readings] == [ahead]
