"""Power cuts: what nobody had synced is taken back.

`power_loss.c` is preloaded into every process of a machine and keeps a journal of
changes with what was there before. `Power.cut` stops all changes at one moment; when
the processes are gone, `Power.take_back` undoes what was not durable:

* a write or truncation, unless a sync of that file began after it and has ended;
* a new name, a removed name, a rename, unless its folder was synced likewise. That is
  what POSIX promises. With ``journalled=True`` a sync of a new file also keeps its
  name, as ext4, XFS and Btrfs do.

With a random number generator only some of it is undone: of each page of each file a
random number of its last writes (so writes are torn and out of order), and the last
names from a random moment on.
"""

import contextlib
import ctypes
import os
import random
import shutil
import struct
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("power_loss.c")
_HEADER = struct.Struct("<IBBHHHIQQQQqqq")  # as in power_loss.c
_MAGIC = 0x31575050
PAGE = 4096
"""Pieces in which writes are torn: the page cache's."""
_CONTENT = "WT"
_NAMES = "CURDX"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the journal."""

    kind: str
    """``W`` write, ``T`` truncate or grow, ``C`` new name, ``U`` removed name, ``R``
    rename, ``D`` new folder, ``X`` removed folder, ``S`` sync."""
    sequence: int
    file: int
    """Inode."""
    folder: int
    """Inode of the folder whose list of names changed; the new one of a rename."""
    synced: int
    """Of a sync: what came before is durable."""
    offset: int
    length: int
    old_size: int
    path: Path
    to: Path
    """Of a rename the new name; of a removed name where its file was kept."""
    data: bytes
    """What was there."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a power cut took back."""

    writes: int
    """Writes and truncations, whole or in part."""
    names: int
    bytes: int


def compiler() -> str | None:
    """Return the C compiler, if there is one."""
    return shutil.which("cc") or shutil.which("gcc")


def build_shim(folder: Path) -> Path:
    """Compile the library. Raises `RuntimeError` with what the compiler said."""
    made = folder / "power_loss.so"
    command = [compiler() or "cc", "-shared", "-fPIC", "-O1", "-U_FORTIFY_SOURCE"]
    command += ["-fno-builtin", "-o", str(made), str(SOURCE), "-ldl", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return made


class Power:
    """The power supply of one machine.

    Args:
        shim: From `build_shim`.
        roots: Folders whose files count; on one file system.
        graves: An empty folder of that file system, outside the roots.
        lies: Whether the disk says that it synced and did not.
    """

    def __init__(
        self, shim: Path, roots: Sequence[Path], graves: Path, *, lies: bool = False
    ) -> None:
        memory = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
        self._folder = Path(
            tempfile.mkdtemp(
                prefix="kerege-power-", dir=memory if memory.is_dir() else None
            )
        )
        self._folder.chmod(0o1777)  # PostgreSQL runs as another user
        graves.mkdir(exist_ok=True)
        graves.chmod(0o1777)
        self._shim = shim
        self._roots = [root.resolve() for root in roots]
        self._graves = graves.resolve()
        self._lies = lies
        self._cutter = ctypes.CDLL(str(shim))

    @property
    def environment(self) -> dict[str, str]:
        """What each process of the machine must be started with."""
        plugged = {
            "LD_PRELOAD": str(self._shim),
            "POWER_JOURNAL": str(self._folder),
            "POWER_ROOTS": ":".join(map(str, self._roots)),
            "POWER_GRAVES": str(self._graves),
        }
        return plugged | ({"POWER_LIES": "1"} if self._lies else {})

    def cut(self) -> None:
        """Let no change through from now on; kill the processes next."""
        if self._cutter.power_cut(os.fsencode(self._folder)):
            raise RuntimeError("The journal of the power supply is not there")

    def take_back(
        self, chance: random.Random | None = None, *, journalled: bool = False
    ) -> Loss:
        """Undo what was not durable, and begin anew. All processes must be gone.

        Args:
            chance: Undo only some of it, as this decides; else all.
            journalled: A sync of a new file keeps its name too.
        """
        changes = read_journal(self._folder / "log")
        lost = not_durable(changes, journalled=journalled)
        found = _inodes([*self._roots, self._graves])
        contents = [c for c in lost if c.kind in _CONTENT]
        names = [c for c in lost if c.kind in _NAMES]
        if chance is not None and names:
            names = names[chance.randint(0, len(names)) :]
        undone = 0
        for file, its in _by_file(contents).items():
            if file in found:
                undone += _undo_contents(found[file], its, chance)
        for change in reversed(names):
            _undo_name(change)
        for root in self._roots:
            for path in root.rglob("*-shm"):
                path.unlink()
        self.forget()
        return Loss(len(contents), len(names), undone)

    def forget(self) -> None:
        """Take everything for durable, and begin anew. All processes must be gone."""
        for path in [*self._folder.iterdir(), *self._graves.iterdir()]:
            path.unlink()

    def close(self) -> None:
        """Remove the journal."""
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.rmtree(self._graves, ignore_errors=True)


def read_journal(path: Path) -> list[Change]:
    """Return the entries in their order."""
    changes = []
    data = memoryview(path.read_bytes()) if path.exists() else memoryview(b"")
    at = 0
    while at + _HEADER.size <= len(data):
        fields = _HEADER.unpack_from(data, at)
        magic, kind, _, from_length, to_length, _, data_length = fields[:7]
        if magic != _MAGIC:
            msg = f"The journal is damaged at byte {at}"
            raise RuntimeError(msg)
        at += _HEADER.size
        parts = []
        for length in (from_length, to_length, data_length):
            parts.append(bytes(data[at : at + length]))
            at += length
        path_from, path_to = (Path(os.fsdecode(part)) for part in parts[:2])
        sequence, file, folder, synced, offset, length, old_size = fields[7:]
        changes.append(
            Change(
                chr(kind),
                sequence,
                file,
                folder,
                synced,
                offset,
                length,
                old_size,
                path_from,
                path_to,
                parts[2],
            )
        )
    return changes


def not_durable(changes: Iterable[Change], *, journalled: bool) -> list[Change]:
    """Return the changes that no sync covers."""
    changes = list(changes)
    synced: dict[int, int] = defaultdict(int)
    for change in changes:
        if change.kind == "S":
            synced[change.file] = max(synced[change.file], change.synced)

    def lost(change: Change) -> bool:
        if change.kind in _CONTENT:
            return change.sequence >= synced[change.file]
        if change.kind not in _NAMES:
            return False
        kept_by_file = journalled and change.kind == "C"
        until = synced[change.folder]
        if kept_by_file:
            until = max(until, synced[change.file])
        return change.sequence >= until

    return [change for change in changes if lost(change)]


def _inodes(roots: Iterable[Path]) -> dict[int, Path]:
    found = {}
    for root in roots:
        for folder, _, files in os.walk(root):
            for name in files:
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):
                    found[path.lstat().st_ino] = path
    return found


