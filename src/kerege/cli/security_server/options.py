"""Options that commands share, and the settings file. Imports little."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kerege.cli.failures import Failure
from kerege.exchange.security_server.settings import Settings, load_settings

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_CONFIG = "server.toml"
PIN_SOURCES = "fd:N, credential:NAME or prompt"


def config_option(command: F) -> F:
    """Add ``--config``."""
    return click.option(
        "--config",
        "-c",
        type=click.Path(path_type=Path, dir_okay=False, readable=False),
        default=DEFAULT_CONFIG,
        envvar="KEREGE_CONFIG",
        show_default=True,
        show_envvar=True,
        help="The server's settings file.",
    )(command)


def pin_option(command: F) -> F:
    """Add ``--pin-from``."""
    return click.option(
        "--pin-from",
        metavar="SOURCE",
        default="prompt",
        show_default=True,
        help=f"Where the token's PIN is read: {PIN_SOURCES}.",
    )(command)


def read_settings(config: Path) -> Settings:
    """Read the settings file, or fail in words."""
    if not config.exists():
        msg = f"There is no settings file {config}"
        raise Failure(
            msg,
            advice="Go to the server's folder, give --config FILE, or make a server "
            "with: kerege security-server init",
        )
    return load_settings(config)
