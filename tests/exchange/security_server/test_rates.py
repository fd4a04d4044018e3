"""Token buckets: what any client may send in any time, whatever it tries."""

import multiprocessing
from math import inf, nan

import pytest
from hypothesis import given, strategies as st
from structlog.testing import capture_logs

from kerege.exchange.security_server import shared_rates as module
from kerege.exchange.security_server.rates import Rate, take
from kerege.exchange.security_server.shared_rates import PLACES, SharedRates

rates = st.builds(
    Rate,
    st.floats(0.01, 10_000),
    st.integers(1, 1000),
)
pauses = st.lists(st.one_of(st.just(0.0), st.floats(0, 100)), max_size=200)
starts = st.floats(0, 1e7)


class Bucket:
    """One bucket and its clock."""

    def __init__(self, rate: Rate, now: float) -> None:
        self.rate = rate
        self.now = now
        self.full_at = 0.0

    def passes(self) -> bool:
        return self.wait() == 0

    def wait(self) -> float:
        self.full_at, wait = take(self.rate, self.full_at, self.now)
        return wait


@given(rates, starts, pauses)
def test_in_no_time_more_passes_than_burst_and_rate_allow(rate, start, pauses):
    bucket = Bucket(rate, start)
    passed = []
    for pause in pauses:
        bucket.now += pause
        if bucket.passes():
            passed.append(bucket.now)
    for first, began in enumerate(passed):
        for count, ended in enumerate(passed[first:], 1):
            # What a float of that size cannot hold is not counted.
            allowed = rate.burst + rate.per_second * (ended - began)
            assert count <= allowed + 1e-3 * rate.per_second + 1e-6


@given(rates, starts, st.integers(0, 50))
def test_who_is_no_faster_than_the_rate_is_never_refused(rate, start, count):
    bucket = Bucket(rate, start)
    for number in range(count):
        bucket.now = start + number / rate.per_second
        assert bucket.passes()


@given(rates, starts, pauses)
def test_who_waits_as_long_as_told_passes(rate, start, pauses):
    bucket = Bucket(rate, start)
    for pause in pauses:
        bucket.now += pause
        wait = bucket.wait()
        if wait:
            assert 0 < wait <= 1 / rate.per_second + 1e-3
            bucket.now += wait
            assert bucket.passes()


@given(rates, starts)
def test_after_a_pause_the_whole_burst_passes_and_no_more(rate, start):
    bucket = Bucket(rate, start)
    assert all(bucket.passes() for _ in range(rate.burst))
    assert not bucket.passes()


@given(rates, starts, st.one_of(st.floats(), st.just(nan), st.just(inf)))
def test_no_damaged_number_shuts_a_client_out_for_longer_than_a_burst(
    rate, start, full_at
):
    after, _ = take(rate, full_at, start)
    longest = rate.burst / rate.per_second
    assert start <= after <= start + longest + 1 / rate.per_second + 1e-3


# --- Shared by workers ---


SLOW = Rate(0.001, 10)


def _send(path, count, passed) -> None:
    shared = SharedRates(path)
    passed.put(sum(shared.take(b"client", SLOW) == 0 for _ in range(count)))


def test_all_workers_together_let_one_burst_pass(tmp_path):
    context = multiprocessing.get_context("spawn")
    passed = context.Queue()
    path = tmp_path / "rates.bin"
    workers = [context.Process(target=_send, args=(path, 30, passed)) for _ in range(3)]
    for worker in workers:
        worker.start()
    total = sum(passed.get(timeout=120) for _ in workers)
    for worker in workers:
        worker.join()
    assert total == 10


def test_a_file_that_is_held_by_a_frozen_worker_holds_up_nobody(tmp_path):
    frozen, other = (SharedRates(tmp_path / "rates.bin") for _ in range(2))
    frozen.take(b"client", SLOW)
    assert frozen._lock()
    assert [other.take(b"client", SLOW) for _ in range(9)] == [0] * 9
    assert other.take(b"client", SLOW) > 0


def test_buckets_outlive_a_restart_and_are_full_after_a_boot(tmp_path):
    path = tmp_path / "rates.bin"
    before = SharedRates(path, lambda: 1e6)
    assert [before.take(b"client", SLOW) > 0 for _ in range(11)] == [False] * 10 + [
        True
    ]
    assert SharedRates(path, lambda: 1e6 + 1).take(b"client", SLOW) > 0
    booted = SharedRates(path, lambda: 5.0)
    assert [booted.take(b"client", SLOW) > 0 for _ in range(11)] == [False] * 10 + [
        True
    ]


def test_more_clients_than_places_are_still_limited_each(tmp_path):
    shared = SharedRates(clock=lambda: 100.0)
    one = Rate(0.001, 1)
    first = [shared.take(b"%d" % n, one) for n in range(PLACES // 4)]
    assert set(first) == {0.0}
    again = [shared.take(b"%d" % n, one) > 0 for n in range(PLACES // 4)]
    assert sum(again) > 0.99 * len(again)
    crowd = [shared.take(b"crowd %d" % n, one) for n in range(3 * PLACES)]
    assert set(crowd) == {0.0}  # nobody is refused for what others send


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    with capture_logs() as logs:
        shared = SharedRates(tmp_path / "missing" / "rates.bin")
        assert shared.take(b"client", Rate(0.001, 1)) == 0
        assert shared.take(b"client", Rate(0.001, 1)) > 0
    assert [(line["event"], line["reason"]) for line in logs] == [
        ("rates not shared", "No such file or directory")
    ]


def test_without_limits_there_is_no_file(tmp_path):
    SharedRates(tmp_path / "rates.bin")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, module.PLACES])
def test_a_file_that_was_cut_is_made_whole(tmp_path, size):
    path = tmp_path / "rates.bin"
    path.write_bytes(b"\xff" * size)
    shared = SharedRates(path)
    waits = [shared.take(b"client", SLOW) for _ in range(11)]
    assert waits[-1] > 0
