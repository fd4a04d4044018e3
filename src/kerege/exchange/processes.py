"""Processes beside each other: which are alive, and which may work on a folder.

A lock is the kernel's (`flock`): it ends with the process that holds it, however that
ends, so that nothing has to be cleared up by hand. This module imports next to nothing:
the supervisor, which must stay small, uses it too.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kerege.xroad.faults import XRoadError


class FileLock:
    """A lock on a file, which is made if it is not there; its folder too."""

    def __init__(self, path: Path) -> None:
        """Hold nothing yet."""
        self._path = path
        self._handle: int | None = None

    def take(self) -> bool:
        """Take the lock if nobody has it; return whether we have it now.

        The time of the file is then that of the taking, for who wants to know.
        """
        if self._handle is not None:
            return True
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except BaseException:
            os.close(handle)
            raise
        os.utime(handle)  # the file says since when
        self._handle = handle
        return True

    def release(self) -> None:
        """Give the lock back; may be repeated."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes waiting that would work on the same files of a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def work_in_batches() -> None:
    """Ask the kernel not to interrupt others whenever there is work for this process.

    Under ``SCHED_BATCH`` (sched(7)) a process that is woken waits until the running one
    pauses or has had its time. Servers of messages wake each other all the time; each
    interruption costs caches on both sides. Where it is not allowed, nothing changes.
    """
    with contextlib.suppress(AttributeError, OSError):  # not Linux; not allowed
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


@contextmanager
def only_process(lock: Path) -> Iterator[None]:
    """Hold a file's lock: one process at a time works on what lies beside it.

    The folder is made if it is not there.

    Raises ``action_not_possible`` if another one does. The lock ends with the process,
    however that ends.
    """
    held = FileLock(lock)
    if not held.take():
        raise XRoadError(
            "action_not_possible",
            f"Another process is at work in {lock.parent}",
            advice="A server runs with these settings already: stop it first.",
        )
    try:
        yield
    finally:
        held.release()


@contextmanager
def using(folder: Path, *, alone: bool, refused: XRoadError) -> Iterator[None]:
    """Work with what a folder stands for, alone or beside others who do not mind.

    The lock is on the folder itself (made if it is not there), so that there is no
    file that a later user could not open. Nobody is waited for: ``refused`` is raised
    if somebody works there alone, or anybody if we want to be alone.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
            fcntl.flock(handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise refused from None
        yield
    finally:
        os.close(handle)


def this_process() -> str:
    """Return a name for this process that no later one gets: id and time of start."""
    pid = os.getpid()
    return f"{pid}-{_started(pid) or 0}"


def is_alive(name: str) -> bool:
    """Whether the process with this name, from `this_process`, still runs.

    Where proc(5) hides other processes (``hidepid``), as it may hide a process that
    keeps its memory to itself from its own siblings, whoever has the id counts as
    alive: better a file too many than one that is being written.
    """
    pid, _, started = name.partition("-")
    if not started or not pid.isdecimal() or not _is_there(int(pid)):
        return False
    return _started(int(pid)) in (started, None)


def _is_there(pid: int) -> bool:
    """Whether any process has the id; kill(2) sees those too that proc(5) hides."""
    if pid == 0:  # to kill(2), our own group
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since boot; empty if it has ended.

    None if that cannot be seen. Source: proc(5), the 22nd field of ``stat``; a
    process's name may hold anything.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]
