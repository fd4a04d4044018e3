"""`kerege security-server keys import-pkcs12`: keys that were made elsewhere."""

from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from kerege.cli.failures import Failure
from kerege.cli.identifiers import client_id as a_client
from kerege.cli.security_server.certificates import member_named_in
from kerege.cli.security_server.common import active_token
from kerege.cli.security_server.options import (
    PIN_SOURCES,
    config_option,
    pin_option,
    read_settings,
)
from kerege.exchange.keys import CertificateStatus, KeyUsage, read_pin
from kerege.exchange.keys.algorithms import PrivateKey
from kerege.xroad.certificates import is_signing_certificate
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import subject_text

MAX_FILE_BYTES = 1024 * 1024
"""A key with its chain has a few kilobytes."""


@click.command("import-pkcs12")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--password-from",
    metavar="SOURCE",
    default="prompt",
    show_default=True,
    help=f"Where the file's password is read: {PIN_SOURCES}.",
)
@click.option(
    "--member",
    type=a_client,
    metavar="ID",
    help="Whose signing certificate it is; else read from it by the CA's profile.",
)
@click.option("--registered", is_flag=True, help="It is registered already.")
@pin_option
@config_option
def import_pkcs12(
    *,
    file: Path,
    password_from: str,
    member: ClientId | None,
    registered: bool,
    pin_from: str,
    config: Path,
) -> None:
    r"""Import a private key with its certificate from a PKCS#12 file (.p12, .pfx).

    For a move from another server, whose software token keeps such files. What the
    key is for is said by its certificate.

    \b
    Example:
      kerege security-server keys import-pkcs12 sign.p12 --registered
    """
    settings = read_settings(config)
    key, certificate = _read(file, password_from)
    owner = member or member_named_in(settings, certificate)
    is_signing = is_signing_certificate(certificate)
    usage = KeyUsage.SIGNING if is_signing else KeyUsage.AUTHENTICATION
    token = active_token(settings, pin_from)
    record = token.import_key(key, usage, label=file.name)
    status = CertificateStatus.REGISTERED if registered else None
    token.import_certificate(
        certificate, member=owner if is_signing else None, status=status
    )
    click.echo(
        f"{subject_text(certificate)} is imported for {usage.value} "
        f"with key {record.key_id[:12]}"
    )
    click.echo("A running server uses it after: kerege security-server reload")


def _read(file: Path, password_from: str) -> tuple[PrivateKey, x509.Certificate]:
    password = read_pin(password_from, ask="Password of the file: ").value.encode()
    if file.stat().st_size > MAX_FILE_BYTES:
        raise Failure(f"{file} is larger than {MAX_FILE_BYTES} bytes")  # noqa: EM102
    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(
            file.read_bytes(), password
        )
    except ValueError as error:
        raise Failure(
            f"{file} cannot be opened",  # noqa: EM102
            why="It is no PKCS#12 file, or the password is another one.",
            advice="Try it with: openssl pkcs12 -in FILE -info -noout",
        ) from error
    if certificate is None or not isinstance(
        key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    ):
        raise Failure(
            f"{file} does not hold what is needed",  # noqa: EM102
            why="It needs an RSA or EC private key, and the certificate that fits it.",
        )
    return key, certificate
