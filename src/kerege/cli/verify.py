"""`kerege verify`: containers, downloads with several containers, log archives.

What a file is shows its content, not its name: a ZIP file with ``linkinginfo`` is an
archive, one with ``.asice`` files is a download, everything else is a container.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import click

from kerege.cli.failures import Failure
from kerege.cli.verify_output import (
    ArchiveResult,
    ContainerResult,
    Result,
    print_json,
    print_result,
    print_summary,
)
from kerege.exchange.configuration import load_directory
from kerege.xroad.archive import (
    ARCHIVE_LIMITS,
    LINKING_INFO,
    Archive,
    read_archive,
    verify_archive,
)
from kerege.xroad.asic import examine_container
from kerege.xroad.asic.names import MESSAGE, MIMETYPE
from kerege.xroad.asic.zipreader import ZipFile, ZipLimits
from kerege.xroad.certificates import LEGACY, STRONG, AlgorithmPolicy
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf, load_tree
from kerege.xroad.xml import MAX_XML_BYTES

NOT_VERIFIED = 1
MAX_IN_MEMORY = 8 * 1024 * 1024
"""A container inside another file is held in memory up to this, else in a file."""
CONFIGURATION_LIMITS = ZipLimits(
    entries=10_000, entry_bytes=MAX_XML_BYTES, total_bytes=1024**3
)
"""Instances times parts of a large federation."""
ENCRYPTED = (".gpg", ".pgp")
ANY = "any"
DIGEST = re.compile(r"([0-9a-f]{2}){20,64}", re.ASCII)
"""SHA-1 to SHA-512, as linking information writes them."""
_CONFIGURATION_FOLDER = "verificationconf"
_CONTAINER = ".asice"


class UsageFailure(Failure):
    """The command cannot start: a file is not readable, or an option is missing."""

    exit_code = 2


@dataclass(slots=True)
class _Session:
    """One run of the command."""

    configuration: GlobalConf
    policy: AlgorithmPolicy
    previous: str | None
    """Last digest of the archive before: empty for the first, None to compare none."""
    has_previous: bool
    """Whether the user said anything about it."""


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False)
)
@click.option(
    "--configuration",
    "-c",
    required=True,
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
    "-q", "--quiet", is_flag=True, help="Print only what is not verified, and a count."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(  # noqa: PLR0913 - one for each option
    *,
    files: tuple[Path, ...],
    configuration: Path,
    first: bool,
    previous: str | None,
    old_algorithms: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    r"""Verify signed containers (.asice), downloads (.zip) and log archives.

    Prints who signed what and when, and the verdict of every check. Exit code 0: all
    verified. 1: at least one is not. 2: a file cannot be read or an option is wrong.

    Archives need --first, or --previous with the last digest of the archive before;
    several archives are taken as one chain, in the order given.

    \b
    Examples:
      kerege verify -c verificationconf.zip message-request.asice
      kerege verify -c /etc/xroad/globalconf --previous 9011ab... -q mlog-2026*.zip
    """
    if first and previous is not None:
        raise click.UsageError("--first and --previous exclude each other.")
    if previous not in (None, ANY) and not DIGEST.fullmatch(previous or ""):
        raise click.UsageError(
            "--previous is `any`, or the last digest that the archive before shows: "
            "hexadecimal digits."
        )
    session = _Session(
        configuration=_load_configuration(configuration),
        policy=LEGACY if old_algorithms else STRONG,
        previous="" if first else None if previous == ANY else previous,
        has_previous=first or previous is not None,
    )
    results = []
    for file in files:
        for result in _examine_file(file, session):
            results.append(result)
            if not as_json and not (quiet and result.is_verified):
                print_result(result)
    print_json(results) if as_json else print_summary(results, always=quiet)
    if not all(result.is_verified for result in results):
        raise click.exceptions.Exit(NOT_VERIFIED)


def _load_configuration(path: Path) -> GlobalConf:
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
        raise _unreadable(path, error) from error


def _configuration_files(file: IO[bytes]) -> dict[str, bytes]:
    archive = ZipFile(file, CONFIGURATION_LIMITS, "malformed_global_conf")
    return {
        member.name.removeprefix(f"{_CONFIGURATION_FOLDER}/"): archive.read(member)
        for member in archive.members
        if not member.is_folder
    }


def _examine_file(path: Path, session: _Session) -> Iterator[Result]:
    if path.name.lower().endswith(ENCRYPTED):
        what = f"{path} is encrypted"
        raise UsageFailure(
            what,
            advice="Decrypt it first: gpg --decrypt --output FILE FILE.gpg",
        )
    try:
        with path.open("rb") as file:
            yield from _examine(path, file, session)
    except OSError as error:
        raise _unreadable(path, error) from error


def _examine(path: Path, file: IO[bytes], session: _Session) -> Iterator[Result]:
    names = _entry_names(file)
    if LINKING_INFO in names or _is_archive_name(path, names):
        yield from _examine_archive(path, file, session)
    elif _is_download(names):
        archive = ZipFile(file, ARCHIVE_LIMITS, "asic_invalid_container")
        for member in archive.members:
            if not member.is_folder:
                chunks = archive.chunks(member)
                yield _examine_inner(f"{path}: {member.name}", chunks, session)
    else:
        yield _examine_container(str(path), file, session)


def _entry_names(file: IO[bytes]) -> set[str]:
    """Return the names in a ZIP file; none if it is not a sound one."""
    try:
        archive = ZipFile(file, ARCHIVE_LIMITS, "asic_invalid_container")
    except XRoadError:
        return set()
    return {member.name for member in archive.members}


def _is_archive_name(path: Path, names: set[str]) -> bool:
    """Whether it should be an archive, although it has no ``linkinginfo``."""
    return path.name.startswith("mlog-") and MIMETYPE not in names


def _is_download(names: set[str]) -> bool:
    has_containers = any(name.lower().endswith(_CONTAINER) for name in names)
    return has_containers and not names & {MIMETYPE, MESSAGE}


def _examine_archive(
    path: Path, file: IO[bytes], session: _Session
) -> Iterator[Result]:
    if not session.has_previous:
        what = f"{path} is a log archive, and it is not known what it follows"
        raise UsageFailure(
            what,
            advice="Say --first if it is the first of its chain, --previous with the "
            "last digest of the archive before, or --previous any.",
        )
    try:
        archive = read_archive(file)
        digest = verify_archive(archive, previous=session.previous)
    except XRoadError as error:
        yield ArchiveResult(str(path), error=error)
        return
    session.previous = digest
    yield ArchiveResult(
        str(path),
        containers=len(archive.members),
        previous=archive.info.previous.digest,
        last_digest=digest,
    )
    yield from _examine_members(path, archive, session)


def _examine_members(
    path: Path, archive: Archive, session: _Session
) -> Iterator[Result]:
    for member in archive.members:
        chunks = archive.chunks(member)
        yield _examine_inner(f"{path}: {member.name}", chunks, session)


def _examine_inner(name: str, chunks: Iterable[bytes], session: _Session) -> Result:
    """Examine a container that is inside another file."""
    with tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY) as spool:
        try:
            for chunk in chunks:
                spool.write(chunk)
        except XRoadError as error:
            return ArchiveResult(name, error=error)
        return _examine_container(name, spool, session)


def _examine_container(name: str, file: IO[bytes], session: _Session) -> Result:
    report = examine_container(file, session.configuration, policy=session.policy)
    return ContainerResult(name, report)


def _unreadable(path: Path, error: OSError) -> UsageFailure:
    return UsageFailure(f"{path} cannot be read", why=error.strerror or str(error))
