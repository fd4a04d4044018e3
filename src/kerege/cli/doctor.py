"""`kerege doctor`: what is wrong with a server, and what to do about it."""

import asyncio
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click
import uvloop

from kerege.cli.doctor_output import Screen, print_report, print_words
from kerege.cli.security_server.common import json_option
from kerege.cli.security_server.options import PIN_SOURCES, config_option
from kerege.exchange.doctor import Severity, chosen_checks, examine, worst
from kerege.exchange.doctor.catalogue import CHECKS
from kerege.exchange.doctor.settings_checks import read_settings
from kerege.exchange.doctor.token import (
    CertificateSeen,
    InternalSeen,
    KeySeen,
    Purpose,
    TokenSeen,
)
from kerege.exchange.keys import (
    KeyRecord,
    KeyUsage,
    Pin,
    SoftwareToken,
    TokenMetadata,
    read_pin,
)
from kerege.exchange.keys.algorithms import public_key_info
from kerege.exchange.keys.folder import TokenFolder
from kerege.exchange.keys.selection import (
    Pair,
    authentication_certificate,
    signing_certificate,
)
from kerege.exchange.keys.server_keys import (
    INTERNAL_CERTIFICATE,
    INTERNAL_KEY,
    read_internal_identity,
)
from kerege.exchange.security_server.settings import Settings
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import public_key

EXIT_CODES = {Severity.GOOD: 0, Severity.WARNING: 1, Severity.ERROR: 2}
"""Those of Nagios plug-ins."""

_PURPOSES = {
    KeyUsage.AUTHENTICATION: Purpose.AUTHENTICATION,
    KeyUsage.SIGNING: Purpose.SIGNING,
}


class TokenReader:
    """Reads what may be known of a server's keys; a `KeyReader`."""

    def __init__(self, pin: Pin | None = None) -> None:
        """Read without opening any key, unless there is a PIN."""
        self._pin = pin

    @property
    def has_pin(self) -> bool:
        """Whether the token can be opened."""
        return self._pin is not None

    def open(self, settings: Settings) -> Mapping[str, XRoadError]:
        """Open the token and forget its keys; see `KeyReader.open`."""
        token = SoftwareToken.open(settings.path(settings.token))
        token.login(self._pin or "")
        closed = dict(token.closed_keys)
        token.logout()
        return closed

    def token(self, settings: Settings, at: datetime) -> TokenSeen:
        """Return the token's keys and certificates; see `KeyReader.token`."""
        folder = settings.path(settings.token)
        metadata = SoftwareToken.open(folder).metadata
        signing = {m: _signing(metadata, m, at) for m in _members(metadata)}
        return TokenSeen(
            folder,
            tuple(_key(TokenFolder(folder), key) for key in metadata.keys),
            _authentication(metadata, at),
            {member: seen for member, seen in signing.items() if seen is not None},
        )

    def internal(self, settings: Settings) -> InternalSeen | None:
        """Return the certificate of port 8443; see `KeyReader.internal`."""
        folder = settings.directory
        key_file = folder / INTERNAL_KEY
        if not key_file.exists():
            return None
        identity = read_internal_identity(folder)
        file = folder / INTERNAL_CERTIFICATE
        return InternalSeen(file, key_file, identity.certificates[0])


def _key(folder: TokenFolder, key: KeyRecord) -> KeySeen:
    return KeySeen(
        key.key_id,
        _PURPOSES[key.usage],
        folder.key_path(key.key_id),
        tuple(_seen((key, record)) for record in key.certificates),
    )


def _seen(pair: Pair) -> CertificateSeen:
    key, record = pair
    try:
        fits = public_key_info(public_key(record.certificate)) == key.public_key
    except XRoadError:
        fits = False
    return CertificateSeen(
        record.certificate,
        _PURPOSES[key.usage],
        record.member,
        record.status.value,
        record.active,
        fits,
    )


def _members(metadata: TokenMetadata) -> set[ClientId]:
    return {
        record.member
        for key in metadata.keys
        for record in key.certificates
        if record.member is not None
    }


def _signing(
    metadata: TokenMetadata, member: ClientId, at: datetime
) -> CertificateSeen | None:
    try:
        return _seen(signing_certificate(metadata, member, at))
    except XRoadError:
        return None


def _authentication(metadata: TokenMetadata, at: datetime) -> CertificateSeen | None:
    try:
        return _seen(authentication_certificate(metadata, at))
    except XRoadError:
        return None


def _server(config: Path) -> str:
    """Return the server's identifier; nothing if the settings cannot be read."""
    settings = read_settings(config)
    return settings.server_id.short if isinstance(settings, Settings) else ""


@click.command()
@config_option
@json_option
@click.option(
    "--pin-from",
    metavar="SOURCE",
    default="",
    help=f"Try this PIN too: does it open the token? {PIN_SOURCES}.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="CHECK",
    type=click.Choice([check.name for check in CHECKS]),
    help="Do only this check; may be given several times. A wrong name lists them.",
)
@click.option("--verbose", "-v", is_flag=True, help="Show also what is good.")
@click.pass_context
def doctor(
    context: click.Context,
    *,
    config: Path,
    as_json: bool,
    pin_from: str,
    only: tuple[str, ...],
    verbose: bool,
) -> None:
    r"""Find out what is wrong with a Security Server, and what to do.

    Looks at clock, ports, settings, global configuration, keys, certificates, OCSP,
    time-stamping, database, disk, other servers, services and rights. It needs no PIN,
    changes nothing and may run beside the server, in half a minute at most. It asks
    each OCSP responder and each time-stamping service once.

    \b
    Exit codes: 0 everything is good, 1 warnings, 2 errors.

    \b
    Examples:
      kerege doctor
      kerege doctor -c /srv/ss1/server.toml --json
      kerege doctor --pin-from fd:3 3< /run/ss1-pin
      kerege doctor --only certificates --only OCSP
    """
    config = config.absolute()  # so that every path that is named is whole
    reader = TokenReader(read_pin(pin_from) if pin_from else None)
    names = [check.name for check in chosen_checks(only, has_pin=reader.has_pin)]
    if len(names) < len(set(only)):
        raise click.UsageError("The check PIN needs the PIN: give --pin-from")
    screen = Screen(names, shown=not as_json and sys.stderr.isatty())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, screen:
        found = runner.run(examine(config, reader, only=only, on_done=screen.hear))
    server = _server(config)
    if as_json:
        print_report(config, server, found)
    else:
        print_words(config, server, found, verbose=verbose)
    context.exit(EXIT_CODES[worst(found)])
