"""`kerege security-server keys`: keys and certificates of the server's token."""

from pathlib import Path
from typing import IO

import click

from kerege.cli.failures import Failure
from kerege.cli.identifiers import client_id as a_client
from kerege.cli.output import day, print_json, print_table
from kerege.cli.security_server.certificates import (
    SubjectChoice,
    certificate_in,
    certificate_record,
    member_named_in,
    require_named,
    subject_of,
    warn_unless_listed,
)
from kerege.cli.security_server.common import (
    active_token,
    chosen_pin,
    json_option,
    opened_token,
)
from kerege.cli.security_server.options import (
    PIN_SOURCES,
    config_option,
    pin_option,
    read_settings,
)
from kerege.cli.security_server.pkcs12 import import_pkcs12
from kerege.exchange.keys import (
    CertificateStatus,
    KeyAlgorithm,
    KeyRecord,
    KeyUsage,
    PinPolicy,
    SoftwareToken,
    read_pin,
)
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import certificate_sha256, subject_text

RELOAD = "A running server uses it after: kerege security-server reload"
NOTICED = "A running server notices after: kerege security-server reload"
SHOWN_DIGITS = 12
"""Of a digest: enough to name one certificate among a few."""


@click.group()
def keys() -> None:
    r"""Keys and certificates of the server's token.

    A server needs an authentication key (TLS between servers), and a signing key for
    each member that it serves. Keys and certificates are named by the beginning of
    their id, as `list` shows it.

    \b
    From key to certificate:
      kerege security-server keys generate signing
      kerege security-server keys request 5f3a --member central-server/GOV/70000001 \
          -o signing.csr
      kerege security-server keys import signing.crt
    """


@keys.command("list")
@json_option
@config_option
def list_(*, as_json: bool, config: Path) -> None:
    """List the keys and their certificates; needs no PIN."""
    found = opened_token(read_settings(config)).metadata.keys
    if as_json:
        print_json([_fields(key) for key in found])
        return
    rows: list[tuple[object, ...]] = []
    for key in found:
        name = (key.key_id[:SHOWN_DIGITS], key.usage.value, key.algorithm.value)
        if not key.certificates:
            rows.append((*name, "-", "no certificate yet", "", "", ""))
        for record in key.certificates:
            value = record.certificate
            rows.append(
                (
                    *name,
                    certificate_sha256(value).hex()[:SHOWN_DIGITS],
                    subject_text(value),
                    record.status.value,
                    record.active,
                    day(value.not_valid_after_utc),
                )
            )
    print_table(
        (
            *("KEY", "USAGE", "ALGORITHM", "CERTIFICATE"),
            *("SUBJECT", "STATUS", "ACTIVE", "VALID UNTIL"),
        ),
        rows,
        nothing="No keys: kerege security-server keys generate authentication",
    )


@keys.command()
@click.argument("usage", type=click.Choice([usage.value for usage in KeyUsage]))
@click.option(
    "--algorithm",
    type=click.Choice([kind.value for kind in KeyAlgorithm]),
    default=KeyAlgorithm.RSA_2048.value,
    show_default=True,
    help="EC keys need X-Road 7.6 at every peer.",
)
@click.option("--label", default="", help="For people.")
@pin_option
@config_option
def generate(
    usage: str, algorithm: str, label: str, pin_from: str, config: Path
) -> None:
    """Make a key."""
    token = active_token(read_settings(config), pin_from)
    key = token.generate_key(KeyUsage(usage), KeyAlgorithm(algorithm), label=label)
    member = " --member ID" if key.usage is KeyUsage.SIGNING else ""
    click.echo(
        f"Key {key.key_id} is made. Next, a certificate request:\n"
        f"kerege security-server keys request {key.key_id[:SHOWN_DIGITS]}{member}"
    )


@keys.command()
@click.argument("key")
@click.option(
    "--member",
    type=a_client,
    metavar="ID",
    help="Whose signing certificate it is to be.",
)
@click.option(
    "--ca", default="", metavar="NAME", help="Which approved CA, if there are several."
)
@click.option(
    "--organization",
    default="",
    help="The member's name, where it is not registered yet.",
)
@click.option(
    "--host", multiple=True, metavar="NAME", help="DNS name or address of the server."
)
@click.option(
    "--subject", default="", metavar="RFC4514", help="Instead of the CA's profile."
)
@click.option(
    "-o",
    "--output",
    type=click.File("wb"),
    default="-",
    help="File of the request; else standard output.",
)
@pin_option
@config_option
def request(  # noqa: PLR0913 - one for each option
    *,
    key: str,
    member: ClientId | None,
    ca: str,
    organization: str,
    host: tuple[str, ...],
    subject: str,
    output: IO[bytes],
    pin_from: str,
    config: Path,
) -> None:
    """Write a certificate request (PKCS#10, PEM) for a key.

    The subject is made as the CA's profile in the global configuration says.
    """
    settings = read_settings(config)
    token = active_token(settings, pin_from)
    found = _key(token, key)
    choice = SubjectChoice(found.usage, member, ca, organization, host, subject)
    name = subject_of(settings, choice)
    data = token.certificate_request(found.key_id, name, hosts=host)
    output.write(data)


