"""`kerege security-server move-database`: from SQLite to PostgreSQL, or back."""

from dataclasses import replace
from pathlib import Path

import click
from sqlalchemy import URL, make_url

from kerege.cli.failures import Failure
from kerege.cli.security_server.common import opened_database, private_files
from kerege.cli.security_server.database_password import (
    password_option,
    with_password,
)
from kerege.cli.security_server.options import config_option, read_settings
from kerege.exchange.processes import only_process, using
from kerege.exchange.storage.moving import copy_database
from kerege.xroad.faults import XRoadError

STEP = 0.1
"""A line of progress for each tenth of a large table."""
LARGE = 10_000


@click.command("move-database")
@click.argument("url")
@password_option
@config_option
def move_database(url: str, password_from: str | None, config: Path) -> None:
    r"""Copy everything in the server's database into the empty one at URL.

    Clients, services, rights and the message log. Only while the server is stopped;
    commands that change clients, services or rights are refused meanwhile. The old database stays as it is; the last line says how the server is told to use
    the new one. If anything goes wrong, the new one stays empty.

    \b
    Example:
      kerege security-server move-database postgresql+psycopg://kerege@db.example/kerege
    """
    settings = read_settings(config)
    url = with_password(url, password_from)
    other = replace(settings, database=url)
    if other.database_url == settings.database_url:
        raise Failure("The server uses this database already")
    changes = XRoadError(
        "action_not_possible",
        "Another command is changing the database",
        advice="Wait until it has ended, and give the command again.",
    )
    with (
        private_files(),
        only_process(settings.lock_file),
        using(settings.path(settings.spool), alone=True, refused=changes),
        opened_database(settings) as source,
        opened_database(other) as target,
    ):
        counts = copy_database(source, target, _Progress())
    click.echo(f"Copied and counted: {sum(counts.values())} rows")
    click.echo(f"Now write into {config}, and start the server:")
    click.echo(how_to_use(url))


def how_to_use(url: str) -> str:
    """Return the line of the settings file for a database, without its password."""
    address = make_url(url)
    if not address.password:
        return f'  database = "{url}"'
    shown = URL.create(
        address.drivername,
        username=address.username,
        host=address.host,
        port=address.port,
        database=address.database,
        query=address.query,
    )
    return (
        f'  database = "{shown}"\n'
        "and add the password to the address, as user:password@host, or keep it in "
        "~/.pgpass of the server's user."
    )


class _Progress:
    """Prints a line for each table, and for each part of a large one."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, table: str, done: int, total: int) -> None:
        if done == 0:
            self._next = STEP
        elif done == total:
            click.echo(f"  {table}: {total}")
        elif total >= LARGE and done / total >= self._next:
            click.echo(f"  {table}: {done} of {total}")
            self._next = done / total + STEP
