"""`kerege verify`: containers, downloads with several containers, log archives.

What a file is shows its content, not its name: a ZIP file with ``linkinginfo`` is an
archive, one with ``.asice`` files is a download, everything else is a container. A
folder is one of archives.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click

from kerege.cli.verify_files import (
    DIGEST,
    Session,
    UsageFailure,
    examine_file,
    unreadable,
)
from kerege.cli.verify_folder import examine_folder
from kerege.cli.verify_output import Result, print_json, print_result, print_summary
from kerege.exchange.configuration import load_directory
from kerege.xroad.asic.zipreader import ZipFile, ZipLimits
from kerege.xroad.certificates import LEGACY, STRONG
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf, load_tree
from kerege.xroad.xml import MAX_XML_BYTES

NOT_VERIFIED = 1
CONFIGURATION_LIMITS = ZipLimits(
    entries=10_000, entry_bytes=MAX_XML_BYTES, total_bytes=1024**3
)
"""Instances times parts of a large federation."""
ANY = "any"
_CONFIGURATION_FOLDER = "verificationconf"


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--configuration",
    "-c",
    type=click.Path(path_type=Path),
    help="Whom to trust: verificationconf.zip of the day of the message, the same "
    "unpacked, or a global configuration folder.",
)
@click.option("--first", is_flag=True, help="The archive is the first of its chain.")
@click.option(
    "--previous",
    metavar="DIGEST",
    help="Last digest of the archive before; `any` compares none.",
)
@click.option(
    "--old-algorithms",
    is_flag=True,
    help="Accept SHA-1 and RSA of 1024 bits: for messages from before 2017.",
)
@click.option(
    "--last",
    multiple=True,
    metavar="DIGEST",
    help="Last digest of a chain in a folder, as `archive chains` of its server prints: "
    "without it nobody sees that the last archives are missing. May be repeated.",
)
@click.option(
    "--chain-only",
    is_flag=True,
    help="Look at chains of archives only, not at the containers in them.",
)
@click.option(
    "--gpg-home",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="GnuPG folder with the keys for encrypted archives, and that of who signed.",
)
@click.option(
    "-q", "--quiet", is_flag=True, help="Print only what is not verified, and a count."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(  # noqa: PLR0913 - one for each option
    *,
    files: tuple[Path, ...],
    configuration: Path | None,
    first: bool,
    previous: str | None,
    old_algorithms: bool,
    last: tuple[str, ...],
    chain_only: bool,
    gpg_home: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    r"""Verify signed containers (.asice), downloads (.zip) and log archives.

    Prints who signed what and when, and the verdict of every check. Exit code 0: all
    verified. 1: at least one is not. 2: a file cannot be read or an option is wrong.

    Archives need --first, or --previous with the last digest of the archive before;
    several archives are taken as one chain, in the order given.

    Of a folder all archives are taken, in the order of their chains: one that is
    missing, changed, added or there twice is told. Each chain begins with an archive
    that follows none, or --previous.

    \b
    Examples:
      kerege verify -c verificationconf.zip /srv/archive
      kerege verify -c verificationconf.zip message-request.asice
      kerege verify -c /etc/xroad/globalconf --previous 9011ab... -q mlog-2026*.zip
    """
    if first and previous is not None:
        raise click.UsageError("--first and --previous exclude each other.")
    _require_digests(previous, last)
    if configuration is None and not chain_only:
        raise click.UsageError("Missing option '--configuration' / '-c'.")
    session = Session(
        configuration=(
            None
            if chain_only or configuration is None
            else load_configuration(configuration)
        ),
        policy=LEGACY if old_algorithms else STRONG,
        previous="" if first else None if previous == ANY else previous,
        has_previous=first or previous is not None,
        gpg_home=gpg_home,
        last=last,
    )
    if not _print_examined(files, session, quiet=quiet, as_json=as_json):
        raise click.exceptions.Exit(NOT_VERIFIED)


def _print_examined(
    files: tuple[Path, ...], session: Session, *, quiet: bool, as_json: bool
) -> bool:
    """Examine and print; return whether all is verified."""
    results: list[Result] = []
    failure = None
    try:
        for result in _examined(files, session):
            results.append(result)
            if not as_json and not (quiet and result.is_verified):
                print_result(result)
    except UsageFailure as error:  # what was found before it is still worth something
        failure = error
    if as_json:
        print_json(results, failure)
    elif failure is None or results:
        print_summary(results, always=quiet)
    if failure is not None:
        raise failure
    return all(result.is_verified for result in results)


def _require_digests(previous: str | None, last: tuple[str, ...]) -> None:
    if previous not in (None, ANY) and not DIGEST.fullmatch(previous or ""):
        raise click.UsageError(
            "--previous is `any`, or the last digest that the archive before shows: "
            "hexadecimal digits."
        )
    if not all(DIGEST.fullmatch(digest) for digest in last):
        raise click.UsageError("--last is a digest: hexadecimal digits.")


def _examined(files: tuple[Path, ...], session: Session) -> Iterator[Result]:
    for file in files:
        if file.is_dir():
            yield from examine_folder(file, session)
        else:
            yield from examine_file(file, session)


def load_configuration(path: Path) -> GlobalConf:
    """Read a configuration, as a folder or as it is downloaded."""
    try:
        if path.is_dir():
            inner = path / _CONFIGURATION_FOLDER
            return load_directory(inner if inner.is_dir() else path)
        with path.open("rb") as file:
            return load_tree(_configuration_files(file))
    except XRoadError as error:
        what = f"{path} is not a configuration"
        raise UsageFailure(
            what,
            why=error.message,
            advice="Download /verificationconf from a security server of the instance, "
            "or give its global configuration folder.",
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _configuration_files(file: IO[bytes]) -> dict[str, bytes]:
    archive = ZipFile(file, CONFIGURATION_LIMITS, "malformed_global_conf")
    return {
        member.name.removeprefix(f"{_CONFIGURATION_FOLDER}/"): archive.read(member)
        for member in archive.members
        if not member.is_folder
    }
