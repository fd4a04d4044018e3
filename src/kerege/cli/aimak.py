"""`kerege aimak`: what the register of local self-government needs on the command line."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerege.cli.aimak_index import index as index_command, make_index
from kerege.cli.aimak_units import units as units_command
from kerege.cli.failures import Failure
from kerege.cli.portal_parts import choose_folder, folder_named, with_django

if TYPE_CHECKING:
    from kerege.apps.aimak.synth.parquet import Progress
    from kerege.apps.aimak.synth.plan import Plan

_PARQUET = "parquet:"
_DATABASE = "database"


@click.group()
def aimak() -> None:
    """Work with the village register."""


aimak.add_command(units_command)
aimak.add_command(index_command)


@aimak.command()
@click.option(
    "--persons", default=20_000, show_default=True, help="How many live there."
)
@click.option(
    "--seed", default=1, show_default=True, help="The same one makes the same country."
)
@click.option(
    "--to",
    "target",
    default="parquet:country",
    show_default=True,
    metavar="parquet:FOLDER|database",
    help="Where it goes: a new folder for a Parquet file of each table, or the portal's "
    "database, which must hold nobody yet.",
)
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day it is looked at; that of the population figures if not given.",
)
@click.option(
    "--units",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CSV of the administrative units: code,parent,level,name_ru.",
)
@click.option("--villages-only", is_flag=True, help="No towns.")
@click.option(
    "--truth",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --to database: where the tables of what was planted go, as Parquet.",
)
@folder_named("--portal", "The portal's folder, with --to database.")
@click.option("--clean", is_flag=True, help="Plant no mistakes and no duplicates.")
def synth(  # noqa: PLR0913 - one for each option
    *,
    persons: int,
    seed: int,
    target: str,
    on: datetime | None,
    units: Path | None,
    villages_only: bool,
    clean: bool,
    truth: Path | None,
    portal: Path,
) -> None:
    """Make a synthetic country: people that nobody is, in households that look right.

    Mistakes and second records of one person are planted; what they are is told in
    truth_defects and truth_duplicates. The same numbers make the same country.
    """
    _check_target(target)
    try:
        from kerege.apps.aimak.synth.plan import make_plan

        plan = make_plan(
            persons,
            seed,
            on=on.date() if on else None,
            clean=clean,
            units_file=units,
            urban_share=0.0 if villages_only else None,
        )
    except ModuleNotFoundError as error:
        raise Failure(
            "A country cannot be made",
            why=f"The package {error.name} is missing.",
            advice="Install it: pip install 'kerege[portal]'",
        ) from error
    except ValueError as error:
        raise Failure("A country cannot be made", why=f"{error}.") from error
    if target == _DATABASE:
        choose_folder(portal)
        _to_database(plan, truth)
    else:
        _to_parquet(plan, Path(target.removeprefix(_PARQUET)))


def _check_target(target: str) -> None:
    named = target.startswith(_PARQUET) and target != _PARQUET
    if target != _DATABASE and not named:
        message = f"--to {target}: say parquet:FOLDER or database"
        raise click.UsageError(message)


def _to_parquet(plan: "Plan", folder: Path) -> None:
    from kerege.apps.aimak.synth.parquet import FolderNotEmptyError, write_parquet

    try:
        written = write_parquet(folder, plan, progress=_show)
    except FolderNotEmptyError as error:
        raise Failure("The country is not written", why=f"{error}.") from error
    click.echo("", err=True)
    for name, rows in written.rows.items():
        click.echo(f"{rows:>12,}  {name}")
    click.echo(f"{written.size_bytes / 1e6:>9,.1f} MB  {folder}")


@with_django
def _to_database(plan: "Plan", truth: Path | None) -> None:
    from django.db import transaction

    from kerege.apps.aimak.synth.load import RegisterNotEmptyError, load

    try:
        with transaction.atomic():
            counts = load(plan, progress=_show, truth=truth)
            click.echo("", err=True)
            make_index()
    except RegisterNotEmptyError as error:
        raise Failure("The country is not loaded", why=f"{error}.") from error
    for name, rows in counts.items():
        click.echo(f"{rows:>12,}  {name}")


def _show(progress: "Progress") -> None:
    share = progress.persons / progress.of
    click.echo(f"\r{progress.persons:>12,} people, {share:.0%}", nl=False, err=True)
