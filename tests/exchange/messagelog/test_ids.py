"""Record ids grow, whatever the clock does, and name times."""

import pytest
from hypothesis import given, strategies as st

from kerege.exchange.messagelog.ids import (
    EPOCH_MILLISECONDS,
    RecordIds,
    first_id,
)


@given(st.lists(st.integers(0, EPOCH_MILLISECONDS * 2), min_size=1, max_size=50))
def test_ids_grow_whatever_the_clock_says(times: list[int]):
    clock = iter(times)
    ids = RecordIds(lambda: next(clock))
    made = [ids.next() for _ in times]

    assert made == sorted(set(made))
    assert all(0 <= number < 2**63 for number in made)


def test_more_ids_than_fit_into_a_millisecond_borrow_from_the_next():
    ids = RecordIds(lambda: EPOCH_MILLISECONDS + 5, process=3)
    made = [ids.next() for _ in range(5000)]

    assert made == sorted(set(made))
    assert made[4095] < first_id(EPOCH_MILLISECONDS + 6) <= made[4096]


def test_processes_differ():
    one, two = (RecordIds(lambda: EPOCH_MILLISECONDS, process=n) for n in (0, 1023))
    assert not {one.next() for _ in range(9000)} & {two.next() for _ in range(4096)}


@given(st.integers(EPOCH_MILLISECONDS, EPOCH_MILLISECONDS + 2**41 - 2))
def test_the_first_id_of_a_millisecond_divides_before_from_after(now: int):
    assert first_id(now) <= RecordIds(lambda: now).next() < first_id(now + 1)


def test_a_clock_before_the_epoch_still_gives_ids():
    assert RecordIds(lambda: 0, process=0).next() == 1
    assert first_id(0) == 0


@pytest.mark.parametrize("years", [30, 60])
def test_there_are_ids_for_decades(years: int):
    later = EPOCH_MILLISECONDS + years * 365 * 86_400_000
    assert RecordIds(lambda: later).next() < 2**63
