"""Replacing small files so that neither a crash nor a power cut leaves half of one.

Rules:

* A file is written beside its place, synced, renamed, and then its folder is synced:
  whoever reads at any moment, or after the power was cut, finds the old file or the
  new one. Without the first sync a rename may survive a power cut that the bytes do
  not: an empty file in the place of a good one.
* A temporary name begins with a dot, says whose it is and ends with
  `TEMPORARY_SUFFIX`. What processes leave that were killed is removed when a server
  starts.
"""

import asyncio
import os
import tempfile
from pathlib import Path

from kerege.exchange.processes import is_alive, this_process

TEMPORARY_SUFFIX = ".new"
PRIVATE = 0o600
"""Only this server's user reads it."""


def replace_file(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Write or replace a file in an existing folder, whole and durably.

    Args:
        path: The file.
        content: All of it.
        mode: Its rights.

    Raises `OSError`; then nothing has changed, or all of it.
    """
    handle, name = tempfile.mkstemp(
        prefix=f".{path.name}.{this_process()}-",
        suffix=TEMPORARY_SUFFIX,
        dir=path.parent,
    )  # made with mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_path(path.parent)


def make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """Make a folder durably, with those above it, if it is not there."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=mode, exist_ok=True)
        sync_path(folder.parent)


def sync_path(path: Path) -> None:
    """Force a file, or a folder's list of names, onto stable storage."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_temporaries(folder: Path) -> int:
    """Remove what processes that have ended left in a folder; return how many."""
    count = 0
    for path in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        owner = path.name.rpartition("-")[0].rpartition(".")[2]
        if not is_alive(owner):
            path.unlink(missing_ok=True)
            count += 1
    return count


def remove_soon(path: Path) -> None:
    """Remove a file: its name now, its bytes (50 ms for a gigabyte) in a thread."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    path.unlink(missing_ok=True)
    try:
        asyncio.get_running_loop().run_in_executor(None, os.close, handle)
    except RuntimeError:  # no loop, or one that is ending
        os.close(handle)
