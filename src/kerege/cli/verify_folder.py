"""What `kerege verify` does with a folder of archives: chains, then containers."""

import re
from collections.abc import Iterator
from pathlib import Path

from kerege.cli.verify_files import (
    ARCHIVE_PREFIX,
    Session,
    UsageFailure,
    examine_members,
    opened,
    unreadable,
)
from kerege.cli.verify_output import ArchiveResult, ChainResult, Result
from kerege.xroad.archive import read_archive, verify_archive
from kerege.xroad.archive_chain import Beginning, Chain, NamedArchive, chains_of
from kerege.xroad.faults import XRoadError

ENDINGS = (".zip", ".zip.gpg")
_FOLLOWS_MISSING = "invalid_reference"
_NAME = re.compile(r"mlog-(.*?)-?\d{14}-\d{14}-[0-9a-f]+\.zip", re.ASCII)


def examine_folder(folder: Path, session: Session) -> Iterator[Result]:
    """Examine all archives of a folder, chain by chain."""
    paths = _archives(folder)
    if not paths:
        what = f"{folder} has no archives"
        raise UsageFailure(what, advice=f"Their names are {ARCHIVE_PREFIX}*.zip.")
    found: list[NamedArchive] = []
    for path in paths:
        try:
            found.append(_read(path, session))
        except XRoadError as error:
            yield ArchiveResult(str(path), error=error)
    known = (session.previous,) if session.previous else ()
    chains = chains_of(found, known)
    firsts: dict[str, str] = {}
    for chain in chains:
        yield _judged(folder, chain, session, firsts)
        for archive in chain.archives:
            yield from _examine(folder / archive.name, session)
    yield from _ends(folder, chains, session)


def _archives(folder: Path) -> list[Path]:
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if path.name.startswith(ARCHIVE_PREFIX) and path.name.endswith(ENDINGS)
        )
    except OSError as error:
        raise unreadable(folder, error) from error


def _read(path: Path, session: Session) -> NamedArchive:
    try:
        with opened(path, session) as file:
            info = read_archive(file).info
    except OSError as error:
        raise unreadable(path, error) from error
    return NamedArchive(path.name, info.previous, info.last_digest)


def _examine(path: Path, session: Session) -> Iterator[Result]:
    """Examine one archive by itself: where it stands has been judged."""
    try:
        with opened(path, session) as file:
            archive = read_archive(file)
            digest = verify_archive(archive, previous=None)
            yield ArchiveResult(
                str(path),
                containers=len(archive.members),
                previous=archive.info.previous.digest,
                last_digest=digest,
            )
            yield from examine_members(path, archive, session)
    except XRoadError as error:
        yield ArchiveResult(str(path), error=error)
    except OSError as error:
        raise unreadable(path, error) from error


def _judged(
    folder: Path, chain: Chain, session: Session, firsts: dict[str, str]
) -> ChainResult:
    """Say whether a chain begins where it may; note the first archive of each group."""
    first = chain.archives[0]
    error = None
    if chain.beginning is Beginning.FIRST:
        other = firsts.setdefault(_group(first.name), first.name)
        if other != first.name:
            error = _fault(
                f"{first.name} and {other} are both the first of their chain",
                "One was added, or the server has begun anew with another database.",
            )
    elif chain.beginning is Beginning.FORK:
        error = _fault(
            f"{first.name} and {chain.other} both follow {first.previous.file_name}",
            "One of them was added: a server's chain never parts.",
        )
    elif chain.beginning is Beginning.COPY:
        error = _fault(
            f"{first.name} has the same digests as {chain.other}", "Remove the copy."
        )
    elif chain.beginning is Beginning.MISSING and not _may_miss(session):
        error = _fault(
            f"{first.name} follows {first.previous.file_name or first.previous.digest}, "
            "which is not there",
            "Restore it. If older archives are kept elsewhere, give --previous with the "
            "last digest of the last one of them, or --previous any.",
        )
    names = [archive.name for archive in chain.archives]
    return ChainResult(str(folder), tuple(names), chain.last_digest, error)


def _group(name: str) -> str:
    """Return the part of an archive's name that names its member or subsystem."""
    found = _NAME.match(name)
    return found[1] if found else name


def _may_miss(session: Session) -> bool:
    """Whether the user said that what comes before is not compared."""
    return session.has_previous and session.previous is None


def _ends(folder: Path, chains: list[Chain], session: Session) -> Iterator[Result]:
    """Say which chains end too early."""
    ends = {chain.last_digest.lower() for chain in chains}
    for digest in session.last:
        if digest.lower() not in ends:
            error = _fault(
                f"No chain ends with {digest}",
                "Archives behind the last one are missing; or the server has written "
                "more since: ask it again with `archive chains`.",
            )
            yield ChainResult(str(folder), (), "", error)


def _fault(what: str, advice: str) -> XRoadError:
    return XRoadError(_FOLLOWS_MISSING, what, advice=advice)
