"""What is behind the live screen: right in numbers, bounded whatever comes, and mute."""

import json
from collections import Counter

import pytest
from hypothesis import given, strategies as st

from kerege.sandbox import live_state as module
from kerege.sandbox.live_state import LiveState, short_name, text_of
from kerege.sandbox.live_values import Sort
from kerege.sandbox.live_windows import Window, bucket_of, percentile
from tests.sandbox.live_events import BANK, DENIED, FACT, FAMILY, NOON, PORTAL, message


def heard(*events, joined=False, now=NOON):
    state = LiveState(NOON, joined=joined)
    for event in events:
        state.hear(event, now)
    return state.snapshot(now)


def flow(snapshot, name):
    return next(flow for flow in snapshot.flows if flow.name == name)


def test_both_sides_of_one_server_are_counted_apart():
    snapshot = heard(message(), message("server"), message("server", DENIED))
    assert flow(snapshot, "client").total == 1
    answered = flow(snapshot, "server")
    assert (answered.total, answered.refused) == (2, 1)
    assert dict(snapshot.verdicts) == {
        "2xx": 2,
        "3xx": 0,
        "4xx": 0,
        "5xx": 0,
        "fault": 1,
    }


def test_in_the_demo_both_sides_are_one_message():
    snapshot = heard(
        message("server", milliseconds=5.0), message(milliseconds=9.0), joined=True
    )
    assert [one.name for one in snapshot.flows] == ["client"]
    (passed,) = snapshot.last
    assert (passed.milliseconds, passed.provider_milliseconds) == (9.0, 5.0)
    assert snapshot.services[0].total == 1


def test_services_and_clients_have_their_own_numbers():
    snapshot = heard(
        message(),
        message(milliseconds=80.0),
        message(verdict=DENIED, client=BANK, service=FAMILY),
        message(verdict="404"),
    )
    services = {row.name: (row.total, row.refused) for row in snapshot.services}
    assert services == {
        "GOV/70000050/sanaripaymak-service/address-fact": (3, 0),
        "GOV/70000050/sanaripaymak-service/family-members": (1, 1),
    }
    clients = {row.name: (row.total, row.refused) for row in snapshot.clients}
    assert clients == {"GOV/70000001/portal": (3, 0), "COM/60000001/banking": (1, 1)}
    assert [one.is_good for one in snapshot.last] == [False, False, True, True]


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        (Sort.TOTAL, "a"),
        (Sort.RATE, "a"),
        (Sort.REFUSED, "b"),
        (Sort.SLOW, "c"),
    ],
)
def test_rows_are_in_the_order_that_is_asked_for(sort, first):
    state = LiveState(NOON)
    for code, verdict, took in (
        *[("a", "200", 1.0)] * 3,
        ("b", DENIED, 1.0),
        ("c", "200", 900.0),
    ):
        name = f"SERVICE:x/GOV/1/{code}"
        state.hear(message(verdict=verdict, milliseconds=took, service=name), NOON)
    assert state.snapshot(NOON, sort).services[0].name == f"GOV/1/{first}"


def test_every_order_comes_in_turn():
    order = [Sort.RATE]
    for _ in Sort:
        order.append(order[-1].following())
    assert order == [*Sort, Sort.RATE]


def test_a_fault_comes_with_what_to_do():
    snapshot = heard(message(verdict=DENIED), message(verdict=DENIED))
    (fault,) = snapshot.faults
    assert (fault.code, fault.count) == (DENIED, 2)
    assert fault.advice.startswith("Ask the provider to grant this client the right")


def test_a_server_tells_how_it_is():
    state = LiveState(NOON)
    state.hear({"event": "ready", "server": "SERVER:x/GOV/1/SS1"}, NOON, "SS1")
    state.hear({"event": "time-stamped", "records": 7}, NOON + 5, "SS1")
    state.hear({"event": "ocsp_not_renewed", "level": "warning"}, NOON + 6, "SS1")
    state.hear({"event": "message failed", "level": "warning"}, NOON + 7, "SS1")
    (server,) = state.snapshot(NOON + 8).servers
    assert (server.name, server.status, server.since) == ("GOV/1/SS1", "up", NOON)
    assert (server.stamped_at, server.stamped_records) == (NOON + 5, 7)
    assert (server.trouble, server.troubles) == ("ocsp_not_renewed", 1)
    state.hear({"event": "stopped"}, NOON + 9, "SS1")
    state.hear({"event": "process ended", "level": "error"}, NOON + 9, "SS1")
    assert state.snapshot(NOON + 9).servers[0].status == "stopped"


def test_a_server_that_falls_over_is_seen():
    state = LiveState(NOON)
    state.hear({"event": "ready", "server": "SERVER:x/GOV/1/SS1"}, NOON, "SS1")
    state.hear({"event": "process ended", "level": "error"}, NOON + 9, "SS1")
    assert state.snapshot(NOON + 9).servers[0].status == "ended"


def test_a_server_without_its_keys_is_not_simply_up():
    state = LiveState(NOON)
    status = []
    for event in ("not logged in", "ready", "logged in", "logged out", "stopped"):
        state.hear({"event": event}, NOON)
        status.append(state.snapshot(NOON).servers[0].status)
    assert status == ["", "not logged in", "up", "not logged in", "stopped"]


def test_an_old_log_does_not_look_like_traffic_of_now():
    old = message(timestamp="2026-01-01T11:00:00Z")
    snapshot = heard(*[old] * 50, message(timestamp="2026-01-01T11:59:59.5Z"))
    asked = flow(snapshot, "client")
    assert asked.total == 51
    assert sum(asked.seconds) == 1
    assert snapshot.last[-1].at == NOON - 3600


