"""Logs: one event a line, as JSON or text, without personal data."""

import io
import json
import logging
import os

import pytest
import structlog

from kerege.cli.logs import FORBIDDEN, LogFormat, LogLevel, configure_logs


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_when_and_what_first(stream):
    configure_logs(LogFormat.JSON, stream=stream)
    structlog.get_logger("x").info("message", side="client", verdict="200")
    (event,) = lines(stream)
    assert list(event)[:3] == ["timestamp", "level", "event"]
    assert event["event"] == "message"
    assert event["level"] == "info"
    assert str(event["timestamp"]).endswith("Z")
    assert event["side"] == "client"


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
@pytest.mark.parametrize("style", list(LogFormat))
def test_what_may_name_a_person_is_dropped(stream, name, style):
    configure_logs(style, stream=stream)
    structlog.get_logger("x").warning("odd", **{name: "12345678901234"})
    assert "12345678901234" not in stream.getvalue()
    assert "odd" in stream.getvalue()


@pytest.mark.parametrize("style", list(LogFormat))
def test_a_traceback_has_no_local_variables(stream, style):
    configure_logs(style, stream=stream)
    try:
        pin_of_somebody = "12345678901234"
        [][len(pin_of_somebody)]
    except IndexError as error:
        structlog.get_logger("x").error("bug", exc_info=error)
    assert "IndexError" in stream.getvalue()
    assert "12345678901234" not in stream.getvalue().replace(
        'pin_of_somebody = "12345678901234"', ""
    )


def test_text_is_for_people(stream):
    configure_logs(LogFormat.TEXT, stream=stream)
    structlog.get_logger("x").info("ready", server="SS1")
    assert "ready" in stream.getvalue()
    assert "server=SS1" in stream.getvalue()


def test_events_below_the_level_are_not_written(stream):
    configure_logs(LogFormat.JSON, LogLevel.WARNING, stream)
    structlog.get_logger("x").info("message")
    structlog.get_logger("x").warning("odd")
    assert [event["event"] for event in lines(stream)] == ["odd"]


def test_libraries_are_heard_when_something_is_wrong(stream):
    configure_logs(LogFormat.JSON, stream=stream)
    logging.getLogger("alembic").info("chatter")
    logging.getLogger("asyncio").error("never awaited %s", "x")
    (event,) = lines(stream)
    assert (event["event"], event["logger"]) == ("never awaited x", "asyncio")


def test_configuring_again_does_not_double_the_lines(stream):
    configure_logs(LogFormat.JSON, stream=io.StringIO())
    configure_logs(LogFormat.JSON, stream=stream)
    logging.getLogger("asyncio").error("once")
    assert len(lines(stream)) == 1


def test_values_that_json_does_not_know_are_written_as_text(stream):
    configure_logs(LogFormat.JSON, stream=stream)
    structlog.get_logger("x").info("odd", when={1}, raw=b"\xff")
    assert len(lines(stream)) == 1


def test_a_reader_that_went_away_stops_nobody():
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    configure_logs(LogFormat.JSON, stream=Closed())
    structlog.get_logger("x").info("message")
    closed = io.StringIO()
    closed.close()
    configure_logs(LogFormat.JSON, stream=closed)
    structlog.get_logger("x").info("message")


def test_a_reader_that_stalls_costs_lines_and_no_time():
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream, os.fdopen(reading, "rb") as reader:
        configure_logs(LogFormat.JSON, stream=stream)
        log = structlog.get_logger("x")
        for number in range(5000):
            log.info("message", number=number, filling="x" * 100)
        taken = reader.read1(1 << 20)
        log.info("again")
        stream.flush()
        rest = reader.read1(1 << 20)
    seen = [json.loads(line) for line in (taken + rest).splitlines()]
    numbers = [e["number"] for e in seen if e["event"] == "message"]
    assert numbers == list(range(len(numbers)))
    (lost,) = [e for e in seen if e["event"] == "lines lost"]
    assert len(numbers) + lost["count"] == 5000
    assert seen[-1]["event"] == "again"
