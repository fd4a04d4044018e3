"""`kerege watch`: what passes a running server, on a screen, from its log."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from kerege.cli.failures import Failure
from kerege.sandbox.events import Event, parse_event
from kerege.sandbox.live import LiveView
from kerege.sandbox.live_input import follow_file, read_pipe
from kerege.sandbox.live_show import Show
from kerege.sandbox.live_state import LiveState
from kerege.sandbox.live_terminal import Terminal, can_show

MAX_FILES = 16
"""Servers that fit on a screen."""
STANDARD_INPUT = "-"
_NOTHING_YET = (
    " They appear as they pass. A server that is to log warnings only",
    " (--log-level warning) does not tell of them.",
)

Hear = Callable[[Event | None, str], None]
"""Takes an event, or None for a line that is none, and whose log it is."""


@click.command()
@click.argument(
    "files",
    nargs=-1,
    metavar="[FILE|-]...",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
)
@click.option(
    "--lines", is_flag=True, help="Print a line for each message instead of a screen."
)
def watch(*, files: tuple[str, ...], lines: bool) -> None:
    r"""Watch what passes a running server, from its log.

    Reads the JSON lines that `kerege security-server run` writes: a FILE to its end
    and on as it grows, or standard input. Shows rates, durations, verdicts, services
    and clients, faults with what to do about them, and the last messages; never a
    path, a user or a body. Where there is no terminal, a line for each message.

    \b
    Examples:
      journalctl -u kerege -o cat -f | kerege watch
      kerege watch /var/log/kerege/server.log
      kerege watch --lines ss1.log ss2.log
    """
    if not files and sys.stdin.isatty():
        raise click.UsageError(
            "Name a log file, or pipe a log in: journalctl -u kerege -o cat -f | "
            "kerege watch"
        )
    if len(files) > MAX_FILES:
        msg = f"At most {MAX_FILES} files fit on a screen"
        raise click.UsageError(msg)
    inputs = files or (STANDARD_INPUT,)
    has_screen = can_show(sys.stdout) and not lines
    work = _show(inputs) if has_screen else _print_lines(inputs)
    try:
        asyncio.run(until_stopped(work))
    except BrokenPipeError:
        raise  # `| head` has enough
    except OSError as error:
        msg = f"Cannot read {error.filename or 'the log'}: {error.strerror}"
        advice = "Is it the log of a server, and may you read it?"
        raise Failure(msg, advice=advice) from error


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Work until done, or a signal comes."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


async def _print_lines(inputs: Sequence[str]) -> None:
    view = LiveView(write_line, lambda: datetime.now().astimezone(), joined=False)
    await _hear_all(inputs, lambda event, _: view.hear(event or {}))


async def _show(inputs: Sequence[str]) -> None:
    state = LiveState(time.time())
    loop = asyncio.get_running_loop()

    def hear(event: Event | None, server: str) -> None:
        if event is None:
            state.strange_line()
        else:
            state.hear(event, time.time(), server)

    with Terminal() as terminal:
        show = Show(state, terminal, when_empty=_NOTHING_YET)
        reading = loop.create_task(_hear_all(inputs, hear))
        showing = loop.create_task(show.run())
        try:
            await asyncio.wait({reading, showing}, return_when=asyncio.FIRST_COMPLETED)
            if not showing.done():
                await reading  # raises what went wrong
                show.note = "The log has ended"
                await showing
        finally:
            for task in (reading, showing):
                task.cancel()
            await asyncio.gather(reading, showing, return_exceptions=True)


async def _hear_all(inputs: Sequence[str], hear: Hear) -> None:
    await asyncio.gather(*(_hear(name, hear) for name in inputs))


async def _hear(name: str, hear: Hear) -> None:
    is_pipe = name == STANDARD_INPUT
    source = read_pipe(sys.stdin.fileno()) if is_pipe else follow_file(Path(name))
    async with aclosing(source) as batches:
        async for batch in batches:
            for line in batch:
                if line.strip():
                    hear(parse_event(line), "" if is_pipe else name)


def write_line(line: str) -> None:
    """Write a line at once, whatever buffers there are."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
