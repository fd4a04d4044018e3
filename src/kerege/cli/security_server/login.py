"""`kerege security-server login` and `logout`: the PIN of a server that runs."""

from pathlib import Path

import click

from kerege.cli.security_server.options import config_option, pin_option
from kerege.cli.security_server.running import ask_server
from kerege.exchange.keys.pin import read_pin
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
    ask_server(config, {"do": "login", "pin": read_pin(pin_from).value})
    click.echo("Logged in; the server passes messages")


@click.command()
@config_option
def logout(config: Path) -> None:
    """Have a running server forget the PIN and its keys.

    It finishes what it accepted and answers 503 from then on.
    """
    ask_server(config, {"do": "logout"})
    click.echo("Logged out; the server answers 503 until the next login")
