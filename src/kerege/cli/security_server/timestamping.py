"""`kerege security-server timestamping`: whose time-stamps the message log gets."""

from pathlib import Path

import click

from kerege.cli.failures import Failure
from kerege.cli.output import print_json, print_table
from kerege.cli.security_server.common import (
    changing,
    global_configuration,
    json_option,
    server_configuration,
)
from kerege.cli.security_server.options import config_option, read_settings
from kerege.exchange.storage.server_configuration import (
    add_timestamping_service,
    remove_timestamping_service,
)
from kerege.xroad.addresses import shown


@click.group()
def timestamping() -> None:
    r"""Time-stamping services that are used, in the order in which they are asked.

    Without one no message is logged, and so none is passed.

    \b
    Examples:
      kerege security-server timestamping list
      kerege security-server timestamping add http://tsa.example.org/
    """


@timestamping.command()
@click.argument("url")
@click.option("--name", default="", help="By default its approved name.")
@click.option("--unapproved", is_flag=True, help="Add it though it is not approved.")
@config_option
def add(*, url: str, name: str, unapproved: bool, config: Path) -> None:
    """Use a time-stamping service that the global configuration approves."""
    approved = _approved(config)
    if approved and url not in approved and not unapproved:
        msg = f"The global configuration does not approve a service at {shown(url)}"
        raise Failure(
            msg,
            why="Its time-stamps would not be believed.",
            advice=f"Approved are: {', '.join(map(shown, approved))}",
        )
    with changing(config) as database:
        add_timestamping_service(database, name or approved.get(url, shown(url)), url)
    click.echo(f"Time-stamps come from {shown(url)}")


@timestamping.command()
@click.argument("url")
@config_option
def remove(url: str, config: Path) -> None:
    """Stop using a service; its address may be given as it is listed."""
    used = server_configuration(config).timestamping_services
    listed = [one.url for one in used if url == shown(one.url)]
    if len(listed) == 1:
        (url,) = listed
    with changing(config) as database:
        remove_timestamping_service(database, url)
    click.echo(f"{shown(url)} is not used any more")


@timestamping.command("list")
@json_option
@config_option
def list_(*, as_json: bool, config: Path) -> None:
    """List the services that are used, and those that are approved."""
    used = server_configuration(config).timestamping_services
    approved = _approved(config)
    rows = [(one.name, shown(one.url), True, one.url in approved) for one in used]
    known = {one.url for one in used}
    rows += [
        (name, shown(url), False, True)
        for url, name in approved.items()
        if url not in known
    ]
    if as_json:
        names = ("name", "url", "used", "approved")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    columns = ("NAME", "URL", "USED", "APPROVED")
    print_table(columns, rows, nothing="No time-stamping services")


def _approved(config: Path) -> dict[str, str]:
    """Return the approved services' names by URL; none before a first download."""
    conf = global_configuration(read_settings(config))
    if conf is None:
        return {}
    services = conf.timestamping_services(conf.instance)
    return {service.url: service.name for service in services}
