"""`kerege security-server login`, `logout`, `reload`: to a server that runs."""

import json
from pathlib import Path

import click

from kerege.cli.security_server.options import (
    config_option,
    pin_option,
    read_settings,
)
from kerege.exchange.keys.pin import read_pin
from kerege.exchange.supervisor.channel import Message
from kerege.exchange.supervisor.client import ask
from kerege.exchange.supervisor.secrecy import hide_memory


@click.command()
@config_option
@pin_option
def login(config: Path, pin_from: str) -> None:
    r"""Give the token's PIN to a running server.

    A server that was started without a PIN answers 503 until then. Give the PIN again
    after `keys change-pin`: the server needs it whenever it starts a worker. Wrong
    PINs in a row make the next try wait.

    \b
    Examples:
      kerege security-server login
      kerege security-server login --pin-from fd:3 3< /run/ss1-pin
    """
    hide_memory()
    _ask(config, {"do": "login", "pin": read_pin(pin_from).value})
    click.echo("Logged in; the server passes messages")


@click.command()
@config_option
def logout(config: Path) -> None:
    """Have a running server forget the PIN and its keys.

    It finishes what it accepted and answers 503 from then on.
    """
    _ask(config, {"do": "logout"})
    click.echo("Logged out; the server answers 503 until the next login")


@click.command()
@config_option
def reload(config: Path) -> None:
    """Have a running server read settings, keys and certificates again.

    New workers start before the old ones leave, and the old ones finish what they
    accepted: no message is lost. If the settings file is wrong, the server goes on with
    what it had. Only `spool` needs a restart. SIGHUP does the same.
    """
    _ask(config, {"do": "reload"})
    click.echo("Reloaded")


@click.command()
@config_option
def state(config: Path) -> None:
    """Show how a running server stands, as JSON: the page /ready of its admin port.

    Exit code 1 if it cannot exchange messages.
    """
    answer = _ask(config, {"do": "state"})
    click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    if not answer["ready"]:
        raise click.exceptions.Exit(1)


def _ask(config: Path, message: Message) -> Message:
    settings = read_settings(config)
    return ask(settings.path(settings.spool), message)
