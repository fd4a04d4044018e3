"""Logs as they come: in pieces, rotated, endless, and from strangers."""

import asyncio
import json
import os

import pytest
from hypothesis import given, strategies as st

from kerege.sandbox import live_input as module
from kerege.sandbox.events import LineSplitter, parse_event
from kerege.sandbox.live_input import follow_file, read_pipe


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.001)


@given(st.lists(st.binary(max_size=20), max_size=10), st.data())
def test_lines_come_whole_however_they_are_cut(lines, data):
    lines = [line.replace(b"\n", b"") for line in lines]
    stream = b"".join(line + b"\n" for line in lines)
    splitter, found = LineSplitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += splitter.feed(stream[:size])
        stream = stream[size:]
    assert found == lines


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_line_that_is_too_long_is_dropped_and_the_next_one_read(size):
    stream = b"first\n" + b"x" * 50 + b"\nlast\n"
    splitter, found = LineSplitter(10), []
    for at in range(0, len(stream), size):
        found += splitter.feed(stream[at : at + size])
        assert len(splitter._rest) <= 10 + size
    assert found == [b"first", b"last"]
    assert splitter.dropped == 1


def test_an_event_is_found_behind_what_a_journal_puts_before_it():
    assert parse_event(b'Jan 01 12:00 host kerege[7]: {"event": "a"}') == {"event": "a"}


@pytest.mark.parametrize(
    "line",
    [b"", b"text", b"{", b"{]", b"[1]", b'{"a":' * 100_000, b'{"\xff": 1}', b"{" * 9],
)
def test_what_is_no_event_is_none(line):
    assert parse_event(line) is None


@given(st.binary(max_size=100))
def test_any_bytes_are_an_event_or_none(line):
    assert parse_event(line) is None or isinstance(
        parse_event(b"{" + line), dict | None
    )


class Lines:
    """Follows a file in a task."""

    def __init__(self, path, **options):
        self.seen = []
        self.task = asyncio.get_running_loop().create_task(self._run(path, options))

    async def _run(self, path, options):
        async for batch in follow_file(path, **options):
            self.seen += batch

    async def until(self, *lines):
        async with asyncio.timeout(60):
            while self.seen[-len(lines) :] != list(lines):
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.001)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_a_file_is_read_and_then_followed(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo\nth")
    async with Lines(log) as lines:
        await lines.until(b"one", b"two")
        with log.open("ab") as file:
            file.write(b"ree\n")
        await lines.until(b"one", b"two", b"three")


async def test_of_a_long_file_the_end_is_read_from_a_line_s_beginning(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"a long first line\nsecond\nthird\n")
    async with Lines(log, tail_bytes=15) as lines:
        await lines.until(b"second", b"third")
        assert len(lines.seen) == 2


async def test_a_rotated_file_is_read_from_its_beginning(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"old\n")
    async with Lines(log) as lines:
        await lines.until(b"old")
        log.rename(tmp_path / "log.1")
        log.write_bytes(b"new\n")
        await lines.until(b"old", b"new")
        log.write_bytes(b"")  # copied and cut short, as logrotate's copytruncate does
        await asyncio.sleep(0.01)
        log.write_bytes(b"x\n")
        await lines.until(b"new", b"x")


async def test_a_file_that_is_away_for_a_while_is_waited_for(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"old\n")
    async with Lines(log) as lines:
        await lines.until(b"old")
        log.unlink()
        await asyncio.sleep(0.01)
        log.write_bytes(b"again\n")
        await lines.until(b"old", b"again")


async def test_a_pipe_is_read_to_its_end_and_its_last_line_counts():
    reading, writing = os.pipe()
    os.write(writing, b"one\ntwo\nno end")
    os.close(writing)
    try:
        assert [line async for batch in read_pipe(reading) for line in batch] == [
            b"one",
            b"two",
            b"no end",
        ]
    finally:
        os.close(reading)


async def test_a_file_in_the_place_of_a_pipe_is_read_to_its_end(tmp_path):
    log = tmp_path / "log"
    log.write_text("".join(json.dumps({"n": n}) + "\n" for n in range(3)))
    for path, count in ((log, 3), ("/dev/null", 0)):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            lines = [line async for batch in read_pipe(descriptor) for line in batch]
        finally:
            os.close(descriptor)
        assert len(lines) == count
