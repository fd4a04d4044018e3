"""Asking the server that runs with a settings file."""

from pathlib import Path

from kerege.cli.security_server.options import read_settings
from kerege.exchange.supervisor.channel import Message
from kerege.exchange.supervisor.client import ask


def ask_server(config: Path, message: Message) -> Message:
    """Return the answer of the running server.

    Raises what `kerege.exchange.supervisor.client.ask` raises.
    """
    settings = read_settings(config)
    return ask(settings.path(settings.spool), message)