def _by_file(changes: Iterable[Change]) -> dict[int, list[Change]]:
    grouped: dict[int, list[Change]] = defaultdict(list)
    for change in changes:
        grouped[change.file].append(change)
    return grouped


def _undo_contents(
    path: Path, changes: list[Change], chance: random.Random | None
) -> int:
    """Put a file's bytes back; return how many."""
    with path.open("r+b") as file:
        if chance is None:
            return sum(_undo_whole(file.fileno(), c) for c in reversed(changes))
        if any(change.kind == "T" for change in changes):
            cut = chance.randint(0, len(changes))
            return sum(_undo_whole(file.fileno(), c) for c in reversed(changes[cut:]))
        return _undo_pages(file.fileno(), changes, chance)


def _undo_whole(handle: int, change: Change) -> int:
    if change.data:
        os.pwrite(handle, change.data, change.offset)
    os.ftruncate(handle, change.old_size)
    return change.length


def _undo_pages(handle: int, changes: list[Change], chance: random.Random) -> int:
    """Undo the last writes of each page, a random number of them."""
    pieces: dict[int, list[tuple[int, int, Change]]] = defaultdict(list)
    for change in changes:
        at, end = change.offset, change.offset + change.length
        while at < end:
            stop = min(end, (at // PAGE + 1) * PAGE)
            pieces[at // PAGE].append((at, stop, change))
            at = stop
    undone, size = 0, changes[0].old_size
    for versions in pieces.values():
        kept = chance.randint(0, len(versions))
        size = max([size, *(stop for _, stop, _ in versions[:kept])])
        for at, stop, change in reversed(versions[kept:]):
            old = change.data[at - change.offset : stop - change.offset]
            os.pwrite(handle, old.ljust(stop - at, b"\0"), at)
            undone += stop - at
    os.ftruncate(handle, size)
    return undone


def _undo_name(change: Change) -> None:
    path, to = change.path, change.to
    with contextlib.suppress(FileNotFoundError):
        if change.kind == "C" and path.lstat().st_ino == change.file:
            path.unlink()
        elif change.kind == "R":
            if not path.exists():
                to.rename(path)
        elif change.kind == "U":
            if not path.exists():
                os.link(to, path, follow_symlinks=False)
        elif change.kind == "D":
            shutil.rmtree(path)
        elif change.kind == "X":
            path.mkdir(exist_ok=True)
            owner = path.parent.stat()
            os.chown(path, owner.st_uid, owner.st_gid)
