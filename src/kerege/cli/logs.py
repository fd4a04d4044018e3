"""Structured logs of the commands that run servers: one event a line, on stdout.

Rules (design, "what must always hold"):

* Logs have no personal data. Values under names that carry it (`FORBIDDEN`) are
  dropped, whoever logged them; tracebacks are logged without local variables.
* A log that cannot be written never stops a message: a reader that went away costs
  lines, nothing else.
"""

import logging
import sys
from enum import Enum
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from kerege.exchange.supervisor.lines import Lines

FORBIDDEN = frozenset(
    (
        "args",
        "authorization",
        "body",
        "content",
        "cookie",
        "data",
        "headers",
        "params",
        "passphrase",
        "password",
        "path",
        "payload",
        "person",
        "personal_code",
        "pin",
        "query",
        "represented_party",
        "secret",
        "target",
        "user",
        "user_id",
    )
)
"""Names whose values may name a person or open a token."""


class LogFormat(Enum):
    """How a line looks."""

    JSON = "json"
    TEXT = "text"


class LogLevel(Enum):
    """The least severe events that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LineLogger:
    """Writes lines; what cannot be written is lost, and never waited for.

    See `kerege.exchange.supervisor.lines`: several workers write to one stream.
    """

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream
        self._lines = _lines_of(stream)

    def msg(self, line: str) -> None:
        """Write one line at once, or not at all."""
        if self._lines is not None:
            self._lines.write(line)
            return
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = log = fatal = msg


def _lines_of(stream: TextIO) -> Lines | None:
    """Return what writes to a stream's descriptor; None if it has none."""
    try:
        return Lines(stream.fileno())
    except (OSError, ValueError):
        return None


class LineHandler(logging.Handler):
    """Lets libraries' log records through to the same lines."""

    def __init__(self, lines: LineLogger) -> None:
        """Write to ``lines``."""
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self._lines.msg(self.format(record))


def without_personal_data(
    _logger: WrappedLogger, _method: str, event: EventDict
) -> EventDict:
    """Drop the values under forbidden names."""
    return {key: value for key, value in event.items() if key not in FORBIDDEN}


def configure_logs(
    style: LogFormat = LogFormat.JSON,
    level: LogLevel = LogLevel.INFO,
    stream: TextIO | None = None,
    *,
    worker: int | None = None,
) -> None:
    """Send this process's logs to ``stream``, by default standard output.

    Args:
        style: How a line looks.
        level: The least severe events.
        stream: Where to.
        worker: This process's number, for every line.
    """
    lines = LineLogger(stream or sys.stdout)
    number = getattr(logging, level.name)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_personal_data,
        *([] if worker is None else [_numbered(worker)]),
    ]
    rendering = _rendering(style)
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    handler = LineHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *rendering,
            ],
        )
    )
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, LineHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    # Libraries are only heard when something is wrong: their chatter may say more.
    root.setLevel(max(number, logging.WARNING))


def _rendering(style: LogFormat) -> list[Processor]:
    if style is LogFormat.TEXT:
        return [
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    return [
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
        _first_things_first,
        structlog.processors.JSONRenderer(default=_as_text),
    ]


def _numbered(worker: int) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["worker"] = worker
        return event

    return add


def _first_things_first(
    _logger: WrappedLogger, _method: str, event: EventDict
) -> EventDict:
    """Put when, how severe and what to the front of the line."""
    first = ("timestamp", "level", "event")
    rest = {name: value for name, value in event.items() if name not in first}
    return {name: event[name] for name in first if name in event} | rest


def _as_text(value: Any) -> str:  # noqa: ANN401 - whatever somebody logs
    return str(value)
