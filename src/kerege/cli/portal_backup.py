"""`kerege portal backup` and `restore`."""

import os
from pathlib import Path

import click

from kerege.cli.failures import Failure
from kerege.cli.portal_parts import portal_folder, with_django

LEAST_CHARACTERS = 12
"""Of a passphrase: whoever has the file can try as many as they like."""
MAX_PASSPHRASE_BYTES = 4096
passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file whose first line is the passphrase; asked for otherwise.",
)
file_argument = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@file_argument
@passphrase_option
@with_django
def backup(file: Path, passphrase_file: Path | None) -> None:
    """Write database, documents, keys and audit head to FILE, encrypted.

    The site goes on working. Keep the passphrase elsewhere: without it the file is
    worth nothing.
    """
    from django.conf import settings

    from kerege.portal.backup.database import DatabaseCopyError
    from kerege.portal.backup.making import make

    passphrase = _passphrase(passphrase_file, confirm=True)
    if len(passphrase) < LEAST_CHARACTERS:
        message = f"The passphrase has under {LEAST_CHARACTERS} characters"
        raise Failure(message, advice="Take five or six words.")
    try:
        size = make(settings.CONFIGURATION, file, passphrase)
    except DatabaseCopyError as error:
        raise Failure("There is no backup", why=f"{error}.") from error
    click.echo(f"{file}: {size} bytes. Try it: kerege portal --folder NEW restore")


@click.command()
@file_argument
@passphrase_option
def restore(file: Path, passphrase_file: Path | None) -> None:
    """Make the folder, which must be empty, from the backup FILE."""
    from kerege.portal.backup.database import DatabaseCopyError
    from kerege.portal.backup.restoring import FolderNotEmptyError, restore
    from kerege.portal.backup.sealed import SealError

    passphrase = _passphrase(passphrase_file, confirm=False)
    try:
        restore(portal_folder(), file, passphrase)
    except FolderNotEmptyError as error:
        advice = "Name a new one: kerege portal --folder DIR restore FILE"
        raise Failure(str(error), advice=advice) from error
    except (SealError, DatabaseCopyError) as error:
        raise Failure("Nothing was restored", why=f"{error}.") from error
    _check()


@with_django
def _check() -> None:
    """Bring the tables to this version, and see that the audit log is whole."""
    from django.core.management import call_command

    from kerege.apps.common.audit.chain import BrokenChainError
    from kerege.apps.common.audit.verifying import Head, verify
    from kerege.portal.backup import HEAD

    call_command("migrate", verbosity=0, interactive=False)
    head = Head.from_json((portal_folder() / HEAD).read_bytes())
    try:
        count = verify([head])
    except BrokenChainError as error:
        why = f"{error}."
        raise Failure("Restored, but the audit log is broken", why=why) from error
    click.echo(f"{portal_folder()} is restored; {count} entries in the audit log.")


def _passphrase(file: Path | None, *, confirm: bool) -> str:
    if file is None:
        asked = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm)
        return str(asked)
    with file.open("rb") as source:
        line = source.readline(MAX_PASSPHRASE_BYTES)
    return os.fsdecode(line).rstrip("\r\n")