@pytest.mark.parametrize("stamp", ["9999-01-01T00:00:00Z", "no time", "12:00", 5, None])
def test_a_time_that_cannot_be_is_now(stamp):
    assert heard(message(timestamp=stamp)).last[0].at == NOON


def test_rates_fall_when_messages_end_and_the_peak_stays():
    state = LiveState(NOON)
    for second in range(10):
        for _ in range(4):
            state.hear(message(), NOON + second)
    then = flow(state.snapshot(NOON + 10), "client")
    assert (then.now, then.minute, then.peak) == (4.0, 4.0, 4)
    later = flow(state.snapshot(NOON + 120), "client")
    assert (later.now, later.minute, later.peak, later.total) == (0, 0, 4, 40)
    assert later.percentiles == (None, None, None)


def test_nothing_behind_the_service_code_and_nothing_a_terminal_obeys_is_kept():
    pin = "20101196379439"
    snapshot = heard(
        message(service=f"{FACT}/{pin}?name=Ainura", client=f"{PORTAL}\x1b[2J\n\u202e"),
        message(verdict=f"\x1b]0;title\x07{DENIED}"),
        {"event": "x\x1b[31m", "level": "error", "path": pin, "reason": pin},
    )
    shown = repr(snapshot)
    assert pin not in shown
    assert "Ainura" not in shown
    assert not any(c in shown for c in "\x1b\n\x07\u202e")
    assert "\\x1b" not in shown


def test_names_without_type_or_codes_are_shown_as_they_are():
    assert short_name("odd") == "odd"
    assert short_name(None) == "?"
    assert short_name("SERVICE:a/b/c/d/e/f/g") == "b/c/d/e"
    assert text_of({"a": "b"}) == ""
    assert len(text_of("x" * 1000)) == 120


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
ODD = (
    LEAVES
    | st.lists(LEAVES, max_size=2)
    | st.dictionaries(st.text(), LEAVES, max_size=2)
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(["message", "ready", "time-stamped"]) | ODD,
        "side": st.sampled_from(["client", "server"]) | ODD,
        "verdict": st.sampled_from(["200", "404", DENIED, "٢٠٠", "12"]) | ODD,
        "client": st.integers(0, 400).map(lambda n: f"M:x/{n}") | ODD,
        "service": st.integers(0, 400).map(lambda n: f"S:x/{n}") | ODD,
        "milliseconds": st.floats(0, 1e9) | ODD,
        "request_id": st.text(max_size=3) | ODD,
        "timestamp": st.text(max_size=30) | ODD,
        "level": st.sampled_from(["info", "warning"]) | ODD,
        "records": ODD,
        "server": ODD,
    },
)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 200)), max_size=15), st.booleans())
def test_any_event_is_taken_and_every_message_counted_once(events, joined):
    state = LiveState(NOON, joined=joined)
    now = NOON
    for event, passed in events:
        now += passed
        state.hear(event, now)
    snapshot = state.snapshot(now)
    taken = [
        event
        for event, _ in events
        if event.get("event") == "message"
        and not (joined and event.get("side") == "server")
    ]
    assert sum(one.total for one in snapshot.flows) == len(taken)
    assert sum(row.total for row in snapshot.services) == len(taken)
    assert sum(row.refused for row in snapshot.clients) == sum(
        fault.count for fault in snapshot.faults
    )
    for one in snapshot.flows:
        assert sum(one.seconds) <= one.total
        assert one.refused <= one.total
    assert all(row.rate >= 0 for row in snapshot.services)


def test_memory_is_bounded_whatever_a_log_brings():
    state = LiveState(NOON, joined=True)
    for number in range(5000):
        name = f"x/GOV/{number}/s"
        state.hear(message("server", request_id=str(number)), NOON + number)
        state.hear(
            message(client="M:" + name, service="S:" + name, verdict=f"a.b{number}"),
            NOON + number,
        )
        state.hear({"event": f"odd {number}", "level": "error"}, NOON, f"SS{number}")
    snapshot = state.snapshot(NOON + 5000)
    assert len(snapshot.services) == len(snapshot.clients) == module.MAX_ROWS
    assert len(snapshot.faults) == module.MAX_FAULTS
    assert len(snapshot.last) == module.MAX_LAST
    assert len(snapshot.servers) == module.MAX_SERVERS
    assert len(state._provider_ms) == module.WAITING
    newest = {row.name for row in snapshot.services}
    assert "GOV/4999/s" in newest
    assert "GOV/4000/s" not in newest


@given(st.lists(st.floats(0.2, 1e6), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_percentile_is_right_to_five_percent(durations, share):
    buckets = Counter(map(bucket_of, durations))
    exact = sorted(durations)[max(0, -int(-share * len(durations) // 1) - 1)]
    assert percentile(buckets, share) == pytest.approx(exact, rel=0.051)


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 1e9)), max_size=50))
def test_a_window_holds_a_minute_and_no_more(moments):
    window = Window()
    for at, took in moments:
        window.add(at, took)
    newest = max((int(at) for at, _ in moments), default=0)
    inside = [at for at, _ in moments if int(at) >= newest - 60]
    # What came late, after something newer, may have been too old when it came.
    assert window.count(newest) == len(inside)
    assert window.durations(newest).total() == len(inside)
    assert len(window._slots) <= 61


def test_a_snapshot_can_be_written_down():
    snapshot = heard(message(), message(verdict=DENIED))
    assert json.dumps(repr(snapshot))
