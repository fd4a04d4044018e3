"""The live view: one line per message, both sides joined, nobody named."""

from datetime import UTC, datetime

from kerege.sandbox.live import LiveView

CLIENT = "SUBSYSTEM:central-server/GOV/70000001/portal"
SERVICE = "SERVICE:central-server/GOV/70000050/sanaripaymak-service/address-fact"


def event(side, verdict="200", request_id="r1", milliseconds=12.4):
    return {
        "event": "message",
        "side": side,
        "client": CLIENT,
        "service": SERVICE,
        "verdict": verdict,
        "milliseconds": milliseconds,
        "request_id": request_id,
    }


def view():
    lines = []
    return LiveView(lines.append, lambda: datetime(2026, 1, 1, 12, tzinfo=UTC)), lines


def test_the_provider_s_time_is_shown_behind_the_consumer_s():
    live, lines = view()
    live.hear(event("server", milliseconds=5.0))
    live.hear(event("client"))
    assert lines == [
        (
            "12:00:00 ok  GOV/70000001/portal → "
            "GOV/70000050/sanaripaymak-service/address-fact  200  12 ms, provider 5 ms"
        )
    ]


def test_a_fault_is_marked():
    live, lines = view()
    live.hear(event("client", verdict="server.serverproxy.access_denied"))
    assert " no  " in lines[0]
    assert lines[0].endswith("server.serverproxy.access_denied  12 ms")


def test_other_events_are_not_messages():
    live, lines = view()
    live.hear({"event": "ready"})
    live.hear({})
    assert (lines, live.messages) == ([], 0)


def test_what_never_comes_is_forgotten():
    live, _ = view()
    for number in range(3000):
        live.hear(event("server", request_id=str(number)))
    assert len(live._provider_ms) == 1000
