"""The demo's folder: one demo at a time, and nothing of anybody else is removed.

Rules:

* A folder is ours if it is new, empty, or has the lock file or a built instance.
  Only such a folder is ever emptied: `--folder ~` must not cost somebody a home.
* The lock is held by the demo and by the servers that it starts, so that servers
  that outlived a killed demo are noticed.
"""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LOCK = "demo.lock"
PLAN = "instance.json"
"""What the instance was built with."""
MAX_LOCK_CHARACTERS = 200
"""A few process ids."""


class FolderError(Exception):
    """The folder cannot be used; the message says why and what to do."""


@contextmanager
def held(root: Path) -> Iterator[IO[str]]:
    """Make the folder if need be and hold its lock, which is given.

    Raises `FolderError` if the folder holds something else, or a demo runs in it.
    """
    require_ours(root)
    root.mkdir(parents=True, mode=0o700, exist_ok=True)
    with (root / LOCK).open("a+", encoding="ascii", errors="replace") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderError(_why_held(root, lock)) from None
        note_processes(lock, [os.getpid()])
        yield lock


def note_processes(lock: IO[str], processes: Iterable[int]) -> None:
    """Write who holds the lock, for the person who finds it held."""
    lock.seek(0)
    lock.truncate()
    lock.write(" ".join(map(str, processes)))
    lock.flush()


def require_ours(root: Path) -> None:
    """Raise `FolderError` if the folder holds something that is not a demo's."""
    if not root.exists() or (root / LOCK).exists() or (root / PLAN).exists():
        return
    if not root.is_dir():
        msg = f"{root} is a file. Choose a folder for the demo with --folder."
        raise FolderError(msg)
    if any(root.iterdir()):
        msg = (
            f"{root} holds something else, and the demo would remove it.\n"
            "Choose an empty or a new folder with --folder."
        )
        raise FolderError(msg)


def emptied(root: Path) -> None:
    """Remove all but the lock from a demo's folder, or make the folder.

    Raises `FolderError` if the folder is not a demo's.
    """
    require_ours(root)
    root.mkdir(parents=True, mode=0o700, exist_ok=True)
    for path in root.iterdir():
        if path.name == LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _why_held(root: Path, lock: IO[str]) -> str:
    lock.seek(0)
    processes = lock.read(MAX_LOCK_CHARACTERS).strip()
    return (
        f"A demo runs in {root} already (processes {processes or 'unknown'}).\n"
        "Stop it with Ctrl-C where it runs"
        + (f", or with: kill {processes}" if processes else "")
        + f"\nTo have a second one beside it: kerege demo --folder {root}-2"
    )
