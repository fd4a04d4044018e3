"""How the command line fails: what happened, why, what to do; never a traceback.

Exit codes: 1 what was asked could not be done, 2 the command line is wrong (click's
own). A failure that nobody foresaw is a bug, and says how to get its traceback.
"""

from typing import IO, Any

import click

from kerege.cli.lazy import LazyGroup
from kerege.cli.output import plain
from kerege.exchange.security_server.settings import SettingsError
from kerege.xroad.faults import XRoadError

FAILED = 1


class Failure(click.ClickException):
    """A foreseen failure, printed in at most three lines."""

    exit_code = FAILED

    def __init__(self, what: str, *, why: str = "", advice: str = "") -> None:
        """Say what could not be done, why, and what a person can do about it."""
        super().__init__(what)
        self.why = why
        self.advice = advice

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the lines on standard error; parts of them may come from strangers."""
        click.echo(f"Error: {plain(self.message)}", file=file, err=file is None)
        for line in (self.why, self.advice):
            if line:
                click.echo(f"  {plain(line)}", file=file, err=file is None)


class GuardedGroup(LazyGroup):
    """The outermost group: turns every exception into a few lines."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (
            click.ClickException,
            click.exceptions.Exit,
            click.Abort,
            BrokenPipeError,  # click ends quietly, as filters do
        ):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise failure_of(error) from error


def failure_of(error: Exception) -> Failure:
    """Return the failure that stands for an exception."""
    match error:
        case XRoadError():
            why = f"X-Road code: {error.code}"
            return Failure(error.message, why=why, advice=error.advice)
        case SettingsError():
            advice = "All settings: kerege security-server settings reference"
            return Failure(str(error), advice=advice)
        case OSError():
            reason = error.strerror or str(error) or type(error).__name__
            return Failure(f"{error.filename}: {reason}" if error.filename else reason)
        case _:
            return Failure(
                f"This is a bug in Kerege: {type(error).__name__}",
                why="Nothing was foreseen for this failure; its text may hold personal "
                "data and is not shown.",
                advice="Run the same with `kerege --debug ...` for the traceback, and "
                "report it without the data of persons.",
            )
