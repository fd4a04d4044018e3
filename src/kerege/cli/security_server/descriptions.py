"""`kerege security-server service add-wsdl`, `refresh` and `describe`."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from kerege.cli.failures import Failure
from kerege.cli.identifiers import client_id as a_client, service_id as a_service
from kerege.cli.output import plain, print_json, print_table
from kerege.cli.security_server.common import (
    changing,
    json_option,
    opened_database,
    require_client,
    server_configuration,
)
from kerege.cli.security_server.options import config_option, read_settings
from kerege.exchange.clock import utc_now
from kerege.exchange.describing import (
    Access,
    ReadOpenApi,
    WsdlChanges,
    fetch_openapi,
    fetch_wsdl,
    openapi_changes,
    put_openapi,
    put_wsdl,
    wsdl_changes,
)
from kerege.exchange.keys.server_keys import INTERNAL_KEY, read_internal_identity
from kerege.exchange.storage.server_configuration import (
    Client,
    DescribedEndpoint,
    DescriptionVersion,
    EndpointChanges,
    ServerConfiguration,
    Service,
    ServiceType,
    add_service,
    described_endpoints,
    description_versions,
)
from kerege.xroad.addresses import shown
from kerege.xroad.identifiers import ClientId, ServiceId

DEFAULT_TIMEOUT_SECONDS = 60

ignore_option = click.option(
    "--ignore-warnings",
    is_flag=True,
    help="Go on although the description has problems, or rights are lost.",
)
anywhere_option = click.option(
    "--allow-link-local",
    is_flag=True,
    help="Fetch also from addresses of one link, where clouds keep credentials.",
)
verify_option = click.option(
    "--verify-tls/--no-verify-tls",
    default=True,
    show_default=True,
    help="For https: its certificate must be one of the client's.",
)
timeout_option = click.option(
    "--timeout",
    default=DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="Longest wait for its answer.",
)


def add_described(
    added: Service, config: Path, *, anywhere: bool, ignore_warnings: bool
) -> None:
    """Add a service whose OpenAPI description says what it is made of.

    Without an address of its own it is where the description says.
    """
    known = server_configuration(config)
    client = require_client(known, added.service_id.client_id)
    access = _access(client, config, verify_tls=added.verify_tls, anywhere=anywhere)
    read = asyncio.run(fetch_openapi(access, added.description_url, utc_now()))
    _warn(read.description.problems, ignore=ignore_warnings)
    url = added.url or read.description.base_url
    if not url:
        msg = "The description does not say where the service is"
        raise Failure(msg, advice="Give the service's URL before --openapi.")
    service = replace(added, url=url)
    with changing(config) as database:
        add_service(database, service)
        put_openapi(database, service, read)
    short = service.service_id.short
    click.echo(
        f"Service {short} is provided at {shown(url)}, {_what(read)}; nobody may call it yet:\n"
        f"kerege security-server access grant {service.service_id.path} --client ID\n"
        "or only an endpoint of it: --endpoint METHOD PATH"
    )


@click.command("add-wsdl")
@click.argument("client_id", type=a_client)
@click.argument("wsdl_url", metavar="WSDL")
@click.option("--url", default="", help="Where its services are, if not as it says.")
@timeout_option
@verify_option
@anywhere_option
@ignore_option
@config_option
def add_wsdl(  # noqa: PLR0913 - one for each option
    *,
    client_id: ClientId,
    wsdl_url: str,
    url: str,
    timeout: int,
    verify_tls: bool,
    allow_link_local: bool,
    ignore_warnings: bool,
    config: Path,
) -> None:
    """Provide all services that the WSDL document at an address describes."""
    known = server_configuration(config)
    require_client(known, client_id)
    if _of_wsdl(known, client_id, wsdl_url):
        msg = f"{client_id.short} has services of this WSDL already"
        raise Failure(msg, advice="See: kerege security-server service refresh")
    no_one = ServiceId(
        client_id.instance,
        client_id.member_class,
        client_id.member_code,
        client_id.subsystem_code,
        "",
    )
    template = Service(
        no_one, ServiceType.WSDL, url, timeout, verify_tls, description_url=wsdl_url
    )
    changes = _put_wsdl(
        known,
        template,
        config,
        anywhere=allow_link_local,
        ignore_warnings=ignore_warnings,
    )
    for service in changes.added:
        where = shown(service.url)
        click.echo(f"Service {service.service_id.encoded} is provided at {where}")
    if changes.added:
        click.echo(
            "Nobody may call them yet: kerege security-server access grant ID --client ID"
        )


@click.command()
@click.argument("service_id", type=a_service)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@anywhere_option
@ignore_option
@config_option
def refresh(
    *,
    service_id: ServiceId,
    dry_run: bool,
    allow_link_local: bool,
    ignore_warnings: bool,
    config: Path,
) -> None:
    """Read the description of a service again, and take over what has changed.

    Endpoints, or services of a WSDL, that it does not have any more go, and with them
    the rights on them. What was added or set by hand stays. New services of a WSDL get
    the time-out and the TLS check of SERVICE_ID.
    """
    known = server_configuration(config)
    service = _described(known, service_id)
    if service.type is ServiceType.WSDL:
        changes = _put_wsdl(
            known,
            replace(service, url=""),
            config,
            anywhere=allow_link_local,
            ignore_warnings=ignore_warnings,
            dry_run=dry_run,
        )
        added = [s.service_id.encoded for s in changes.added]
        removed = [s.encoded for s in changes.removed]
        _tell(added, removed, dry_run=dry_run)
        return
    client = require_client(known, service_id.client_id)
    access = _access(
        client, config, verify_tls=service.verify_tls, anywhere=allow_link_local
    )
    read = asyncio.run(fetch_openapi(access, service.description_url, utc_now()))
    _warn(read.description.problems, ignore=ignore_warnings or dry_run)
    with changing(config) as database:
        coming = openapi_changes(database, service_id, read)
        if not dry_run:
            _warn(_losses(coming.lost_rights), ignore=ignore_warnings)
            put_openapi(database, service, read)
    _tell_endpoints(coming, dry_run=dry_run)
    click.echo(f"The description has {_what(read)}")


@click.command()
@click.argument("service_id", type=a_service)
@json_option
@config_option
def describe(*, service_id: ServiceId, as_json: bool, config: Path) -> None:
    """Show a service: its description, the versions of it, its endpoints."""
    known = server_configuration(config)
    service = known.service(service_id)
    if service is None:
        raise _no_service(service_id)
    with opened_database(read_settings(config)) as opened, opened.read() as database:
        endpoints = described_endpoints(database, service_id)
        versions = description_versions(
            database, service_id.client_id, service.description_url
        )
    if as_json:
        print_json(_fields(service, endpoints, versions))
        return
    _show(service, endpoints, versions)


def _show(
    service: Service,
    endpoints: Sequence[DescribedEndpoint],
    versions: Sequence[DescriptionVersion],
) -> None:
    click.echo(
        f"{service.service_id.encoded}: {service.type.value} at {shown(service.url)}"
    )
    if service.description_url:
        click.echo(f"described at {shown(service.description_url)}")
    print_table(
        ("READ", "FORMAT", "TITLE", "VERSION", "SHA-256"),
        [
            (
                _day(v.first_read),
                *map(plain, (v.format, v.title, v.version)),
                v.sha256.hex()[:16],
            )
            for v in versions
        ],
        nothing="Its description was never read",
    )
    print_table(
        ("METHOD", "PATH", "FROM", "RIGHTS"),
        [
            (
                e.endpoint.method,
                e.endpoint.path,
                "description" if e.is_generated else "hand",
                e.rights,
            )
            for e in endpoints
        ],
        nothing="No endpoints: rights are on the whole service",
    )


def _put_wsdl(
    known: ServerConfiguration,
    template: Service,
    config: Path,
    *,
    anywhere: bool,
    ignore_warnings: bool,
    dry_run: bool = False,
) -> WsdlChanges:
    provider, url = template.service_id.client_id, template.description_url
    client = require_client(known, provider)
    access = _access(client, config, verify_tls=template.verify_tls, anywhere=anywhere)
    read = asyncio.run(fetch_wsdl(access, url, utc_now()))
    changes = wsdl_changes(known, provider, read, template)
    if not dry_run:
        problems = [*read.description.problems, *_losses(changes.lost_rights)]
        _warn(problems, ignore=ignore_warnings)
        with changing(config) as database:
            put_wsdl(database, provider, url, changes, read.version)
    for code in changes.reserved:
        click.echo(f"Left out: {plain(code)}, which servers answer themselves")
    return changes


def _access(
    client: Client, config: Path, *, verify_tls: bool, anywhere: bool
) -> Access:
    """Return how to fetch, with the certificate that services know if there is one."""
    folder = read_settings(config).directory
    has_key = (folder / INTERNAL_KEY).exists()
    identity = read_internal_identity(folder) if has_key else None
    return Access(client, verify_tls, anywhere, identity)


def _of_wsdl(
    known: ServerConfiguration, client_id: ClientId, url: str
) -> list[Service]:
    services = known.services_of(client_id)
    return [one for one in services if one.description_url == url]


def _described(known: ServerConfiguration, service_id: ServiceId) -> Service:
    service = known.service(service_id)
    if service is None:
        raise _no_service(service_id)
    if service.type is ServiceType.REST or not service.description_url:
        msg = f"Service {service_id.short} has no description"
        raise Failure(msg, advice="See: kerege security-server service add --help")
    return service


def _no_service(service_id: ServiceId) -> Failure:
    msg = f"There is no service {service_id.encoded}"
    return Failure(msg, advice="See: kerege security-server service list")


def _losses(rights: int) -> list[str]:
    if not rights:
        return []
    return [f"{rights} right(s) are on what is not described any more, and would go"]


def _warn(problems: Sequence[str], *, ignore: bool) -> None:
    """Print what is wrong; end here unless that does not matter."""
    for problem in problems:
        click.echo(f"Warning: {plain(problem)}", err=True)
    if problems and not ignore:
        msg = "Nothing was changed"
        raise Failure(msg, advice="Mend the description, or give --ignore-warnings.")


def _tell_endpoints(changes: EndpointChanges, *, dry_run: bool) -> None:
    _tell(
        [f"{e.method} {e.path}" for e in changes.added],
        [
            f"{one.endpoint.method} {one.endpoint.path}, {one.rights} right(s)"
            for one in changes.removed
        ],
        dry_run=dry_run,
    )


def _tell(added: list[str], removed: list[str], *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    for name in added:
        click.echo(f"{would}added: {plain(name)}")
    for name in removed:
        click.echo(f"{would}removed: {plain(name)}")
    if not added and not removed:
        click.echo("Nothing changes" if dry_run else "Nothing has changed")


def _what(read: ReadOpenApi) -> str:
    title, version = read.description.title, read.description.version
    return f"{len(read.endpoints)} endpoints ({plain(title)} {plain(version)})"


def _day(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M}"


def _fields(
    service: Service,
    endpoints: Sequence[DescribedEndpoint],
    versions: Sequence[DescriptionVersion],
) -> dict[str, object]:
    return {
        "service": service.service_id.encoded,
        "type": service.type.value,
        "url": shown(service.url),
        "description_url": shown(service.description_url),
        "versions": [
            {
                "format": one.format,
                "title": one.title,
                "version": one.version,
                "sha256": one.sha256.hex(),
                "first_read": one.first_read,
                "last_read": one.last_read,
            }
            for one in versions
        ],
        "endpoints": [
            {
                "method": one.endpoint.method,
                "path": one.endpoint.path,
                "generated": one.is_generated,
                "rights": one.rights,
            }
            for one in endpoints
        ],
    }
