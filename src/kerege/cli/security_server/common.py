"""What the commands share: the database, the token, identifiers."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from kerege.cli.failures import Failure
from kerege.cli.security_server.options import read_settings
from kerege.exchange.configuration import Readiness, load_directory, readiness
from kerege.exchange.keys import Pin, PinPolicy, SoftwareToken, read_pin
from kerege.exchange.keys.pin import pin_from_prompt
from kerege.exchange.processes import using
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage import Database, open_database
from kerege.exchange.storage.database import database_error
from kerege.exchange.storage.server_configuration import (
    Client,
    ServerConfiguration,
    load_server_configuration,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import ClientId, ServiceId

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Add ``--json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print JSON, for programs."
    )(command)


@contextmanager
def private_files() -> Iterator[None]:
    """Make files that only their owner may read: databases and logs hold messages."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def opened_database(settings: Settings) -> Iterator[Database]:
    """Open the server's database for one command."""
    database = open_database(settings.database_url)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def to_change(settings: Settings) -> Iterator[Database]:
    """Open the server's database for a command that changes it.

    Raises ``action_not_possible`` while the database is being moved.
    """
    moves = XRoadError(
        "action_not_possible",
        "The database is being moved; what is changed now would be lost",
        advice="Wait until kerege security-server move-database has ended and its "
        "last line stands in the settings file, then give the command again.",
    )
    with (
        using(settings.path(settings.spool), alone=False, refused=moves),
        opened_database(settings) as database,
    ):
        yield database


@contextmanager
def changing(config: Path) -> Iterator[Connection]:
    """Open a transaction on the server configuration, unless it is being moved."""
    with to_change(read_settings(config)) as database:
        try:
            with database.write() as connection:
                yield connection
        except SQLAlchemyError as error:
            doing = "change the server configuration"
            raise database_error(doing, error) from error


def server_configuration(config: Path) -> ServerConfiguration:
    """Read the whole server configuration."""
    with opened_database(read_settings(config)) as database:
        try:
            return load_server_configuration(database)
        except SQLAlchemyError as error:
            doing = "read the server configuration"
            raise database_error(doing, error) from error


def require_client(known: ServerConfiguration, client_id: ClientId) -> Client:
    """Return a client, or fail: a mistyped one must not look like an empty one."""
    found = known.client(client_id)
    if found is None:
        msg = f"Client {client_id.short} is not served here"
        raise Failure(msg, advice="See: kerege security-server client list")
    return found


def require_service(known: ServerConfiguration, service_id: ServiceId) -> None:
    """Fail if there is no service with that code, in any version."""
    require_client(known, service_id.client_id)
    services = known.services_of(service_id.client_id)
    if not any(s.service_id.service_code == service_id.service_code for s in services):
        msg = f"There is no service {service_id.short}"
        raise Failure(msg, advice="See: kerege security-server service list")


def global_configuration(settings: Settings) -> GlobalConf | None:
    """Return what the server has downloaded last; None if it never has."""
    folder = settings.path(settings.configuration.directory)
    if readiness(folder) is not Readiness.READY_TO_INIT:
        return None
    return load_directory(folder)


def opened_token(settings: Settings) -> SoftwareToken:
    """Open the server's token, logged out."""
    return SoftwareToken.open(settings.path(settings.token))


def active_token(settings: Settings, pin_from: str) -> SoftwareToken:
    """Open the server's token and log it in."""
    token = opened_token(settings)
    token.login(read_pin(pin_from))
    return token


def chosen_pin(source: str, policy: PinPolicy, *, ask: str) -> Pin:
    """Read a new PIN; a person types it twice."""
    pin = read_pin(source, ask=ask)
    policy.require(pin)
    if source == "prompt" and pin_from_prompt("The same PIN again: ") != pin:
        raise Failure("The two PINs differ", advice="Nothing was changed; try again.")
    return pin
