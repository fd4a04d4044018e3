"""What commands of the portal share: its folder, and Django set up for it."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click

from kerege.cli.failures import Failure
from kerege.portal.configuration import ENVIRONMENT, ConfigurationError

P = ParamSpec("P")


def folder_named(
    option: str, told: str = "The portal's folder."
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Return the option that names the portal's folder."""
    return click.option(
        option,
        type=click.Path(path_type=Path, file_okay=False),
        envvar=ENVIRONMENT,
        default=Path("portal"),
        show_default=True,
        help=told,
    )


folder_option = folder_named("--folder")
portal_option = folder_named("--portal")


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


def portal_folder() -> Path:
    """Return the folder that was chosen."""
    return Path(os.environ[ENVIRONMENT])
