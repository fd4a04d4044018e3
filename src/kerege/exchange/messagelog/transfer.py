"""Transfer: finished archives leave the archive folder, for another disk or machine.

Rules (the reference has a command of the operator's, `archive-transfer-command`):

* An archive is moved whole: copied under a temporary name, synced, given its name
  there, and only then removed here. Whoever looks there finds finished archives only.
* Nothing there is overwritten. If the same archive is there already, as after a crash,
  it is only removed here; another one of that name stops the transfer.
* What could not be moved stays, and is moved the next time.
* The archive in the making, which may yet be withdrawn, is left alone.
* A command gets the folder to itself: no shell, a bounded time, its last words in the
  fault.
"""

import fcntl
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import structlog

from kerege.exchange.files import PRIVATE, sync_path
from kerege.xroad.faults import XRoadError

ARCHIVES = ("mlog-*.zip", "mlog-*.zip.gpg")
PART_SUFFIX = ".part"
"""Of a copy in the making, in the folder where archives go."""
BLOCK_SIZE = 1024 * 1024
MAX_COMMAND_SECONDS = 3600.0
"""Longest time of the operator's command; the next archiving would wait for it."""
MAX_SAID_BYTES = 2048
DIRECTORY_VARIABLE = "KEREGE_ARCHIVE_DIRECTORY"
"""Tells the command where the archives are; it is its working folder too."""

_log = structlog.get_logger(__name__)


def archives_in(folder: Path) -> list[Path]:
    """Return the archives of a folder by name. Raises OSError."""
    found = {path for pattern in ARCHIVES for path in folder.glob(pattern)}
    return sorted(path for path in found if path.is_file())


def move_archives(
    source: Path, target: Path, *, unfinished: Collection[str] = (), keep: bool = False
) -> int:
    """Move archives to an existing folder; return how many. Blocks.

    Args:
        source: The archive folder.
        target: Where they go, also on another file system.
        unfinished: Names of archives that are not finished.
        keep: Copy them only.

    Raises:
        XRoadError: ``io_error``; those before are moved, the others stay.
            ``action_not_possible`` while another transfer is at it.
    """
    try:
        with _alone(source):
            if not target.is_dir():
                why = f"{target} is not there"
                raise _failed(why, "Make or mount it.")
            count = 0
            for path in archives_in(source):
                if path.name not in unfinished:
                    count += _move(path, target / path.name, keep=keep)
            return count
    except OSError as error:
        why = f"{error.strerror} ({error.filename})"
        raise _failed(
            why,
            "Look at the space and the rights of both folders. What was not "
            "transferred is still here.",
        ) from error


def run_command(command: str, folder: Path) -> None:
    """Run the operator's command beside the archives. Blocks.

    Raises ``io_error`` if it cannot be run, fails, or takes too long.
    """
    words = shlex.split(command)
    environment = os.environ | {DIRECTORY_VARIABLE: str(folder.resolve())}
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own
                words,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=MAX_COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            why = f"{words[0]} did not end within {MAX_COMMAND_SECONDS:g} seconds"
            raise _failed(why, "It was ended.") from None
        except OSError as error:
            why = f"{words[0]} cannot be run: {error.strerror}"
            raise _failed(why, "Correct `transfer_command`.") from error
        if done.returncode != 0:
            size = said.seek(0, 2)
            said.seek(max(size - MAX_SAID_BYTES, 0))
            words_said = said.read().decode(errors="replace").strip()
            why = f"{words[0]} ended with {done.returncode}"
            raise _failed(why, f"It said: {words_said}" if words_said else "")


def _move(path: Path, goal: Path, *, keep: bool) -> bool:
    """Move one archive; return whether it was not there yet."""
    is_new = not goal.exists()
    if is_new:
        _copy(path, goal)
    elif not _are_equal(path, goal):
        why = f"{goal} is there already, and is another archive"
        raise _failed(
            why,
            "Find out which one is right; a server never gives one name to two.",
        )
    if not keep:
        path.unlink()
        sync_path(path.parent)
        _log.info("archive transferred", file=path.name)
    return is_new


def _copy(path: Path, goal: Path) -> None:
    """Copy durably; the goal has all of it, or does not exist.

    The copy is a new file, readable by this server's user only, from the beginning:
    a file or a link that stands there is of an earlier crash, or of somebody else.
    """
    part = goal.with_name(f".{goal.name}{PART_SUFFIX}")
    part.unlink(missing_ok=True)
    try:
        with path.open("rb") as file, _new_file(part) as copy:
            shutil.copyfileobj(file, copy, BLOCK_SIZE)
            copy.flush()
            os.fsync(copy.fileno())
        part.rename(goal)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_path(goal.parent)


def _new_file(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, PRIVATE), "wb")


def _are_equal(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while block := first.read(BLOCK_SIZE):
            if second.read(BLOCK_SIZE) != block:
                return False
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder for one transfer."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise XRoadError(
                "action_not_possible", f"Another transfer is at work on {folder}"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _failed(why: str, advice: str) -> XRoadError:
    return XRoadError(
        "io_error", f"Archives cannot be transferred: {why}", advice=advice
    )
