"""`kerege demo`: a whole X-Road instance on this machine."""

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

import click

from kerege.cli.failures import Failure
from kerege.cli.logs import LogFormat, LogLevel, configure_logs
from kerege.sandbox.check import CheckFailedError, exercise
from kerege.sandbox.demo import Demo, what_runs_where
from kerege.sandbox.folder import FolderError
from kerege.sandbox.ports import NoPortsError
from kerege.sandbox.processes import ServerDidNotStartError

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
def demo(*, folder: Path, reset: bool, check: bool) -> None:
    r"""Run a whole X-Road instance on this machine. NOT FOR PRODUCTION.

    Three members with a Security Server each, a certification authority, an OCSP
    responder, a time-stamping authority, and a village register that answers two
    services about synthetic people. A second start finds all of it again.

    \b
    Examples:
      kerege demo                start it and watch messages pass
      kerege demo --reset        the same, from scratch
      kerege demo --check        exercise it unattended
    """
    configure_logs(LogFormat.TEXT, LogLevel.ERROR)
    try:
        asyncio.run(_run(folder, reset=reset, check=check))
    except (CheckFailedError, FolderError, NoPortsError) as error:
        what, *more = str(error).splitlines()
        raise Failure(what, advice="\n  ".join(more)) from error
    except ServerDidNotStartError as error:
        raise Failure(
            str(error), advice="Try it from scratch: kerege demo --reset"
        ) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        msg = f"The demo cannot start: {where}{error.strerror or error}"
        raise Failure(msg, advice="Another folder: --folder") from error


async def _run(folder: Path, *, reset: bool, check: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    async with Demo(folder, _write, reset=reset) as running:
        if check:
            await exercise(running, _write)
            return
        _write(what_runs_where(running))
        await stopped.wait()
        _write("Stopping ...")


def _write(line: str) -> None:
    """Show a line; a terminal that was closed must not stop the stopping."""
    with suppress(OSError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
