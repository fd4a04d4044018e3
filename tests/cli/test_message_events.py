"""The events of passed messages: lines like all others, many in one write."""

import asyncio
import json
import os

import pytest

from kerege.cli import message_events as module
from kerege.cli.logs import LogFormat, LogLevel
from kerege.cli.message_events import MessageEvents, message_events
from kerege.exchange.security_server.runtime import Exchange
from kerege.exchange.supervisor.lines import LOST_LINES, PIPE_BUF, Lines

PASSED = Exchange("client", "SUBSYSTEM:a/b/c/d", "SERVICE:a/b/e/f/g", "200", 12.345)
REFUSED = Exchange(
    "server", "SUBSYSTEM:a/b/c/d", "", "server.x", 1, fault_detail="an id"
)


class Counted(Lines):
    """Lines that remember their writes."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self.writes: list[str] = []
        self.written = asyncio.Event()

    def write(self, line: str, count: int = 1) -> None:
        self.writes.append(line)
        self.written.set()
        super().write(line, count)


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


async def test_events_that_come_together_are_written_together(pipe):
    reading, writing = pipe
    lines = Counted(writing)
    events = MessageEvents(lines, worker=2)
    events.hear(PASSED)
    events.hear(REFUSED)
    assert lines.writes == []
    await lines.written.wait()
    assert len(lines.writes) == 1
    first, second = map(json.loads, os.read(reading, 10_000).splitlines())
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "level": "info",
        "event": "message",
        "side": "client",
        "client": "SUBSYSTEM:a/b/c/d",
        "service": "SERVICE:a/b/e/f/g",
        "verdict": "200",
        "milliseconds": 12.3,
        "request_id": "",
        "worker": 2,
    }
    assert second["detail"] == "an id"


async def test_a_write_never_holds_more_than_a_pipe_takes_whole(pipe):
    reading, writing = pipe
    lines = Counted(writing)
    events = MessageEvents(lines, worker=1)
    for _ in range(100):
        events.hear(PASSED)
    events.flush()
    assert len(os.read(reading, 100_000).splitlines()) == 100
    assert all(len(text) < PIPE_BUF for text in lines.writes)
    assert 1 < len(lines.writes) < 20


async def test_a_write_leaves_room_for_the_count_of_lost_lines(pipe):
    lines = Counted(pipe[1])
    events = MessageEvents(lines, worker=1)
    together = set()
    for length in range(1750, 1900):
        lines.writes.clear()
        for _ in range(2):
            events.hear(PASSED._replace(request_id="x" * length))
        events.flush()
        os.read(pipe[0], 100_000)
        together.add(len(lines.writes))
        for text in lines.writes:
            assert len("\n" + LOST_LINES % 10**9 + text + "\n") <= PIPE_BUF
    assert together == {1, 2}


async def test_an_event_that_cannot_be_written_keeps_no_later_one_waiting(pipe):
    events = MessageEvents(Lines(pipe[1]), worker=1)
    events.hear(PASSED._replace(request_id=object()))
    with pytest.raises(TypeError, match="not JSON serializable"):
        events.flush()
    events.hear(PASSED)
    events.flush()
    (line,) = os.read(pipe[0], 10_000).splitlines()
    assert json.loads(line)["request_id"] == ""


async def test_no_field_gets_through_whose_name_is_forbidden_in_logs(pipe, monkeypatch):
    fields = module._fields

    def with_a_path(exchange):
        return {**fields(exchange), "path": "/people/20101199012345"}

    monkeypatch.setattr(module, "_fields", with_a_path)
    events = MessageEvents(Lines(pipe[1]), worker=1)
    events.hear(PASSED)
    events.flush()
    (line,) = os.read(pipe[0], 10_000).splitlines()
    assert json.loads(line)["service"] == PASSED.service
    assert b"20101199012345" not in line


async def test_lost_events_are_counted_one_by_one(pipe):
    reading, writing = pipe
    os.set_blocking(writing, False)
    filled = os.write(writing, b"x" * 2**16)
    events = MessageEvents(Lines(writing), worker=1)
    for _ in range(3):
        events.hear(PASSED)
    events.flush()
    os.read(reading, filled)
    events.hear(PASSED)
    events.flush()
    lost, passed = map(json.loads, os.read(reading, 10_000).splitlines())
    assert (lost["event"], lost["count"]) == ("lines lost", 3)
    assert passed["event"] == "message"


async def test_with_a_higher_level_nothing_is_written(pipe):
    _, writing = pipe
    hear, flush = message_events(LogFormat.JSON, LogLevel.WARNING, 1, writing)
    hear(PASSED)
    flush()
    os.set_blocking(pipe[0], False)
    with pytest.raises(BlockingIOError):
        os.read(pipe[0], 1)
