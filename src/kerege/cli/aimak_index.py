"""`kerege aimak index`: the search tables, made anew."""

import os
from pathlib import Path

import click

from kerege.cli.portal_parts import with_django
from kerege.portal.configuration import ENVIRONMENT


@click.command()
@click.option(
    "--portal",
    type=click.Path(path_type=Path, file_okay=False),
    envvar=ENVIRONMENT,
    default=Path("portal"),
    show_default=True,
    help="The portal's folder.",
)
def index(portal: Path) -> None:
    """Make what people are searched by anew, all of it or nothing.

    Events and imports keep it up to date. Needed after a version that reads names in
    another way, and after rows were written past the register.
    """
    os.environ[ENVIRONMENT] = str(portal.resolve())
    os.environ["DJANGO_SETTINGS_MODULE"] = "kerege.portal.settings"
    make_index()


@with_django
def make_index() -> None:
    """Make it anew, and tell how many are done."""
    from kerege.apps.aimak.search.index import rebuild

    done = rebuild(lambda people: click.echo(_line(people), nl=False, err=True))
    click.echo("", err=True)
    click.echo(f"{done:>12,}  can be searched for")


def _line(people: int) -> str:
    return f"\r{people:>12,} people"
