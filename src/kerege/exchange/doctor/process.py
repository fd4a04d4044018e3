"""Is the server running? Seen from the kernel's tables, without touching anything.

A server holds a lock on a file in its spool folder. Trying the lock could keep a server
that starts at this moment from starting; `/proc/locks` only tells.
"""

from dataclasses import dataclass
from pathlib import Path

from kerege.exchange.security_server.settings import Settings

LOCKS = Path("/proc/locks")
MAX_LOCK_BYTES = 4 * 1024 * 1024
_HOLDERS = ("archive", "move-database")


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that somebody holds."""

    process: int
    """Its id; 0 or -1 if it is in another container."""
    is_whole_file: bool
    """A lock on a file, not on bytes of it."""
    writes: bool
    first: int
    """First byte, of a lock on bytes."""


@dataclass(frozen=True, slots=True)
class Running:
    """The process that has the server's lock."""

    process: int
    command: str
    """What it was started as; empty if it cannot be seen."""

    @property
    def name(self) -> str:
        """For people."""
        return f"process {self.process}" if self.process > 0 else "a process"


def running_server(settings: Settings) -> Running | None:
    """Return who holds the server's lock, or None.

    A command that must not run beside a server holds it too, for as long as it works.
    """
    for lock in locks_on(settings.lock_file):
        command = command_of(lock.process)
        is_command = any(f" security-server {c}" in command for c in _HOLDERS)
        if lock.is_whole_file and lock.writes and not is_command:
            return Running(lock.process, command)
    return None


def locks_on(path: Path) -> list[Held]:
    """Return the locks on a file; none if there is no such file.

    Files are told by their inode: the device that the kernel names is not that of
    `stat` on every file system.
    """
    try:
        inode = str(path.stat().st_ino)
        with LOCKS.open(encoding="ascii", errors="replace") as file:
            lines = file.read(MAX_LOCK_BYTES).splitlines()
    except OSError:
        return []
    return [held for held in map(_held, lines, [inode] * len(lines)) if held]


def command_of(process: int) -> str:
    """Return a process's command line, or nothing if it cannot be seen."""
    try:
        data = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return ""
    return data.replace(b"\0", b" ").decode(errors="replace").strip()


def _held(line: str, inode: str) -> Held | None:
    """Read a line such as ``1: POSIX  ADVISORY  WRITE 77 fe:00:9977 120 120``."""
    words = line.split()
    if len(words) < 8 or words[1] == "->" or words[5].rpartition(":")[2] != inode:
        return None
    kind, mode, process, first = words[1], words[3], words[4], words[6]
    if not process.lstrip("-").isdigit() or not first.isdigit():
        return None
    return Held(int(process), kind == "FLOCK", mode == "WRITE", int(first))
