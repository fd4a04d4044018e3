"""`kerege security-server init`: everything that a new server needs, in one folder."""

from pathlib import Path

import click

from kerege.cli.anchors import read_anchor
from kerege.cli.failures import Failure
from kerege.cli.security_server.common import chosen_pin, private_files
from kerege.cli.security_server.database_password import (
    password_option,
    with_password,
)
from kerege.cli.security_server.options import DEFAULT_CONFIG, PIN_SOURCES
from kerege.cli.security_server.settings_file import settings_file
from kerege.exchange.keys import PinPolicy, SoftwareToken
from kerege.exchange.keys.server_keys import internal_identity
from kerege.exchange.security_server.settings import Settings, load_settings
from kerege.exchange.storage import open_database
from kerege.exchange.storage.server_configuration import ClientStatus, add_client
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf.anchor import anchor_fingerprint
from kerege.xroad.identifiers import SecurityServerId, invalid_codes

ANCHOR_FILE = "configuration-anchor.xml"


@click.command()
@click.argument("path", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--identifier",
    required=True,
    metavar="INSTANCE/CLASS/MEMBER/SERVERCODE",
    help="This server, as it will be registered.",
)
@click.option(
    "--anchor",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration anchor, from the operator of the instance.",
)
@click.option(
    "--database",
    metavar="URL",
    default=Settings().database,
    show_default=True,
    help="SQLite in the folder, or postgresql+psycopg://user@host/name.",
)
@password_option
@click.option(
    "--pin-from",
    metavar="SOURCE",
    default="prompt",
    show_default=True,
    help=f"Where the new token's PIN is read: {PIN_SOURCES} (asks twice).",
)
@click.option("--any-pin", is_flag=True, help="Accept a short PIN; not for production.")
def init(  # noqa: PLR0913 - options by name
    *,
    path: Path,
    identifier: str,
    anchor: Path,
    database: str,
    password_from: str | None,
    pin_from: str,
    any_pin: bool,
) -> None:
    r"""Make a new server in the folder PATH.

    The folder gets a settings file with all options explained, the anchor, a database,
    a token for keys that the PIN opens, and a TLS key for information systems.

    \b
    Example:
      kerege security-server init /srv/ss1 \
          --identifier central-server/GOV/70000001/SS1 --anchor anchor.xml

    A password of the database that is given with --password-from stands in the
    settings file afterwards, which only the server's user can read.

    A PIN has ten characters or more, of three kinds; it cannot be recovered.
    """
    server_id = _identifier(identifier)
    anchor_data = _anchor_for(anchor, server_id)
    config = path / DEFAULT_CONFIG
    if config.exists():
        msg = f"{path} already holds a server"
        raise Failure(
            msg,
            advice="Choose another folder, or change its settings file.",
        )
    database = with_password(database, password_from)
    policy = PinPolicy.ANY if any_pin else PinPolicy.STRICT
    pin = chosen_pin(pin_from, policy, ask="A new PIN for the keys: ")
    chosen = {"identifier": server_id.path, "database": database}
    with private_files():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / ANCHOR_FILE).write_bytes(anchor_data)
        config.write_text(settings_file(chosen), encoding="utf-8")
        try:
            settings = load_settings(config)
            _fill(settings, server_id)
            SoftwareToken.create(settings.path(settings.token), pin, policy=policy)
            internal_identity(settings.directory)
        except BaseException:
            config.unlink()
            raise
    _say_what_is_next(path, server_id, anchor_data)


def _identifier(text: str) -> SecurityServerId:
    server_id = SecurityServerId.from_path(text)
    wrong = invalid_codes(server_id)
    if wrong:
        msg = f"The code {wrong[0]!r} cannot be used in an identifier"
        raise Failure(
            msg,
            advice="Codes have no % : ; / \\ and no control characters.",
        )
    return server_id


def _anchor_for(path: Path, server_id: SecurityServerId) -> bytes:
    anchor = read_anchor(path)
    if anchor.instance != server_id.instance:
        msg = (
            f"The anchor is of instance {anchor.instance}, "
            f"the identifier names {server_id.instance}"
        )
        raise Failure(
            msg,
            advice="The first part of the identifier must be the anchor's instance.",
        )
    return path.read_bytes()


def _fill(settings: Settings, server_id: SecurityServerId) -> None:
    """Make the database's tables and the owner as first client."""
    database = open_database(settings.database_url)
    try:
        with database.write() as connection:
            add_client(connection, server_id.owner, status=ClientStatus.REGISTERED)
    except XRoadError as error:
        if error.code != "duplicate_entry":
            raise
    finally:
        database.close()


def _say_what_is_next(path: Path, server_id: SecurityServerId, anchor: bytes) -> None:
    click.echo(f"""\
Security server {server_id.short} is ready to be set up in {path}

  SHA-224 of the configuration anchor; compare it with the operator's:
  {anchor_fingerprint(anchor)}

Next:
  cd {path}
  kerege configuration download --anchor {ANCHOR_FILE} --to globalconf
  kerege security-server keys generate authentication
  kerege security-server keys generate signing
  kerege security-server keys request KEY ...    once for each key, then import
  kerege security-server timestamping list       then add one
  kerege security-server client add ...          each subsystem
  kerege security-server run""")
