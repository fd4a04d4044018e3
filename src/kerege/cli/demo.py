"""`kerege demo`: a whole X-Road instance on this machine."""

import asyncio
import signal
import sys
from pathlib import Path

import click

from kerege.cli.logs import LogFormat, LogLevel, configure_logs
from kerege.sandbox.check import CheckFailedError, exercise
from kerege.sandbox.demo import Demo, what_runs_where
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
    services about synthetic people.

    \b
    Examples:
      kerege demo                start it and watch messages pass
      kerege demo --reset        the same, from scratch
      kerege demo --check        exercise it unattended
    """
    configure_logs(LogFormat.TEXT, LogLevel.ERROR)
    try:
        asyncio.run(_run(folder, reset=reset, check=check))
    except (CheckFailedError, NoPortsError, ServerDidNotStartError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        msg = f"The demo cannot start: {error}"
        raise click.ClickException(msg) from error


async def _run(folder: Path, *, reset: bool, check: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with Demo(folder, _write, reset=reset) as running:
        if check:
            await exercise(running, _write)
            return
        _write(what_runs_where(running))
        await stopped.wait()
        _write("Stopping ...")


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
