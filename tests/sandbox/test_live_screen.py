"""The live screen, in the terminals that people have."""

from datetime import UTC

import pytest
from hypothesis import given, strategies as st

from kerege.sandbox.live_parts import duration, milliseconds, rate, sparkline
from kerege.sandbox.live_screen import View, help_page, screen
from kerege.sandbox.live_state import LiveState
from kerege.sandbox.live_text import (
    Span,
    Style,
    ansi,
    cut,
    cut_front,
    line,
    line_width,
    plain,
    width_of,
    wrapped,
)
from tests.sandbox.live_events import BANK, DENIED, FAMILY, NOON, message


def busy(joined=True):
    state = LiveState(NOON, joined=joined)
    for number, code in enumerate(("SS1", "SS2"), 1):
        event = {"event": "ready", "server": f"SERVER:x/GOV/{number}/{code}"}
        state.hear(event, NOON, code)
    for second in range(90):
        for _ in range(second % 5):
            state.hear(message("server", milliseconds=5.0), NOON + second)
            state.hear(message(), NOON + second)
        state.hear(
            message(verdict=DENIED, client=BANK, service=FAMILY, milliseconds=40.0),
            NOON + second,
        )
    state.hear({"event": "time-stamped", "records": 7}, NOON + 80, "SS1")
    state.hear({"event": "ocsp_not_renewed", "level": "warning"}, NOON + 85, "SS2")
    return state.snapshot(NOON + 90)


def shown(snapshot, width, height, **view):
    return [plain(one) for one in screen(snapshot, View(width, height, **view))]


SMALL = """\
 Kerege, live                                          1 min watched   12:01:30
            now/s   1 min  peak     p50     p95     p99  last minute
 asked        4.0     3.0     5   12 ms   39 ms   39 ms  ▅▇▇▆█▅▇▇▆█▅▇▇▆█▅▇▇▆█
 270 messages   2xx 180   3xx 0   4xx 0   5xx 0   fault 90
 ● GOV/1/SS1  up 1 min   time-stamped 10 s ago
 ● GOV/2/SS2  up 1 min   ocsp_not_renewed 12:01:25
Services ─────────────────────────────────────────     /s   total faults     p95
 GOV/70000050/sanaripaymak-service/address-fact       2.0     180      0   12 ms
 GOV/70000050/sanaripaymak-service/family-members     1.0      90     90   39 ms
Who asks ─────────────────────────────────────────     /s   total faults     p95
 GOV/70000001/portal                                  2.0     180      0   12 ms
 COM/60000001/banking                                 1.0      90     90   39 ms
Faults ─────────────────────────────────────────────────────────────────────────
 90× server.serverproxy.access_denied                                 12:01:29
   Ask the provider to grant this client the right to the service, or to this …
Last messages ──────────────────────────────────────────────────────────────────
 12:01:29 no COM/60000001/banking → …vice/family-members  access_denied    40 ms
 12:01:29 ok GOV/70000001/portal → …aripaymak-service/address-fact  200    12 ms
 12:01:29 ok GOV/70000001/portal → …aripaymak-service/address-fact  200    12 ms
 12:01:29 ok GOV/70000001/portal → …aripaymak-service/address-fact  200    12 ms
 12:01:29 ok GOV/70000001/portal → …aripaymak-service/address-fact  200    12 ms
 12:01:28 no COM/60000001/banking → …vice/family-members  access_denied    40 ms
 12:01:28 ok GOV/70000001/portal → …aripaymak-service/address-fact  200    12 ms
 q quit   p pause   s order: rate   h help
"""


def test_on_a_small_terminal_everything_that_matters_is_there():
    assert "\n".join(shown(busy(), 80, 24)) + "\n" == SMALL


def test_on_a_wide_terminal_tables_stand_side_by_side():
    lines = shown(busy(), 140, 40)
    head = next(one for one in lines if one.startswith("Services"))
    assert "Who asks" in head
    assert any("Servers" in one and "Faults" in one for one in lines)
    assert any(one.endswith("200    12 ms, provider  5.0 ms") for one in lines)
    bars = lines[2].rpartition("  ")[2]
    assert len(bars) == 60


