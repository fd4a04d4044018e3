"""`kerege security-server archive`: the message log's archives."""

from datetime import UTC, datetime
from pathlib import Path

import click

from kerege.cli.output import print_json, print_table
from kerege.cli.security_server.common import (
    active_token,
    json_option,
    opened_database,
)
from kerege.cli.security_server.options import (
    config_option,
    pin_option,
    read_settings,
)
from kerege.exchange.messagelog import Archiver, LogCipher
from kerege.exchange.processes import only_process
from kerege.exchange.security_server.logging_setup import log_policy
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage import Database


@click.group()
def archive() -> None:
    """Archives of the message log: linked ZIP files of signed containers.

    A running server archives by itself, as [message_log] in its settings says.
    """


@archive.command()
@pin_option
@config_option
def run(pin_from: str, config: Path) -> None:
    """Archive what is time-stamped now, and remove what was kept long enough.

    Only while the server is stopped: two archivers would disturb each other. The PIN is
    asked for if there are encrypted messages to archive.
    """
    settings = read_settings(config)
    lock = only_process(settings.lock_file)
    with lock, opened_database(settings) as database:
        archiver = _archiver(settings, database, None)
        if archiver.needs_key():
            token = active_token(settings, pin_from)
            archiver = _archiver(settings, database, token.log_cipher())
        archived, removed = archiver.archive(), archiver.clean()
    click.echo(f"{archived} records archived, {removed} removed from the database")


@archive.command("list")
@json_option
@config_option
def list_(*, as_json: bool, config: Path) -> None:
    """List the archives in the archive folder."""
    settings = read_settings(config)
    folder = log_policy(settings).archive
    files = sorted(folder.glob("*.zip")) if folder.is_dir() else []
    rows = [(str(file), file.stat().st_size) for file in files]
    if as_json:
        print_json([{"file": name, "bytes": size} for name, size in rows])
        return
    print_table(("FILE", "BYTES"), rows, nothing=f"No archives in {folder}")


def _archiver(
    settings: Settings, database: Database, cipher: LogCipher | None
) -> Archiver:
    policy = log_policy(settings, cipher)
    return Archiver(database, policy, clock=lambda: datetime.now(UTC))
