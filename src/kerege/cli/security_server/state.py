"""`kerege security-server state`: how a server that runs stands."""

import json
from pathlib import Path

import click

from kerege.cli.security_server.options import config_option
from kerege.cli.security_server.running import ask_server


@click.command()
@config_option
def state(config: Path) -> None:
    """Show how a running server stands, as JSON: the page /ready of its admin port.

    Exit code 1 if it cannot exchange messages.
    """
    answer = ask_server(config, {"do": "state"})
    click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    if not answer["ready"]:
        raise click.exceptions.Exit(1)
