"""`kerege security-server service`: what the server's clients provide."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from kerege.cli.failures import Failure
from kerege.cli.identifiers import client_id as a_client, service_id as a_service
from kerege.cli.output import print_json, print_table
from kerege.cli.security_server.common import (
    changing,
    json_option,
    require_client,
    server_configuration,
)
from kerege.cli.security_server.descriptions import (
    add_described,
    add_wsdl,
    anywhere_option,
    describe,
    ignore_option,
    refresh,
    timeout_option,
    verify_option,
)
from kerege.cli.security_server.options import config_option
from kerege.exchange.describing import require_own_code
from kerege.exchange.storage.server_configuration import (
    Service,
    ServiceType,
    add_service,
    change_service,
    remove_service,
)
from kerege.xroad.addresses import shown
from kerege.xroad.identifiers import ClientId, ServiceId

TYPES = {kind.value.lower(): kind for kind in ServiceType}


@click.group()
def service() -> None:
    r"""Services that the clients of this server provide.

    \b
    Examples:
      kerege security-server service add \
          central-server/GOV/70000050/sanaripaymak-service/address-fact \
          http://127.0.0.1:9001/address-fact
      kerege security-server service add \
          central-server/GOV/70000050/sanaripaymak-service/persons \
          --openapi http://127.0.0.1:9001/openapi.json
      kerege security-server service add-wsdl \
          central-server/GOV/70000050/sanaripaymak-service http://127.0.0.1:9002/?wsdl
      kerege security-server service disable \
          central-server/GOV/70000050/sanaripaymak-service/address-fact \
          --notice 'Back at 18:00'

    Nobody may call a service before a right is granted:
    kerege security-server access grant.
    """


@service.command()
@click.argument("service_id", type=a_service)
@click.argument("url", required=False, default="")
@click.option(
    "--openapi",
    metavar="URL",
    help="Read its OpenAPI 3 description there: its endpoints come from it, and where "
    "it is, too, unless URL is given.",
)
@click.option(
    "--type", "kind", type=click.Choice(list(TYPES)), default="rest", show_default=True
)
@click.option(
    "--description", metavar="URL", default="", help="Its OpenAPI or WSDL document."
)
@timeout_option
@verify_option
@anywhere_option
@ignore_option
@config_option
def add(  # noqa: PLR0913 - one for each option
    *,
    service_id: ServiceId,
    url: str,
    openapi: str | None,
    kind: str,
    description: str,
    timeout: int,
    verify_tls: bool,
    allow_link_local: bool,
    ignore_warnings: bool,
    config: Path,
) -> None:
    """Provide the service at URL under an identifier."""
    require_own_code(service_id)
    added = Service(
        service_id,
        ServiceType.OPENAPI3 if openapi else TYPES[kind],
        url,
        timeout,
        verify_tls=verify_tls,
        description_url=openapi or description,
    )
    if openapi:
        add_described(
            added, config, anywhere=allow_link_local, ignore_warnings=ignore_warnings
        )
        return
    if not url:
        raise click.UsageError("Give the service's URL, or --openapi")
    with changing(config) as database:
        add_service(database, added)
    click.echo(
        f"Service {service_id.short} is provided; nobody may call it yet:\n"
        f"kerege security-server access grant {service_id.path} --client ID"
    )


service.add_command(add_wsdl)
service.add_command(refresh)
service.add_command(describe)


@service.command()
@click.argument("service_id", type=a_service)
@click.option("--url", help="Where it is.")
@click.option("--description", metavar="URL", help="Its OpenAPI or WSDL document.")
@click.option("--timeout", type=int, metavar="SECONDS", help="Wait for its answer.")
@click.option("--verify-tls/--no-verify-tls", default=None)
@config_option
def change(
    *,
    service_id: ServiceId,
    url: str | None,
    description: str | None,
    timeout: int | None,
    verify_tls: bool | None,
    config: Path,
) -> None:
    """Change where a service is and how it is called."""

    def changed(old: Service) -> Service:
        return replace(
            old,
            url=old.url if url is None else url,
            description_url=old.description_url if description is None else description,
            timeout_seconds=old.timeout_seconds if timeout is None else timeout,
            verify_tls=old.verify_tls if verify_tls is None else verify_tls,
        )

    _change(config, service_id, changed)
    click.echo(f"Service {service_id.short} is changed")


@service.command()
@click.argument("service_id", type=a_service)
@click.option("--notice", default="", help="What callers are told.")
@config_option
def disable(service_id: ServiceId, notice: str, config: Path) -> None:
    """Switch a service off; callers get `service_disabled` with the notice."""
    _change(config, service_id, lambda old: replace(old, disabled_notice=notice))
    click.echo(f"Service {service_id.short} is switched off")


@service.command()
@click.argument("service_id", type=a_service)
@config_option
def enable(service_id: ServiceId, config: Path) -> None:
    """Switch a service on again."""
    _change(config, service_id, lambda old: replace(old, disabled_notice=None))
    click.echo(f"Service {service_id.short} is switched on")


@service.command()
@click.argument("service_id", type=a_service)
@click.confirmation_option(prompt="The rights on it go too. Remove it?")
@config_option
def remove(service_id: ServiceId, config: Path) -> None:
    """Stop providing a service."""
    with changing(config) as database:
        remove_service(database, service_id)
    click.echo(f"Service {service_id.short} is not provided any more")


@service.command("list")
@click.argument("client_id", type=a_client, required=False)
@json_option
@config_option
def list_(*, client_id: ClientId | None, as_json: bool, config: Path) -> None:
    """List the services of all clients, or of one."""
    known = server_configuration(config)
    if client_id is not None:
        require_client(known, client_id)
    found = [
        one
        for one in known.services.values()
        if client_id is None or one.service_id.client_id == client_id
    ]
    if as_json:
        print_json([_fields(one) for one in found])
        return
    rows = [
        (
            one.service_id.short,
            one.type.value,
            shown(one.url),
            f"{one.timeout_seconds} s",
            "on"
            if one.disabled_notice is None
            else f"off {one.disabled_notice}".strip(),
        )
        for one in found
    ]
    columns = ("SERVICE", "TYPE", "URL", "TIMEOUT", "STATE")
    print_table(columns, rows, nothing="No services")


def _change(
    config: Path, service_id: ServiceId, change: Callable[[Service], Service]
) -> None:
    old = server_configuration(config).service(service_id)
    if old is None:
        msg = f"There is no service {service_id.short}"
        raise Failure(msg, advice="See: kerege security-server service list")
    with changing(config) as database:
        change_service(database, change(old))


def _fields(one: Service) -> dict[str, object]:
    return {
        "service": one.service_id.encoded,
        "type": one.type.value,
        "url": shown(one.url),
        "description_url": shown(one.description_url),
        "timeout_seconds": one.timeout_seconds,
        "verify_tls": one.verify_tls,
        "disabled_notice": one.disabled_notice,
    }
