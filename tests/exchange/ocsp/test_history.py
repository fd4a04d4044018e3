"""What responders did today, kept beside their responses."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from kerege.exchange.ocsp.history import (
    FILE,
    MAX_RESPONDERS,
    SLOW_SECONDS,
    ResponderHistory,
    read_history,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
URL = "http://ocsp.example.kg/"


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def test_questions_are_counted_and_kept(tmp_path):
    history = ResponderHistory(tmp_path / "ocsp", Clock())
    history.note(URL, 0.1, answered=True)
    history.note(URL, SLOW_SECONDS + 1, answered=True)
    history.note(URL, 30.0, answered=False)
    history.save()
    today = read_history(tmp_path / "ocsp")
    assert today is not None
    assert today.day == "2026-11-24"
    day = today.responders[URL]
    assert (day.asked, day.failed, day.slow) == (3, 1, 1)
    assert day.slowest_seconds == 30.0
    assert day.last_failed == "2026-11-24T12:00:00+00:00"


def test_a_restart_goes_on_with_the_same_day(tmp_path):
    for _ in range(2):
        history = ResponderHistory(tmp_path, Clock())
        history.note(URL, 0.1, answered=True)
        history.save()
    today = read_history(tmp_path)
    assert today is not None
    assert today.responders[URL].asked == 2


def test_a_new_day_begins_from_nothing(tmp_path):
    clock = Clock()
    history = ResponderHistory(tmp_path, clock)
    history.note(URL, 9.0, answered=False)
    clock.now += timedelta(days=1)
    history.note(URL, 0.1, answered=True)
    history.save()
    today = read_history(tmp_path)
    assert today is not None
    assert today.day == "2026-11-25"
    assert (today.responders[URL].asked, today.responders[URL].failed) == (1, 0)


def test_addresses_are_bounded(tmp_path):
    history = ResponderHistory(tmp_path, Clock())
    for number in range(MAX_RESPONDERS + 5):
        history.note(f"{URL}{number}", 0.1, answered=True)
    history.save()
    today = read_history(tmp_path)
    assert today is not None
    assert len(today.responders) == MAX_RESPONDERS


def test_nothing_is_written_if_nobody_was_asked(tmp_path):
    ResponderHistory(tmp_path / "ocsp", Clock()).save()
    assert not (tmp_path / "ocsp").exists()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"day": "x"}', json.dumps({"day": "x", "responders": {"a": 1}})],
)
def test_a_file_that_is_damaged_counts_as_none(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    assert read_history(tmp_path) is None
    history = ResponderHistory(tmp_path, Clock())
    history.note(URL, 0.1, answered=True)
    history.save()
    assert read_history(tmp_path) is not None
