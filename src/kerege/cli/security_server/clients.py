"""`kerege security-server client`: members and subsystems that the server serves."""

from pathlib import Path

import click

from kerege.cli.identifiers import client_id as a_client
from kerege.cli.output import day, print_json, print_table
from kerege.cli.security_server.certificates import certificate_in
from kerege.cli.security_server.common import (
    changing,
    global_configuration,
    json_option,
    require_client,
    server_configuration,
)
from kerege.cli.security_server.options import config_option, read_settings
from kerege.exchange.storage.server_configuration import (
    Client,
    ClientStatus,
    ConnectionType,
    add_client,
    add_client_certificate,
    change_client,
    remove_client,
    remove_client_certificate,
)
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import certificate_sha256, load_certificate, subject_text

CONNECTIONS = {
    "https": ConnectionType.HTTPS_AUTH,
    "https-no-auth": ConnectionType.HTTPS_NO_AUTH,
    "http": ConnectionType.HTTP,
}
STATUSES = {status.value: status for status in ClientStatus}

connection_option = click.option(
    "--connection",
    type=click.Choice(list(CONNECTIONS)),
    help="How its information systems must connect: HTTPS with a registered "
    "certificate, HTTPS without one, or plain HTTP.",
)
status_option = click.option(
    "--status",
    type=click.Choice(list(STATUSES)),
    help="Where its registration stands; only `registered` ones are served.",
)


@click.group()
def client() -> None:
    r"""Members and subsystems that are served here.

    \b
    Examples:
      kerege security-server client add central-server/GOV/70000001/portal
      kerege security-server client certificate add \
          central-server/GOV/70000001/portal portal.crt
      kerege security-server client list
    """


@client.command()
@click.argument("client_id", type=a_client)
@connection_option
@status_option
@config_option
def add(
    client_id: ClientId, connection: str | None, status: str | None, config: Path
) -> None:
    """Serve a client.

    It must be registered at the central server for this server; others refuse its
    messages before. By default it connects by HTTPS with a certificate of its own.
    """
    chosen = CONNECTIONS[connection or "https"]
    state = STATUSES[status] if status else ClientStatus.REGISTERED
    with changing(config) as database:
        add_client(database, client_id, connection_type=chosen, status=state)
    click.echo(f"Client {client_id.short} is served")
    _warn_unregistered(config, client_id)
    if chosen is ConnectionType.HTTPS_AUTH:
        click.echo(
            "Next, register its TLS certificate: kerege security-server client "
            f"certificate add {client_id.path} FILE"
        )


@client.command()
@click.argument("client_id", type=a_client)
@connection_option
@status_option
@config_option
def change(
    client_id: ClientId, connection: str | None, status: str | None, config: Path
) -> None:
    """Change how a client connects, or its status."""
    if connection is None and status is None:
        raise click.UsageError("Give --connection or --status")
    with changing(config) as database:
        change_client(
            database,
            client_id,
            connection_type=CONNECTIONS[connection] if connection else None,
            status=STATUSES[status] if status else None,
        )
    click.echo(f"Client {client_id.short} is changed")


@client.command()
@click.argument("client_id", type=a_client)
@click.confirmation_option(
    prompt="Its services, rights, groups and certificates go too. Remove it?"
)
@config_option
def remove(client_id: ClientId, config: Path) -> None:
    """Stop serving a client; its services and rights go too."""
    with changing(config) as database:
        remove_client(database, client_id)
    click.echo(f"Client {client_id.short} is not served any more")


@client.command("list")
@json_option
@config_option
def list_(*, as_json: bool, config: Path) -> None:
    """List the clients."""
    clients = server_configuration(config).clients.values()
    if as_json:
        print_json([_fields(one) for one in clients])
        return
    names = {kind: name for name, kind in CONNECTIONS.items()}
    rows = [
        (
            one.client_id.short,
            names[one.connection],
            one.status.value,
            len(one.certificates),
        )
        for one in clients
    ]
    columns = ("CLIENT", "CONNECTION", "STATUS", "CERTIFICATES")
    print_table(columns, rows, nothing="No clients")


@client.group()
def certificate() -> None:
    """TLS certificates that a client's information systems show."""


@certificate.command("add")
@click.argument("client_id", type=a_client)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@config_option
def add_certificate(client_id: ClientId, file: Path, config: Path) -> None:
    """Let an information system in by its certificate, PEM or DER."""
    value = certificate_in(file)
    with changing(config) as database:
        add_client_certificate(database, client_id, value)
    click.echo(f"{subject_text(value)} may speak for {client_id.short}")


@certificate.command("remove")
@click.argument("client_id", type=a_client)
@click.argument("sha256")
@config_option
def remove_certificate(client_id: ClientId, sha256: str, config: Path) -> None:
    """Remove a certificate by its SHA-256 digest, as `list` shows it."""
    try:
        digest = bytes.fromhex(sha256.replace(":", ""))
    except ValueError as error:
        raise click.UsageError("The digest is not hexadecimal") from error
    with changing(config) as database:
        remove_client_certificate(database, client_id, digest)
    click.echo(f"The certificate is removed from {client_id.short}")


@certificate.command("list")
@click.argument("client_id", type=a_client)
@json_option
@config_option
def list_certificates(*, client_id: ClientId, as_json: bool, config: Path) -> None:
    """List the certificates of a client."""
    found = require_client(server_configuration(config), client_id)
    values = [load_certificate(der) for der in found.certificates]
    rows = [
        (
            certificate_sha256(value).hex(),
            subject_text(value),
            day(value.not_valid_after_utc),
        )
        for value in values
    ]
    if as_json:
        names = ("sha256", "subject", "valid_until")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_table(("SHA-256", "SUBJECT", "VALID UNTIL"), rows, nothing="No certificates")


def _fields(one: Client) -> dict[str, object]:
    return {
        "client": one.client_id.path,
        "connection": one.connection.value,
        "status": one.status.value,
        "certificates": [
            certificate_sha256(load_certificate(der)).hex() for der in one.certificates
        ],
    }


def _warn_unregistered(config: Path, client_id: ClientId) -> None:
    settings = read_settings(config)
    conf = global_configuration(settings)
    if conf and not conf.server_has_client(settings.server_id, client_id):
        click.echo(
            "The global configuration does not have it at this server yet: register "
            "it at the central server",
            err=True,
        )
