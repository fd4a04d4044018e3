"""`kerege security-server archive`: the message log's archives."""

from datetime import UTC, datetime
from pathlib import Path

import click

from kerege.cli.failures import Failure
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
from kerege.exchange.messagelog.transfer import archives_in
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
    files = archives_in(folder) if folder.is_dir() else []
    rows = [(str(file), file.stat().st_size) for file in files]
    if as_json:
        print_json([{"file": name, "bytes": size} for name, size in rows])
        return
    print_table(("FILE", "BYTES"), rows, nothing=f"No archives in {folder}")


@archive.command()
@json_option
@config_option
def chains(*, as_json: bool, config: Path) -> None:
    """Show how each chain of archives ends: the last digest, for `kerege verify`.

    Write it down elsewhere: it proves later that no archive is missing.
    """
    settings = read_settings(config)
    with opened_database(settings) as database:
        found = _archiver(settings, database, None).ends()
    rows = [(group or "-", link.file_name, link.digest) for group, link in found]
    if as_json:
        names = ("group", "last_archive", "last_digest")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    columns = ("GROUP", "LAST ARCHIVE", "LAST DIGEST")
    print_table(columns, rows, nothing="Nothing has been archived yet")


@archive.command()
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    help="An existing folder; by default what the settings say.",
)
@click.option("--keep", is_flag=True, help="Copy archives, and leave them here too.")
@config_option
def transfer(*, to: Path | None, keep: bool, config: Path) -> None:
    """Move finished archives to another folder; also while the server runs."""
    settings = read_settings(config)
    policy = log_policy(settings)
    if to is None and policy.transfer_to is None and not policy.transfer_command:
        msg = "It is not known where archives go"
        advice = "Give --to FOLDER, or set transfer_directory in [message_log]."
        raise Failure(msg, advice=advice)
    with opened_database(settings) as database:
        count = _archiver(settings, database, None).transfer(to, keep=keep)
    if to is None and policy.transfer_to is None:
        click.echo(f"Done: {policy.transfer_command}")
        return
    done = "copied" if keep else "moved"
    click.echo(f"{count} archives {done} to {to or policy.transfer_to}")


def _archiver(
    settings: Settings, database: Database, cipher: LogCipher | None
) -> Archiver:
    policy = log_policy(settings, cipher)
    return Archiver(database, policy, clock=lambda: datetime.now(UTC))
