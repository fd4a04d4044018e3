"""`kerege portal`: set up and run the site."""

import os
import signal
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click

from kerege.cli.failures import Failure
from kerege.portal.configuration import ENVIRONMENT, ConfigurationError, initialize

P = ParamSpec("P")


folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    envvar=ENVIRONMENT,
    default=Path("portal"),
    show_default=True,
    help="The portal's folder.",
)


@click.group()
@folder_option
def portal(folder: Path) -> None:
    """Set up and run the portal: the register's site and what belongs to it."""
    choose_folder(folder)


def choose_folder(folder: Path) -> None:
    """Let Django find the portal's folder."""
    os.environ[ENVIRONMENT] = str(folder.resolve())
    os.environ["DJANGO_SETTINGS_MODULE"] = "kerege.portal.settings"


def with_django(command: Callable[P, None]) -> Callable[P, None]:
    """Set Django up before a command; say what is missing if that cannot be."""

    @wraps(command)
    def prepared(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            import django
        except ModuleNotFoundError as error:
            raise Failure(
                "The portal is not installed",
                why=f"The package {error.name} is missing.",
                advice="Install it: pip install 'kerege[portal]'",
            ) from error
        try:
            django.setup()
        except ConfigurationError as error:
            raise Failure(str(error)) from error
        command(*args, **kwargs)

    return prepared


@portal.command()
def init() -> None:
    """Make the folder with a settings file and keys; keep what is there."""
    initialize(_folder())
    migrate_database()
    click.echo(f"{_folder()} is ready. Next: kerege portal serve")


@with_django
def migrate_database() -> None:
    """Bring the database's tables to this version's state."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


@portal.command()
def migrate() -> None:
    """Bring the database's tables to this version's state."""
    migrate_database()
    click.echo("The database is of this version.")


@portal.command()
@click.option("--listen", default="127.0.0.1:8000", show_default=True)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@with_django
def serve(listen: str, workers: int) -> None:
    """Serve the site until told to stop."""
    from django.core.management import call_command

    from kerege.portal.server import run

    _require_style_sheet()
    call_command("collectstatic", verbosity=0, interactive=False)
    click.echo(f"The portal is at http://{listen}")
    run(listen, workers=workers)


@portal.command()
@click.option("--until-empty", is_flag=True, help="End when no job waits.")
@with_django
def worker(*, until_empty: bool) -> None:
    """Do the jobs that wait: imports, notifications and so on."""
    from kerege.apps.common.jobs.worker import run

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    run(stopping, until_empty=until_empty)


def _require_style_sheet() -> None:
    from django.contrib.staticfiles import finders

    if finders.find("portal/portal.css") is None:
        raise Failure(
            "The site's style sheet is missing",
            why="It is made when the package is built, and is not kept in the "
            "repository.",
            advice="In a checkout: make setup (or scripts/build-portal-css).",
        )


def _folder() -> Path:
    return Path(os.environ[ENVIRONMENT])
