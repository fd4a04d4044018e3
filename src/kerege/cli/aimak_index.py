"""`kerege aimak index`: the search tables, made anew."""

from pathlib import Path

import click

from kerege.cli.portal_parts import choose_folder, portal_option, with_django


@click.command()
@portal_option
def index(portal: Path) -> None:
    """Make what people are searched by anew, all of it or nothing.

    Events and imports keep it up to date. Needed after a version that reads names in
    another way, and after rows were written past the register.
    """
    choose_folder(portal)
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
