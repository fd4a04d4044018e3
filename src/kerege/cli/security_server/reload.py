"""`kerege security-server reload`: settings, keys and certificates anew."""

from pathlib import Path

import click

from kerege.cli.security_server.options import config_option
from kerege.cli.security_server.running import ask_server


@click.command()
@config_option
def reload(config: Path) -> None:
    """Have a running server read settings, keys and certificates again.

    New workers start before the old ones leave, and the old ones finish what they
    accepted: no message is lost. If the settings file is wrong, the server goes on with
    what it had. Only `spool` needs a restart. SIGHUP does the same.
    """
    ask_server(config, {"do": "reload"})
    click.echo("Reloaded")
