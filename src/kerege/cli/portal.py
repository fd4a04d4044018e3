"""`kerege portal`: set up and run the site."""

import os
import signal
import threading
from ipaddress import ip_address
from pathlib import Path

import click

from kerege.cli.failures import Failure
from kerege.cli.portal_backup import backup, restore
from kerege.cli.portal_parts import (
    choose_folder,
    folder_option,
    portal_folder,
    with_django,
)
from kerege.portal.configuration import initialize

PEM = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
@folder_option
def portal(folder: Path) -> None:
    """Set up and run the portal: the register's site and what belongs to it."""
    choose_folder(folder)


portal.add_command(backup)
portal.add_command(restore)


def _require_tables() -> None:
    """Say so before the first page does, if the tables are of another version."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor
    from django.db.utils import OperationalError

    try:
        executor = MigrationExecutor(connection)
    except OperationalError as error:
        raise Failure(
            "The database cannot be opened", why=str(error).strip()
        ) from error
    if missing := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise Failure(
            "The database is of an older version",
            why=f"{len(missing)} steps are missing, the first is {missing[0][0]}.",
            advice="Make a backup, then bring it up to date: kerege portal migrate",
        )


@portal.command()
def init() -> None:
    """Make the folder with a settings file and keys; keep what is there."""
    initialize(portal_folder())
    migrate_database()
    click.echo(f"{portal_folder()} is ready. Next: kerege portal serve")


@with_django
def migrate_database() -> None:
    """Bring the database's tables to this version's state."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


@portal.command()
def migrate() -> None:
    """Bring the database's tables to this version's state."""
    migrate_database()
    click.echo("The database is of this version.")


@portal.command()
@click.option("--listen", default="127.0.0.1:8000", show_default=True)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@with_django
def serve(listen: str, workers: int) -> None:
    """Serve the site until told to stop."""
    from django.core.management import call_command

    from kerege.portal.server import run

    _require_style_sheet()
    _require_tables()
    call_command("collectstatic", verbosity=0, interactive=False)
    click.echo(f"The portal is at http://{listen}")
    run(listen, workers=workers)


@portal.command()
@click.option(
    "--listen",
    default="127.0.0.1:9001",
    show_default=True,
    help="Address and port that only the Security Server knows.",
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option("--certificate", type=PEM, help="Own TLS certificate, for mutual TLS.")
@click.option("--key", type=PEM, help="Its private key.")
@click.option(
    "--security-server",
    type=PEM,
    help="internal.crt of the own Security Server: only it is let in.",
)
def serve_services(
    *,
    listen: str,
    workers: int,
    certificate: Path | None,
    key: Path | None,
    security_server: Path | None,
) -> None:
    r"""Serve the register's services to the own Security Server, and to nobody else.

    X-Road headers are believed on a loopback address, or, with the last three options,
    from the Security Server's own certificate. The site has none of these paths.

    \b
    Examples:
      kerege portal serve-services --listen 127.0.0.1:9001
      kerege portal serve-services --listen 10.1.2.3:9443 --certificate a.crt --key a.key --security-server internal.crt
    """
    tls_files = (certificate, key, security_server)
    if any(tls_files) and not all(tls_files):
        message = "--certificate, --key and --security-server belong together"
        raise click.UsageError(message)
    _require_listener(listen, with_tls=all(tls_files))
    os.environ["DJANGO_SETTINGS_MODULE"] = "kerege.portal.settings_services"
    _serve_services(listen, workers, certificate, key, security_server)


@with_django
def _serve_services(
    listen: str,
    workers: int,
    certificate: Path | None,
    key: Path | None,
    security_server: Path | None,
) -> None:
    from kerege.portal.server import MutualTLSFiles, run_services

    _require_tables()
    tls = None
    if certificate and key and security_server:
        tls = MutualTLSFiles(certificate, key, security_server)
    click.echo(f"The services are at {'https' if tls else 'http'}://{listen}")
    try:
        run_services(listen, workers=workers, tls=tls)
    except (OSError, ValueError) as error:
        raise Failure("The services cannot be served", why=f"{error}.") from error


def _require_listener(listen: str, *, with_tls: bool) -> None:
    host, _, port = listen.rpartition(":")
    try:
        address = ip_address(host.strip("[]"))
        number = int(port)
    except ValueError:
        address, number = None, 0
    if address is None or not 0 < number < 2**16:
        message = f"--listen {listen}: say an address and a port, 127.0.0.1:9001"
        raise click.UsageError(message)
    if not with_tls and not address.is_loopback:
        msg = f"Others can reach {host} too"
        raise Failure(
            msg,
            why="X-Road headers are believed from the own Security Server only, and any "
            "browser can send them.",
            advice="Listen on a loopback address (127.0.0.1), or give --certificate, "
            "--key and --security-server (docs/how-to/serve-the-register.md).",
        )


@portal.command()
@click.option("--until-empty", is_flag=True, help="End when no job waits.")
@with_django
def worker(*, until_empty: bool) -> None:
    """Do the jobs that wait: imports, notifications and so on."""
    from kerege.apps.common.jobs.worker import run

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    run(stopping, until_empty=until_empty)


def _require_style_sheet() -> None:
    from django.contrib.staticfiles import finders

    if finders.find("portal/portal.css") is None:
        raise Failure(
            "The site's style sheet is missing",
            why="It is made when the package is built, and is not kept in the "
            "repository.",
            advice="In a checkout: make setup (or scripts/build-portal-css).",
        )
