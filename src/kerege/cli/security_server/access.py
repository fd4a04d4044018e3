"""`kerege security-server access`: who may call which service."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from kerege.cli.failures import Failure
from kerege.cli.identifiers import (
    client_id as a_client,
    global_group as a_group,
    service_id as a_service,
)
from kerege.cli.output import print_json, print_table
from kerege.cli.security_server.common import (
    changing,
    json_option,
    require_service,
    server_configuration,
)
from kerege.cli.security_server.options import config_option
from kerege.exchange.storage.server_configuration import (
    WHOLE_SERVICE,
    AccessRight,
    Endpoint,
    ServerConfiguration,
    Subject,
    add_endpoint,
    grant as grant_right,
    revoke as revoke_right,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import (
    ClientId,
    GlobalGroupId,
    LocalGroupId,
    ServiceId,
)

F = TypeVar("F", bound=Callable[..., Any])


def _subject_options(command: F) -> F:
    for option in (
        click.option(
            "--endpoint",
            nargs=2,
            metavar="METHOD PATH",
            help="Only this method (* is any) and path of it: /a/*/b, * is one "
            "segment, ** any number.",
        ),
        click.option(
            "--local-group", multiple=True, metavar="CODE", help="A local group."
        ),
        click.option(
            "--global-group",
            type=a_group,
            metavar="INSTANCE/GROUP",
            multiple=True,
            help="A global group.",
        ),
        click.option(
            "--client",
            type=a_client,
            metavar="ID",
            multiple=True,
            help="A member or subsystem; a member's right is not its subsystems'.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def access() -> None:
    r"""Who may call which service. Nothing is allowed unless it is granted.

    \b
    Examples:
      kerege security-server access grant SERVICE \
          --client central-server/COM/60000001/banking
      kerege security-server access grant SERVICE --global-group central-server/banks \
          --endpoint GET '/persons/*/address'
      kerege security-server access list SERVICE
    """


@access.command()
@click.argument("service_id", type=a_service)
@_subject_options
@config_option
def grant(
    *,
    service_id: ServiceId,
    client: tuple[ClientId, ...],
    global_group: tuple[GlobalGroupId, ...],
    local_group: tuple[str, ...],
    endpoint: tuple[str, str] | None,
    config: Path,
) -> None:
    """Give a right to a service, or to an endpoint of it."""
    subjects = _subjects(client, global_group, local_group)
    part = _endpoint(endpoint)
    with changing(config) as database, _named(service_id):
        _make_sure_of(database, service_id, part)
        for subject in subjects:
            grant_right(database, service_id, subject, part)
    for subject in subjects:
        click.echo(f"{subject} may call {service_id.short}{_of(part)}")


@access.command()
@click.argument("service_id", type=a_service)
@_subject_options
@config_option
def revoke(
    *,
    service_id: ServiceId,
    client: tuple[ClientId, ...],
    global_group: tuple[GlobalGroupId, ...],
    local_group: tuple[str, ...],
    endpoint: tuple[str, str] | None,
    config: Path,
) -> None:
    """Take a right back."""
    subjects = _subjects(client, global_group, local_group)
    part = _endpoint(endpoint)
    with changing(config) as database, _named(service_id):
        for subject in subjects:
            revoke_right(database, service_id, subject, part)
    for subject in subjects:
        click.echo(f"{subject} has no right to {service_id.short}{_of(part)} any more")


@access.command("list")
@click.argument("service_id", type=a_service, required=False)
@json_option
@config_option
def list_(*, service_id: ServiceId | None, as_json: bool, config: Path) -> None:
    """List the rights on all services, or on one."""
    known = server_configuration(config)
    if service_id is not None:
        require_service(known, service_id)
    found = [right for right in known.access_rights if _is_on(right, service_id)]
    if as_json:
        print_json([_fields(right) for right in found])
        return
    rows = [
        (
            f"{right.provider.short}/{right.service_code}",
            "the whole service"
            if right.endpoint.is_whole_service
            else f"{right.endpoint.method} {right.endpoint.path}",
            f"{right.subject}{_remark(known, right)}",
        )
        for right in found
    ]
    columns = ("SERVICE", "ENDPOINT", "WHO")
    print_table(columns, rows, nothing="No rights: nobody may call anything")


@contextmanager
def _named(service_id: ServiceId) -> Iterator[None]:
    """Speak of the service where the database misses its first endpoint."""
    try:
        yield
    except XRoadError as error:
        if error.code != "endpoint_not_found":
            raise
        raise Failure(
            f"There is no such service or endpoint of {service_id.short}",  # noqa: EM102
            why=str(error),
            advice="See: kerege security-server service list, and access list",
        ) from error


def _subjects(
    clients: tuple[ClientId, ...],
    global_groups: tuple[GlobalGroupId, ...],
    local_groups: tuple[str, ...],
) -> list[Subject]:
    local = map(LocalGroupId, local_groups)
    subjects: list[Subject] = [*clients, *global_groups, *local]
    if not subjects:
        raise click.UsageError("Give --client, --global-group or --local-group")
    return subjects


def _endpoint(endpoint: tuple[str, str] | None) -> Endpoint:
    return Endpoint(endpoint[0].upper(), endpoint[1]) if endpoint else WHOLE_SERVICE


def _make_sure_of(
    database: Connection, service_id: ServiceId, endpoint: Endpoint
) -> None:
    """Add an endpoint that is not there yet."""
    if endpoint.is_whole_service:
        return
    try:
        add_endpoint(database, service_id, endpoint)
    except XRoadError as error:
        if error.code != "duplicate_entry":
            raise


def _of(endpoint: Endpoint) -> str:
    if endpoint.is_whole_service:
        return ""
    return f", {endpoint.method} {endpoint.path}"


def _is_on(right: AccessRight, service_id: ServiceId | None) -> bool:
    if service_id is None:
        return True
    named = (right.provider, right.service_code)
    return named == (service_id.client_id, service_id.service_code)


def _remark(known: ServerConfiguration, right: AccessRight) -> str:
    if not isinstance(right.subject, LocalGroupId):
        return ""
    if (right.provider, right.subject.group_code) in known.local_groups:
        return ""
    return " (no such group: nobody)"


def _fields(right: AccessRight) -> dict[str, object]:
    return {
        "provider": right.provider.path,
        "service_code": right.service_code,
        "method": right.endpoint.method,
        "path": right.endpoint.path,
        "subject_type": right.subject.object_type.value,
        "subject": right.subject.path,
    }
