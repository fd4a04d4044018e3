"""`kerege security-server message-log`: its keys, and its folder of large bodies."""

from pathlib import Path

import click

from kerege.cli.failures import Failure
from kerege.cli.output import print_json, print_table
from kerege.cli.security_server.common import (
    active_token,
    json_option,
    opened_database,
    opened_token,
    to_change,
)
from kerege.cli.security_server.keys import RELOAD
from kerege.cli.security_server.options import (
    config_option,
    pin_option,
    read_settings,
)
from kerege.cli.security_server.running import ask_server
from kerege.exchange.keys.log_keys import without_log_key
from kerege.exchange.messagelog.bodies_folder import accept_lost_bodies
from kerege.exchange.messagelog.key_use import use_of_key
from kerege.exchange.processes import FileLock
from kerege.exchange.security_server.logging_setup import log_policy
from kerege.exchange.security_server.settings import Settings


@click.group("message-log")
def message_log() -> None:
    r"""Keys of the message log.

    Messages and bodies are encrypted in the database and in files, with a key in the
    server's token that its PIN opens. The newest key encrypts; older ones open what
    they encrypted. Without the token's folder nobody reads the log again: back it up.

    \b
    Examples:
      kerege security-server message-log keys
      kerege security-server message-log new-key
      kerege security-server message-log forget-key 1f60a9e2d4c7b853
    """


@message_log.command("keys")
@json_option
@config_option
def keys_(*, as_json: bool, config: Path) -> None:
    """List the keys, the newest first; needs no PIN."""
    found = opened_token(read_settings(config)).metadata.log_keys[::-1]
    rows = [
        (key.key_id, f"{key.created:%Y-%m-%d %H:%M:%S}", number == 0)
        for number, key in enumerate(found)
    ]
    if as_json:
        names = ("id", "created", "encrypts")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_table(
        ("KEY", "CREATED (UTC)", "ENCRYPTS"),
        rows,
        nothing="No keys: a server makes one when it starts",
    )


@message_log.command("new-key")
@pin_option
@config_option
def new_key(pin_from: str, config: Path) -> None:
    """Make a new key; what was logged before stays readable."""
    token = active_token(read_settings(config), pin_from)
    token.add_log_key()
    click.echo(f"New key {token.metadata.log_keys[-1].key_id}")
    click.echo(RELOAD)


@message_log.command("forget-key")
@click.argument("key")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pin_option
@config_option
def forget_key(*, key: str, yes: bool, pin_from: str, config: Path) -> None:
    """Forget an old key that opens nothing of the log any more, for good.

    Refused while a record or a file of a large body needs it: these go some time after
    they have been archived. Archives need no key of the log. A backup of the database
    may need it: keep a backup of the token's folder as long.

    A server that runs is reloaded first, so that nothing is encrypted with it again.
    """
    settings = read_settings(config)
    token = active_token(settings, pin_from)
    without_log_key(token.metadata.log_keys, key)
    _require_unused(settings, key)
    click.echo(f"Key {key} opens no record and no file of the message log")
    if not yes:
        prompt = "Backups of the log that need it will be lost. Forget it?"
        click.confirm(prompt, abort=True)
    lock = FileLock(settings.lock_file)
    if not lock.take():  # a server runs
        ask_server(config, {"do": "reload"})
        click.echo("The server that runs is reloaded")
        _require_unused(settings, key)
    token.forget_log_key(key)
    lock.release()
    click.echo(f"Key {key} is forgotten")


def _require_unused(settings: Settings, key: str) -> None:
    with opened_database(settings) as database:
        use = use_of_key(database, log_policy(settings).bodies, key)
    if any(use):
        msg = (
            f"Key {key} still opens {use.records} records and {use.files} files of "
            "large bodies"
        )
        raise Failure(
            msg,
            why="Without it nobody reads them again.",
            advice="Wait until they are archived and cleaned up; see "
            "`keep_records_days` in the settings.",
        )


@message_log.command("accept-lost-bodies")
@click.confirmation_option(
    prompt="Archives will hold the digests of lost bodies only. Go on?"
)
@config_option
def accept_lost(config: Path) -> None:
    """Go on with another folder of large bodies, whose old content is lost.

    Archiving stops where bodies are missing and the folder `spool` is not the one that
    they were logged in: its disk may just not be mounted. This says that it is not so.
    """
    settings = read_settings(config)
    folder = log_policy(settings).bodies
    if not folder.is_dir():
        msg = f"There is no folder {folder}"
        raise Failure(msg, advice="Make it, or correct `spool` in the settings.")
    with to_change(settings) as database:
        accept_lost_bodies(database, folder)
    click.echo(f"Bodies are in {folder} from now on")
