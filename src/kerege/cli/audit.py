"""`kerege audit`: prove that nobody has changed the portal's audit log."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerege.cli.failures import Failure
from kerege.cli.portal_parts import choose_folder, folder_option, with_django

if TYPE_CHECKING:
    from cryptography import x509

FILE = click.Path(path_type=Path, dir_okay=False)
MAX_CERTIFICATE_BYTES = 65_536


@click.group()
@folder_option
def audit(folder: Path) -> None:
    """Check the audit log of the portal, and take its head elsewhere."""
    choose_folder(folder)


@audit.command()
@click.option(
    "--head",
    "heads",
    type=FILE,
    multiple=True,
    help="A head that was exported before; may be given several times.",
)
@click.option(
    "--tsa-certificate",
    type=FILE,
    help="The time-stamping authority's certificate (PEM): the heads must be its.",
)
@with_django
def verify(heads: tuple[Path, ...], tsa_certificate: Path | None) -> None:
    """Find a removed entry, a cut tail and a rewritten chain.

    Without a head, only changes are found whose author did not write all that follows
    anew. Names the first bad entry.
    """
    from kerege.apps.common.audit.chain import BrokenChainError
    from kerege.apps.common.audit.verifying import (
        MAX_HEAD_BYTES,
        Head,
        HeadError,
        stamped_at,
        verify,
    )

    certificates = _certificates(tsa_certificate)
    read = []
    for path in heads:
        try:
            head = Head.from_json(_content(path, MAX_HEAD_BYTES))
            if certificates:
                click.echo(f"{path} is from {stamped_at(head, certificates):%F %T} UTC")
        except HeadError as error:
            message = f"{path} cannot be believed"
            raise Failure(message, why=f"{error}.") from error
        read.append(head)
    try:
        count = verify(read)
    except BrokenChainError as error:
        raise Failure(
            "The audit log was tampered with",
            why=f"{error}.",
            advice="Keep the database as it is, and compare it with a backup.",
        ) from error
    click.echo(f"{count} entries, nothing removed, cut or rewritten.")


@audit.command("head")
@click.argument("file", type=FILE)
@click.option("--tsa", default="", help="Address of a time-stamping authority.")
@click.option("--tsa-certificate", type=FILE, help="Its certificate (PEM).")
@with_django
def export_head(file: Path, tsa: str, tsa_certificate: Path | None) -> None:
    """Write where the log ends now to FILE; keep it on another machine."""
    from kerege.apps.common.audit.verifying import current_head, stamped
    from kerege.apps.common.outgoing import OutgoingError, post

    head = current_head()
    if tsa:
        certificates = _certificates(tsa_certificate)
        if not certificates:
            raise click.UsageError("--tsa needs --tsa-certificate")
        headers = {"Content-Type": "application/timestamp-query"}
        try:
            head = stamped(head, lambda body: post(tsa, body, headers), certificates)
        except OutgoingError as error:
            raise Failure("There is no time-stamp", why=f"{error}.") from error
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as output:
        output.write(head.to_json())
    stamp = "time-stamped" if head.token else "without a time-stamp"
    click.echo(f"{file}: {sum(end.sequence for end in head.ends)} entries, {stamp}.")


def _certificates(path: Path | None) -> "Sequence[x509.Certificate]":
    if path is None:
        return ()
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(_content(path, MAX_CERTIFICATE_BYTES))
    except ValueError as error:
        message = f"{path} holds no certificate in PEM form"
        raise Failure(message) from error


def _content(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most + 1)
