"""`kerege sandbox`: certificates and registrations in a demo."""

from pathlib import Path
from typing import IO

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.cli.demo import DEFAULT_FOLDER
from kerege.cli.failures import Failure
from kerege.cli.identifiers import server_id as a_server
from kerege.cli.output import print_table
from kerege.cli.security_server.certificates import certificate_in
from kerege.sandbox.joining import (
    JoiningError,
    certify as certify_request,
    register as register_certificate,
    registered,
    unregister as unregister_certificate,
)
from kerege.sandbox.layout import Files, MemberPlan
from kerege.xroad.identifiers import SecurityServerId
from kerege.xroad.x509 import certificate_sha256, subject_text

MAX_REQUEST_BYTES = 64 * 1024
"""A certificate request has one or two KiB."""
SHOWN_DIGITS = 12
WAIT = "Servers know it after their next download, within a minute."

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Where the demo's files lie.",
)
certificate_argument = click.argument(
    "certificate", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)


@click.group()
def sandbox() -> None:
    r"""Be CA and operator of a demo. NOT FOR PRODUCTION.

    The demo's CA certifies whoever asks here, and the demo's configuration registers
    it: to let a server of your own join, or to change the keys of one. The demo may
    run or not.

    \b
    Examples:
      kerege sandbox certify signing.csr -o signing.crt
      kerege sandbox register central-server/GOV/70000050/SS2 authentication.crt
      kerege sandbox list
    """


@sandbox.command()
@click.argument("request", type=click.File("rb"))
@click.option(
    "-o",
    "--output",
    type=click.File("wb", lazy=True),
    default="-",
    help="File of the certificate (PEM); else standard output.",
)
@folder_option
def certify(request: IO[bytes], output: IO[bytes], folder: Path) -> None:
    """Certify a request (PKCS#10, PEM or DER) by the demo's CA.

    Nobody is asked whether the name is yours. What the key is for is said by the
    request, as `keys request` writes it.
    """
    content = request.read(MAX_REQUEST_BYTES + 1)
    if len(content) > MAX_REQUEST_BYTES:
        raise Failure("This is no certificate request: it is too long")
    try:
        issued = certify_request(Files(folder), content)
    except JoiningError as error:
        raise _failure(error, "Nothing is certified") from error
    output.write(issued.public_bytes(Encoding.PEM))


@sandbox.command()
@click.argument("server", type=a_server)
@certificate_argument
@click.option("--address", default="", help="Of a new server: where others reach it.")
@click.option("--name", default="", help="Of a new server's member.")
@click.option(
    "--subsystem", multiple=True, metavar="CODE", help="Of a new server: its clients."
)
@folder_option
def register(
    *,
    server: SecurityServerId,
    certificate: Path,
    address: str,
    name: str,
    subsystem: tuple[str, ...],
    folder: Path,
) -> None:
    r"""Register a server's authentication certificate in the demo's configuration.

    Others that are registered for the server stay. A server that the configuration
    does not know needs an address.

    \b
    Examples:
      kerege sandbox register central-server/GOV/70000050/SS2 authentication.crt
      kerege sandbox register central-server/GOV/70000077/SS1 authentication.crt \
          --address 127.0.0.14 --name 'Ministry of Agriculture' --subsystem portal
    """
    newcomer = None
    if address:
        newcomer = MemberPlan(
            server.member_class,
            server.member_code,
            name or server.member_code,
            server.server_code,
            address,
            tuple((code, code) for code in subsystem),
            server.instance,
        )
    elif name or subsystem:
        raise click.UsageError("--name and --subsystem need --address")
    value = certificate_in(certificate)
    try:
        now = register_certificate(Files(folder), server, value, newcomer=newcomer)
    except JoiningError as error:
        raise _failure(error, "Nothing is registered") from error
    _say(value, f"is registered for {server.path}")
    click.echo(f"Certificates of the server: {len(now.certificates)}. {WAIT}")


@sandbox.command()
@certificate_argument
@folder_option
def unregister(certificate: Path, folder: Path) -> None:
    """Take an authentication certificate out of the demo's configuration."""
    value = certificate_in(certificate)
    try:
        server = unregister_certificate(Files(folder), value)
    except JoiningError as error:
        raise _failure(error, "Nothing is taken out") from error
    _say(value, f"is not registered for {server.path} any more")
    click.echo(WAIT)


@sandbox.command("list")
@folder_option
def list_(folder: Path) -> None:
    """List the servers of the demo's configuration with their certificates."""
    try:
        found = registered(Files(folder))
    except JoiningError as error:
        raise _failure(error, "There is nothing to list") from error
    rows: list[tuple[object, ...]] = []
    for one in found:
        subsystems = " ".join(code for code, _ in one.plan.subsystems)
        name = (one.plan.server_id.path, one.plan.address, one.plan.name, subsystems)
        digests = [_digest(value) for value in one.certificates] or ["none"]
        rows += [(*name, digest) for digest in digests]
    head = ("SERVER", "ADDRESS", "MEMBER", "SUBSYSTEMS", "CERTIFICATE")
    print_table(head, rows, nothing="No servers")


def _digest(certificate: x509.Certificate) -> str:
    return certificate_sha256(certificate).hex()[:SHOWN_DIGITS]


def _say(certificate: x509.Certificate, what: str) -> None:
    click.echo(f"{_digest(certificate)} ({subject_text(certificate)}) {what}")


def _failure(error: JoiningError, what: str) -> Failure:
    return Failure(what, why=str(error))
