"""`kerege demo`: a whole X-Road instance on this machine."""

import asyncio
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import click

from kerege.cli.failures import Failure
from kerege.cli.logs import LogFormat, LogLevel, configure_logs
from kerege.sandbox.check import CheckFailedError, exercise
from kerege.sandbox.demo import Demo, short_request, what_runs_where, where_things_are
from kerege.sandbox.events import Event
from kerege.sandbox.folder import FolderError
from kerege.sandbox.layout import MemberPlan
from kerege.sandbox.live_show import Show
from kerege.sandbox.live_state import LiveState
from kerege.sandbox.live_terminal import Terminal, can_show
from kerege.sandbox.ports import NoPortsError
from kerege.sandbox.processes import ServerDidNotStartError
from kerege.sandbox.village import VillageDidNotStartError

DEFAULT_FOLDER = Path("var/demo")


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Where the instance's files lie.",
)
@click.option("--reset", is_flag=True, help="Start over with a new instance.")
@click.option(
    "--check",
    is_flag=True,
    help="No person needed: start, exercise, verify, stop; the exit code tells.",
)
@click.option(
    "--lines", is_flag=True, help="Print a line for each message instead of a screen."
)
def demo(*, folder: Path, reset: bool, check: bool, lines: bool) -> None:
    r"""Run a whole X-Road instance on this machine. NOT FOR PRODUCTION.

    Three members with a Security Server each, a certification authority, an OCSP
    responder, a time-stamping authority, and a village register of synthetic people:
    its services behind a Security Server, and its site for clerks where the portal is
    installed. A second start finds all of it again.

    On a terminal a screen shows what passes: rates, durations, verdicts, services and
    clients, faults with what to do about them, the last messages. `q` stops it all.

    \b
    Examples:
      kerege demo                start it and watch messages pass
      kerege demo --reset        the same, from scratch
      kerege demo --check        exercise it unattended
    """
    configure_logs(LogFormat.TEXT, LogLevel.ERROR)
    try:
        if check:
            asyncio.run(_check(folder, reset=reset))
        elif lines or not can_show(sys.stdout):
            asyncio.run(_with_lines(folder, reset=reset))
        else:
            asyncio.run(_with_screen(folder, reset=reset))
    except (CheckFailedError, FolderError, NoPortsError) as error:
        what, *more = str(error).splitlines()
        raise Failure(what, advice="\n  ".join(more)) from error
    except (ServerDidNotStartError, VillageDidNotStartError) as error:
        raise Failure(
            str(error), advice="Try it from scratch: kerege demo --reset"
        ) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        msg = f"The demo cannot start: {where}{error.strerror or error}"
        raise Failure(msg, advice="Another folder: --folder") from error


async def _check(folder: Path, *, reset: bool) -> None:
    _stopped_by_signals()
    async with Demo(folder, _write, reset=reset) as running:
        await exercise(running, _write)


async def _with_lines(folder: Path, *, reset: bool) -> None:
    stopped = _stopped_by_signals()
    async with Demo(folder, _write, reset=reset) as running:
        _write(what_runs_where(running))
        await stopped.wait()
        _write("Stopping ...")


async def _with_screen(folder: Path, *, reset: bool) -> None:
    """Show the screen; what was printed before it is there again after it."""
    stopped = _stopped_by_signals()
    state = LiveState(time.time(), joined=True)

    def hear(member: MemberPlan, event: Event) -> None:
        state.hear(event, time.time(), member.server_code)

    async with Demo(folder, _write, reset=reset, hear=hear) as running:
        _write(what_runs_where(running))
        request = short_request(running)
        with Terminal() as terminal:
            show = Show(
                state,
                terminal,
                when_empty=request,
                about=(*where_things_are(running), "", *request),
            )
            await _until(stopped, show)
        _write("Stopping ...")


async def _until(stopped: asyncio.Event, show: Show) -> None:
    loop = asyncio.get_running_loop()
    waiting = loop.create_task(stopped.wait())
    waiting.add_done_callback(lambda _: show.stop())
    try:
        await show.run()
    finally:
        waiting.cancel()


def _stopped_by_signals() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    return stopped


def _write(line: str) -> None:
    """Show a line; a terminal that was closed must not stop the stopping."""
    with suppress(OSError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
