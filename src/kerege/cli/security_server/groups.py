"""`kerege security-server group`: local groups, each kept by one client."""

from pathlib import Path

import click

from kerege.cli.identifiers import client_id as a_client
from kerege.cli.output import print_json, print_table
from kerege.cli.security_server.common import (
    changing,
    json_option,
    server_configuration,
)
from kerege.cli.security_server.options import config_option
from kerege.exchange.storage.server_configuration import (
    add_local_group,
    add_local_group_member,
    remove_local_group,
    remove_local_group_member,
)
from kerege.xroad.identifiers import ClientId


@click.group()
def group() -> None:
    r"""Local groups: one client's own lists of who may call its services.

    \b
    Examples:
      kerege security-server group add \
          central-server/GOV/70000050/sanaripaymak-service banks
      kerege security-server group add-member \
          central-server/GOV/70000050/sanaripaymak-service banks \
          central-server/COM/60000001/banking
    """


@group.command()
@click.argument("owner", type=a_client)
@click.argument("code")
@click.option("--description", default="")
@config_option
def add(owner: ClientId, code: str, description: str, config: Path) -> None:
    """Make a group of a client."""
    with changing(config) as database:
        add_local_group(database, owner, code, description)
    click.echo(f"Group {code} of {owner.short} is made")


@group.command()
@click.argument("owner", type=a_client)
@click.argument("code")
@click.confirmation_option(prompt="The group's rights go too. Remove it?")
@config_option
def remove(owner: ClientId, code: str, config: Path) -> None:
    """Remove a group with its rights."""
    with changing(config) as database:
        remove_local_group(database, owner, code)
    click.echo(f"Group {code} of {owner.short} is removed")


@group.command()
@click.argument("owner", type=a_client)
@click.argument("code")
@click.argument("member", type=a_client)
@config_option
def add_member(owner: ClientId, code: str, member: ClientId, config: Path) -> None:
    """Put a client into a group."""
    with changing(config) as database:
        add_local_group_member(database, owner, code, member)
    click.echo(f"{member.short} is in group {code}")


@group.command()
@click.argument("owner", type=a_client)
@click.argument("code")
@click.argument("member", type=a_client)
@config_option
def remove_member(owner: ClientId, code: str, member: ClientId, config: Path) -> None:
    """Take a client out of a group."""
    with changing(config) as database:
        remove_local_group_member(database, owner, code, member)
    click.echo(f"{member.short} is not in group {code} any more")


@group.command("list")
@json_option
@config_option
def list_(*, as_json: bool, config: Path) -> None:
    """List the groups with their members."""
    groups = server_configuration(config).local_groups.values()
    if as_json:
        print_json(
            [
                {
                    "owner": one.owner.path,
                    "code": one.code,
                    "description": one.description,
                    "members": sorted(member.path for member in one.members),
                }
                for one in groups
            ]
        )
        return
    rows = [
        (
            one.owner.short,
            one.code,
            one.description,
            ", ".join(sorted(member.short for member in one.members)),
        )
        for one in groups
    ]
    columns = ("OWNER", "GROUP", "DESCRIPTION", "MEMBERS")
    print_table(columns, rows, nothing="No local groups")
