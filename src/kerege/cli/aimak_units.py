"""`kerege aimak units`: the administrative units from the official file."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerege.cli.failures import Failure
from kerege.cli.portal_parts import choose_folder, portal_option, with_django

if TYPE_CHECKING:
    from kerege.apps.aimak.units import UnitsDiff

_NAMED = 10
"""Units of each kind that are shown by name; the counts tell the rest."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day from which the file holds; since ever, for the first one, if not given.",
)
@click.option(
    "--merged",
    multiple=True,
    metavar="CODE=CODE",
    help="A unit that is gone, and the one it became part of; ends it on that day.",
)
@click.option("--take", "is_taken", is_flag=True, help="Write; otherwise only compare.")
@portal_option
def units(
    *,
    file: Path,
    on: datetime | None,
    merged: tuple[str, ...],
    is_taken: bool,
    portal: Path,
) -> None:
    """Compare the official CSV of units with those of the register, and take it.

    Columns: code, parent, level, name_ru, and name_ky and name_en where there are any.
    Units that are not in the file stay, unless --merged says what became of them.
    """
    successors = dict(_pair(one) for one in merged)
    if successors and on is None:
        raise click.UsageError("--merged needs --on: the day of the merger")
    choose_folder(portal)
    _work(file, on.date() if on else None, successors, is_taken=is_taken)


def _pair(text: str) -> tuple[str, str]:
    old, separator, new = text.partition("=")
    if not separator or not old or not new:
        message = f"--merged {text}: say OLD=NEW, two codes"
        raise click.UsageError(message)
    return old, new


@with_django
def _work(
    file: Path, on: date | None, successors: dict[str, str], *, is_taken: bool
) -> None:
    from django.utils import timezone

    from kerege.apps.aimak.units import (
        MAX_BYTES,
        UnitsFileError,
        compare,
        read_units,
        take_file,
    )

    try:
        with file.open("rb") as opened:
            rows = read_units(opened.read(MAX_BYTES + 1))
    except UnitsFileError as error:
        raise Failure("The units are not taken", why=str(error)) from error
    day = on or timezone.localdate()
    diff = compare(rows, day)
    _show(diff)
    if is_taken:
        take_file(diff, on, timezone.now(), successors, file.name)
        click.echo("Taken.")
    else:
        click.echo("Nothing was written; add --take.")


def _show(diff: "UnitsDiff") -> None:
    lists = {
        "new": [f"{row.code} {row.name_ru}" for row in diff.new],
        "different": [f"{row.code} {row.name_ru}" for row in diff.different],
        "not in the file": list(diff.gone),
    }
    for kind, names in lists.items():
        click.echo(f"{len(names):>6,}  {kind}")
        for name in names[:_NAMED]:
            click.echo(f"        {name}")
        if len(names) > _NAMED:
            click.echo("        …")