@keys.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--member",
    type=a_client,
    metavar="ID",
    help="Whose signing certificate it is; else read from it by the CA's profile.",
)
@click.option("--registered", is_flag=True, help="It is registered already.")
@config_option
def import_(
    *, file: Path, member: ClientId | None, registered: bool, config: Path
) -> None:
    """Import a certificate, PEM or DER, that was issued for one of the keys."""
    settings = read_settings(config)
    token = opened_token(settings)
    value = certificate_in(file)
    status = CertificateStatus.REGISTERED if registered else None
    owner = member or member_named_in(settings, value)
    key = token.import_certificate(value, member=owner, status=status)
    click.echo(f"{subject_text(value)} belongs to key {key.key_id[:SHOWN_DIGITS]}")
    click.echo(RELOAD)


@keys.command()
@click.argument("certificate")
@config_option
def activate(certificate: str, config: Path) -> None:
    """Use a certificate again."""
    _set_active(certificate, config, active=True)


@keys.command()
@click.argument("certificate")
@config_option
def deactivate(certificate: str, config: Path) -> None:
    """Keep a certificate, but do not use it."""
    _set_active(certificate, config, active=False)


@keys.command()
@click.argument("certificate")
@click.argument(
    "status", type=click.Choice([status.value for status in CertificateStatus])
)
@config_option
def mark(certificate: str, status: str, config: Path) -> None:
    """Note where the registration of a certificate stands."""
    settings = read_settings(config)
    token = opened_token(settings)
    record = certificate_record(token.metadata, certificate)
    token.set_certificate(record.certificate, status=CertificateStatus(status))
    click.echo(f"{subject_text(record.certificate)} is {status}")
    if status == CertificateStatus.REGISTERED.value:
        warn_unless_listed(settings, record)


@keys.command("delete-certificate")
@click.argument("certificate")
@click.confirmation_option(prompt="Remove the certificate from the token?")
@config_option
def delete_certificate(certificate: str, config: Path) -> None:
    """Remove a certificate; its key stays."""
    token = opened_token(read_settings(config))
    record = certificate_record(token.metadata, certificate)
    token.delete_certificate(record.certificate)
    click.echo(f"{subject_text(record.certificate)} is removed. {NOTICED}")


@keys.command("delete")
@click.argument("key")
@click.confirmation_option(prompt="The key cannot be restored. Delete it?")
@pin_option
@config_option
def delete_key(key: str, pin_from: str, config: Path) -> None:
    """Delete a key with its certificates, for good."""
    token = active_token(read_settings(config), pin_from)
    found = _key(token, key)
    token.delete_key(found.key_id)
    click.echo(f"Key {found.key_id} is deleted")


@keys.command("change-pin")
@pin_option
@click.option(
    "--new-pin-from",
    metavar="SOURCE",
    default="prompt",
    show_default=True,
    help=f"Where the new PIN is read: {PIN_SOURCES}.",
)
@click.option("--any-pin", is_flag=True, help="Accept a short PIN.")
@config_option
def change_pin(
    *, pin_from: str, new_pin_from: str, any_pin: bool, config: Path
) -> None:
    """Give the token another PIN."""
    token = opened_token(read_settings(config))
    policy = PinPolicy.ANY if any_pin else PinPolicy.STRICT
    old = read_pin(pin_from, ask="The PIN until now: ")
    new = chosen_pin(new_pin_from, policy, ask="The new PIN: ")
    token.change_pin(old, new, policy=policy)
    click.echo("The PIN is changed")


def _set_active(prefix: str, config: Path, *, active: bool) -> None:
    token = opened_token(read_settings(config))
    record = certificate_record(token.metadata, prefix)
    token.set_certificate(record.certificate, active=active)
    state = "used" if active else "not used any more"
    click.echo(f"{subject_text(record.certificate)} is {state}. {NOTICED}")


def _key(token: SoftwareToken, prefix: str) -> KeyRecord:
    require_named(prefix)
    found = [k for k in token.metadata.keys if k.key_id.startswith(prefix.lower())]
    if len(found) != 1:
        how_many = "No key begins" if not found else f"{len(found)} keys begin"
        msg = f"{how_many} with {prefix!r}"
        raise Failure(msg, advice="See: kerege security-server keys list")
    return found[0]


def _fields(key: KeyRecord) -> dict[str, object]:
    return {
        "key": key.key_id,
        "label": key.label,
        "usage": key.usage.value,
        "algorithm": key.algorithm.value,
        "certificates": [
            {
                "sha256": certificate_sha256(record.certificate).hex(),
                "subject": subject_text(record.certificate),
                "member": record.member.path if record.member else None,
                "status": record.status.value,
                "active": record.active,
                "valid_from": record.certificate.not_valid_before_utc.isoformat(),
                "valid_until": record.certificate.not_valid_after_utc.isoformat(),
            }
            for record in key.certificates
        ],
    }


keys.add_command(import_pkcs12)
