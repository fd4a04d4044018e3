"""What `kerege verify` does with a file: a container, a download, an archive."""

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kerege.cli.failures import Failure
from kerege.cli.verify_output import ArchiveResult, ContainerResult, Result
from kerege.xroad.archive import (
    ARCHIVE_LIMITS,
    LINKING_INFO,
    Archive,
    read_archive,
    verify_archive,
)
from kerege.xroad.asic import examine_container
from kerege.xroad.asic.names import MESSAGE, MIMETYPE
from kerege.xroad.asic.zipreader import ZipFile
from kerege.xroad.certificates import AlgorithmPolicy
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf

MAX_IN_MEMORY = 8 * 1024 * 1024
"""A container inside another file is held in memory up to this, else in a file."""
ENCRYPTED = (".gpg", ".pgp")
DIGEST = re.compile(r"([0-9a-f]{2}){20,64}", re.ASCII)
"""SHA-1 to SHA-512, as linking information writes them."""
ARCHIVE_PREFIX = "mlog-"
_CONTAINER = ".asice"


class UsageFailure(Failure):
    """The command cannot start: a file is not readable, or an option is missing."""

    exit_code = 2


@dataclass(slots=True)
class Session:
    """One run of the command."""

    configuration: GlobalConf | None
    """None: only chains of archives are looked at."""
    policy: AlgorithmPolicy
    previous: str | None
    """Last digest of the archive before: empty for the first, None to compare none."""
    has_previous: bool
    """Whether the user said anything about it."""
    gpg_home: Path | None = None
    """Keyring that opens encrypted archives."""
    last: tuple[str, ...] = ()
    """Digests with which chains of a folder must end."""


def examine_file(path: Path, session: Session) -> Iterator[Result]:
    """Examine one file, whatever it is."""
    try:
        with opened(path, session) as file:
            yield from _examine(path, file, session)
    except OSError as error:
        raise unreadable(path, error) from error
    except XRoadError as error:
        yield ArchiveResult(str(path), error=error)


@contextmanager
def opened(path: Path, session: Session) -> Iterator[IO[bytes]]:
    """Open a file, decrypted if it is encrypted.

    Raises OSError, `UsageFailure` without a keyring, XRoadError if it is not signed
    and encrypted by and for keys of the keyring.
    """
    if not path.name.lower().endswith(ENCRYPTED):
        with path.open("rb") as file:
            yield file
        return
    if session.gpg_home is None:
        what = f"{path} is encrypted"
        raise UsageFailure(
            what,
            advice="Give --gpg-home, or decrypt it first: gpg --decrypt --output FILE "
            "FILE.gpg",
        )
    from kerege.exchange.messagelog.gpg import Keyring

    with tempfile.TemporaryFile() as clear:
        Keyring(session.gpg_home).decrypt(path, clear)
        clear.seek(0)
        yield clear


def _examine(path: Path, file: IO[bytes], session: Session) -> Iterator[Result]:
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
    return path.name.startswith(ARCHIVE_PREFIX) and MIMETYPE not in names


def _is_download(names: set[str]) -> bool:
    has_containers = any(name.lower().endswith(_CONTAINER) for name in names)
    return has_containers and not names & {MIMETYPE, MESSAGE}


def _examine_archive(path: Path, file: IO[bytes], session: Session) -> Iterator[Result]:
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
    yield from examine_members(path, archive, session)


def examine_members(path: Path, archive: Archive, session: Session) -> Iterator[Result]:
    """Examine the containers of an archive, if there is a configuration."""
    if session.configuration is None:
        return
    for member in archive.members:
        chunks = archive.chunks(member)
        yield _examine_inner(f"{path}: {member.name}", chunks, session)


def _examine_inner(name: str, chunks: Iterable[bytes], session: Session) -> Result:
    """Examine a container that is inside another file."""
    with tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY) as spool:
        try:
            for chunk in chunks:
                spool.write(chunk)
        except XRoadError as error:
            return ArchiveResult(name, error=error)
        return _examine_container(name, spool, session)


def _examine_container(name: str, file: IO[bytes], session: Session) -> Result:
    if session.configuration is None:
        what = f"{name} is no archive, and so in no chain"
        raise UsageFailure(what, advice="Give --configuration instead of --chain-only.")
    report = examine_container(file, session.configuration, policy=session.policy)
    return ContainerResult(name, report)


def unreadable(path: Path, error: OSError) -> UsageFailure:
    """Return the failure for a file that cannot be read."""
    return UsageFailure(f"{path} cannot be read", why=error.strerror or str(error))
