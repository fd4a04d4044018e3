"""`kerege security-server maintenance`: have load balancers leave a server alone."""

from pathlib import Path

import click

from kerege.cli.security_server.options import config_option
from kerege.cli.security_server.running import ask_server


@click.command()
@click.argument("mode", type=click.Choice(["on", "off"]))
@config_option
def maintenance(mode: str, config: Path) -> None:
    """Switch the maintenance mode of a running server's health check on or off.

    While it is on, the page /ready of the admin port answers 503 and says why, so a
    load balancer sends new messages elsewhere. The server goes on passing what still
    comes. A restart switches it off; a reload does not.
    """
    answer = ask_server(config, {"do": "maintenance", "on": mode == "on"})
    was = "on" if answer.get("was") else "off"
    click.echo(f"Maintenance mode is {mode}; it was {was}")