def test_a_log_of_one_server_has_two_directions():
    lines = shown(busy(joined=False), 100, 30)
    assert lines[2].startswith(" asked ")
    assert lines[3].startswith(" answered ")
    assert any(" out ok GOV/70000001/portal → " in one for one in lines)
    assert any(" in  ok GOV/70000001/portal → " in one for one in lines)


def test_without_messages_it_says_what_to_do():
    snapshot = LiveState(NOON).snapshot(NOON)
    lines = shown(snapshot, 80, 24, when_empty=(" try this", "   curl"))
    at = next(n for n, one in enumerate(lines) if one.startswith("No messages yet"))
    assert lines[at + 1 : at + 3] == [" try this", "   curl"]
    assert " none" in lines
    assert " none yet" in shown(snapshot, 80, 24)


def test_a_pause_a_note_and_a_missing_keyboard_are_told():
    snapshot = LiveState(NOON).snapshot(NOON)
    assert "PAUSED" in shown(snapshot, 80, 24, is_paused=True)[0]
    assert shown(snapshot, 80, 24, is_paused=True)[-1].startswith(" q quit   p go on")
    last = shown(snapshot, 80, 24, has_keys=False, note="The log has ended")[-1]
    assert last.strip() == "The log has ended"
    state = LiveState(NOON)
    state.strange_line()
    last = shown(state.snapshot(NOON), 80, 24, has_keys=False)[-1]
    assert last.strip() == "1 lines were no events (--log-format json?)"


@given(st.integers(1, 250), st.integers(1, 80), st.booleans(), st.booleans())
def test_any_size_is_filled_exactly(width, height, joined, unicode):
    view = View(width, height, zone=UTC, can_unicode=unicode, note="x" * 300)
    lines = screen(SNAPSHOTS[joined], view)
    assert len(lines) == height
    assert {line_width(one) for one in lines} == {width}
    if not unicode:
        assert all(plain(one).isascii() for one in lines)
    assert len(help_page(["text"] * 100, view)) == height


SNAPSHOTS = {True: busy(), False: busy(joined=False)}


def test_colour_is_left_out_for_those_who_want_none():
    content = line(Span("no", Style.BAD), " and ", Span("name", Style.NAME))
    assert ansi(content, colour=True) == "\x1b[31;1mno\x1b[0m and \x1b[36mname\x1b[0m"
    assert ansi(content, colour=False) == "\x1b[1mno\x1b[0m and name"


def test_wide_and_combining_characters_keep_their_columns():
    assert width_of("ё") == 1
    assert width_of("е\u0308") == 1
    assert width_of("国") == 2
    assert cut("国国国", 4) == "国…"
    assert cut_front("GOV/70000050/portal", 9) == "…0/portal"
    assert cut("short", 9) == "short"


@given(st.text(max_size=30), st.integers(0, 20))
def test_a_cut_text_fits(text, width):
    assert width_of(cut(text, width)) <= width
    assert width_of(cut_front(text, width)) <= width


def test_advice_is_broken_between_words_and_cut_at_the_end():
    assert wrapped("one two three", 7, 5) == ["one two", "three"]
    assert wrapped("one two three four", 7, 2) == ["one two", "three …"]
    assert wrapped("", 7, 2) == []


@pytest.mark.parametrize(
    ("counts", "width", "bars"),
    [
        ([0, 1, 7], 3, "▁▂█"),
        ([0, 0], 5, "▁▁"),
        ([1, 1, 2, 2], 2, "▅█"),
        ([1, 1, 1], 2, "▅█"),
        ([5], 0, ""),
    ],
)
def test_bars_show_something_where_there_is_something(counts, width, bars):
    assert sparkline(counts, width) == bars


def test_numbers_are_short():
    assert [rate(v) for v in (0, 0.01, 0.5, 12.34, 1234.5)] == [
        "0",
        "<0.1",
        "0.5",
        "12.3",
        "1234",
    ]
    assert [milliseconds(v) for v in (None, 0.25, 12.4, 1500, 250_000)] == [
        "-",
        "0.2 ms",
        "12 ms",
        "1.5 s",
        "250 s",
    ]
    assert [duration(v) for v in (-1, 59, 61, 3_660, 90_000)] == [
        "0 s",
        "59 s",
        "1 min",
        "1 h 01 min",
        "1 d 1 h",
    ]
