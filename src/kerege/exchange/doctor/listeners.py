"""Who listens on a port, as far as the kernel shows it to this user."""

from contextlib import suppress
from pathlib import Path

from kerege.exchange.doctor.process import command_of

LISTEN = "0A"
"""The state of a socket that listens, in `/proc/net/tcp`."""
MAX_PROCESSES = 5000
MAX_COMMAND_CHARACTERS = 80


def listener_of(port: int) -> str:
    """Return the process that listens on a TCP port, for people; empty if unknown."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not inodes:
        return ""
    for folder in sorted(Path("/proc").glob("[0-9]*"))[:MAX_PROCESSES]:
        if inodes & _sockets_of(folder):
            command = command_of(int(folder.name))[:MAX_COMMAND_CHARACTERS]
            return f"process {folder.name}" + (f" ({command})" if command else "")
    return ""


def _listening_inodes(port: int) -> list[str]:
    wanted = f"{port:04X}"
    found: list[str] = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        found += [
            words[9]
            for words in map(str.split, lines)
            if words[1].rpartition(":")[2] == wanted and words[3] == LISTEN
        ]
    return found


def _sockets_of(folder: Path) -> set[str]:
    found = set()
    with suppress(OSError):  # it has ended, or is somebody else's
        for link in (folder / "fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                found.add(str(link.readlink()))
    return found
