"""Lines of several processes in one pipe: each whole, or not there."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kerege.exchange.supervisor.events import Events
from kerege.exchange.supervisor.lines import PIPE_BUF, Lines

PATIENCE_SECONDS = 60.0
WRITER = """
import sys
from kerege.exchange.supervisor.lines import Lines
lines = Lines(1)
for number in range(300):
    size = 9000 if number % 3 == 0 else 100
    lines.write(sys.argv[1] * size)
"""


def test_long_lines_of_two_processes_do_not_mix():
    reading, writing = os.pipe()
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, letter], stdout=writing)
        for letter in "ab"
    ]
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        lines = pipe.read().splitlines()
    assert [writer.wait() for writer in writers] == [0, 0]
    whole = [line for line in lines if not line.startswith(b"{")]
    assert len(whole) > 100
    for line in whole:
        assert len(set(line)) == 1, "one process's"
        assert len(line) in (100, 9000)
    lost = sum(json.loads(line)["count"] for line in lines if line.startswith(b"{"))
    assert len(whole) + lost <= 600


def test_a_long_line_is_only_written_where_all_of_it_has_room():
    reading, writing = os.pipe()
    lines = Lines(writing)
    for _ in range(100):
        lines.write("x" * PIPE_BUF)  # the worst: a byte more than a page
    lines.write("y" * 20_000)  # would have to wait in the middle
    assert b"y" not in os.read(reading, 1 << 20)
    lines.write("z" * 20_000)
    assert os.read(reading, 1 << 20).endswith(b"z" * 20_000 + b"\n")
    os.close(reading)
    lines.write("nobody reads this")
    os.close(writing)


@pytest.mark.parametrize("linux", ["6.4", "before"])
def test_room_that_another_process_has_taken_is_not_waited_for(
    linux: str, monkeypatch: pytest.MonkeyPatch
):
    if linux == "before":
        monkeypatch.setattr(os, "pwritev", not_supported)
    reading, writing = os.pipe()
    lines = Lines(writing)
    monkeypatch.setattr(lines, "_has_room_for", lambda _: True)  # a moment ago
    with no_longer_than(PATIENCE_SECONDS):
        for _ in range(100):
            lines.write("x" * PIPE_BUF)
        lines.write("y" * 20_000)
    got = os.read(reading, 1 << 20)
    lines.write("z")
    got += os.read(reading, 1 << 20)
    *full, cut, lost, last = got.splitlines()
    assert set(map(len, full)) == {PIPE_BUF}
    assert set(cut) == {ord("x")}
    assert json.loads(lost)["count"] == 101 - len(full)
    assert last == b"z"
    assert not fcntl.fcntl(writing, fcntl.F_GETFL) & os.O_NONBLOCK, "others have it too"
    os.close(reading)
    os.close(writing)


def not_supported(*_: object) -> int:
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Fail instead of waiting for ever."""

    def waited(*_: object) -> None:
        pytest.fail("it waits for room")

    before = signal.signal(signal.SIGALRM, waited)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_events_are_written_for_programs_and_for_people():
    for as_json in (True, False):
        reading, writing = os.pipe()
        events = Events(Lines(writing), as_json=as_json, level="warning")
        events.info("too small")
        events.warning("worker ended", worker=1, how="killed by SIGKILL")
        line = os.read(reading, 4096).decode()
        os.close(reading)
        os.close(writing)
        if as_json:
            event = json.loads(line)
            assert list(event) == ["timestamp", "level", "event", "worker", "how"]
            assert event["timestamp"].endswith("Z")
        else:
            assert line.rstrip().endswith("worker=1 how='killed by SIGKILL'")
            assert "[warning  ] worker ended " in line
