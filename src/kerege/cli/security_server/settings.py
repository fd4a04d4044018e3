"""`kerege security-server settings`: what a server uses, and what there is."""

from dataclasses import is_dataclass
from pathlib import Path

import click

from kerege.cli.output import print_json, print_table
from kerege.cli.security_server.common import json_option
from kerege.cli.security_server.options import config_option, read_settings
from kerege.cli.security_server.settings_file import (
    reference as reference_text,
    toml_value,
)
from kerege.exchange.security_server.settings import Settings, options_of


@click.group()
def settings() -> None:
    """The settings file: what this server uses, and what there is."""


@settings.command()
@json_option
@config_option
def show(*, as_json: bool, config: Path) -> None:
    """Print every setting of a server with its value."""
    found = _values(read_settings(config))
    if as_json:
        print_json(found)
        return
    rows = [(name, toml_value(value)) for name, value in found.items()]
    print_table(("SETTING", "VALUE"), rows, nothing="")


@settings.command()
def reference() -> None:
    """Print the reference of all settings, in Markdown."""
    click.echo(reference_text(), nl=False)


def _values(settings_of_server: Settings) -> dict[str, object]:
    found: dict[str, object] = {}
    for option in options_of(Settings):
        value = getattr(settings_of_server, option.name)
        if isinstance(option.type, type) and is_dataclass(option.type):
            for inner in options_of(option.type):
                found[f"{option.name}.{inner.name}"] = getattr(value, inner.name)
        else:
            found[option.name] = _without_password(str(value))
    return found


def _without_password(value: str) -> str:
    """Hide the password that a database address may have."""
    scheme, separator, rest = value.partition("://")
    login, at, host = rest.rpartition("@")
    if not at or ":" not in login:
        return value
    return f"{scheme}{separator}{login.partition(':')[0]}:***{at}{host}"
