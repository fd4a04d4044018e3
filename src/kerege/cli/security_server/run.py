"""`kerege security-server run`: one server in the foreground, logging to stdout.

This process reads the PIN and then becomes the supervisor: a small program, which
starts the workers that pass messages.
"""

import json
import os
import sys
from pathlib import Path

import click

from kerege.cli.logs import LogFormat, LogLevel
from kerege.cli.security_server.options import (
    config_option,
    pin_option,
    read_settings,
)
from kerege.exchange.keys.pin import Pin, is_there, read_pin
from kerege.exchange.security_server.settings import MAX_WORKERS
from kerege.xroad.faults import XRoadError

SUPERVISOR = "kerege.exchange.supervisor"
WORKER = """\
import sys
sys.modules["rich"] = None  # structlog would load it for tracebacks in colour: 3 MB
from kerege.cli.security_server.worker import main
main()
"""


@click.command()
@config_option
@pin_option
@click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    help="Processes that pass messages, in the place of the setting.",
)
@click.option(
    "--log-format",
    type=click.Choice([style.value for style in LogFormat]),
    default=LogFormat.JSON.value,
    show_default=True,
    help="One event a line, as JSON or for people.",
)
@click.option(
    "--log-level",
    type=click.Choice([level.value for level in LogLevel]),
    default=LogLevel.INFO.value,
    show_default=True,
    help="The least severe events to write; `warning` leaves out passed messages.",
)
@click.pass_context
def run(
    context: click.Context,
    config: Path,
    pin_from: str,
    workers: int | None,
    log_format: str,
    log_level: str,
) -> None:
    r"""Run a server until it is told to stop (SIGTERM, Ctrl-C; twice: at once).

    Events go to standard output, one a line: `ready` with the addresses when all
    ports listen, then `message` for each message that passed. They have no path, no
    query and no body.

    Without a terminal to ask at, without the credential, or with a wrong PIN or none in
    it, the server runs without its keys and answers 503, until `kerege security-server
    login`. SIGHUP, or `kerege security-server reload`, has it read server.toml, keys
    and certificates again.

    \b
    Examples:
      kerege security-server run
      kerege security-server run -c /srv/ss1/server.toml --pin-from credential:pin
      kerege security-server run --workers 4 --pin-from fd:3 3< /run/ss1-pin
    """
    read_settings(config)
    given: dict[str, object] = {
        "config": str(config),
        "command": [sys.executable, "-P", "-c", WORKER],
        "workers": workers or 0,
        "log_format": log_format,
        "log_level": log_level,
        "debug": bool(context.find_root().params.get("debug")),
    }
    if is_there(pin_from):
        given |= _pin(pin_from)
    _become([sys.executable, "-P", "-m", SUPERVISOR, json.dumps(given)])


def _pin(source: str) -> dict[str, object]:
    """Read the PIN; return what the supervisor is told of it.

    A stored PIN that cannot be used leaves the server locked: nobody is there to hear
    of it, and starting again and again would not help.
    """
    is_stored = source.startswith("credential:")
    try:
        return {"is_pin_stored": is_stored, "pin_from": _pipe_with(read_pin(source))}
    except XRoadError as error:
        if not is_stored or error.code != "pin_incorrect":
            raise
        return {"no_pin": error.message}


def _pipe_with(pin: Pin) -> int:
    """Return a descriptor from which the PIN can be read once."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(pin.value.encode())
    os.set_inheritable(reading, True)
    return reading


def _become(command: list[str]) -> None:
    """Run another program in this process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], command)  # noqa: S606 - our own program
