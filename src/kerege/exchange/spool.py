"""A message body on its way through: in memory while small, then in a file.

Rules:

* A body is written once, from the front, and may then be read any number of times.
* Up to `MEMORY_LIMIT` bytes it is held in memory and costs no system call. Above, it
  goes to a file in the folder given; never more than two blocks of it are in memory.
* Its digests are computed on the way, so nobody reads it twice to hash it.
* What may block the event loop (writing, reading and syncing the file) runs in a
  thread. A small body never sees a thread.
* The file has a temporary name until `Spool.keep` gives it a lasting one, and is
  removed by `Spool.discard`. `remove_leftovers` clears what a crash left behind.

One task writes a spool; the caller does not write and read at the same time.
"""

import asyncio
import os
import tempfile
import threading
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kerege.exchange.processes import is_alive, this_process
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError

if TYPE_CHECKING:
    import hashlib

MEMORY_LIMIT = 1024 * 1024
"""Largest body kept in memory, in bytes: a server with 100 bodies open needs 100 MB."""
BLOCK_SIZE = 256 * 1024
"""Bytes handed to the file at once: a thread hop costs less than a tenth of hashing."""
TEMPORARY_PREFIX = "body-"
TEMPORARY_SUFFIX = ".spool"


class Spool:
    """One streamed body.

    Args:
        directory: Where the file goes if the body is large; it must exist.
        hashes: Fresh incremental hash objects to feed; one SHA-512 if there is none.
        memory_limit: Largest body to keep in memory, in bytes.
    """

    __slots__ = (
        "_blocks",
        "_buffered",
        "_directory",
        "_discarded",
        "_file",
        "_finished",
        "_hashes",
        "_kept",
        "_limit",
        "_lock",
        "_path",
        "_size",
    )

    def __init__(
        self,
        directory: Path,
        *hashes: "hashlib._Hash",
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        self._directory = directory
        self._hashes = hashes or (SHA512.new(),)
        self._limit = memory_limit
        self._blocks: list[bytes] = []
        self._buffered = 0
        self._size = 0
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._kept = False
        self._finished = False
        self._discarded = False
        self._lock = threading.Lock()
        # A cancelled task leaves its thread running: the lock keeps `discard` from
        # closing or unlinking under a write, and the flag stops a late thread.

    @classmethod
    def of(cls, data: bytes, *hashes: "hashlib._Hash") -> "Spool":
        """Return a finished spool that holds ``data`` in memory, whatever its size."""
        spool = cls(Path(), *hashes, memory_limit=len(data))
        spool._accept(bytes(data))
        spool._finished = True
        return spool

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._size

    @property
    def digest(self) -> bytes:
        """The digest of the first hash object over what has been written."""
        return self.digests[0]

    @property
    def digests(self) -> tuple[bytes, ...]:
        """The digests, in the order in which the hash objects were given."""
        self._require_finished()
        return tuple(h.digest() for h in self._hashes)

    @property
    def data(self) -> bytes | None:
        """The body, if it is in memory; None if it is in a file."""
        self._require_finished()
        return None if self._path else self._in_memory()

    @property
    def path(self) -> Path | None:
        """The file that holds the body; None if it is in memory."""
        return self._path

    async def write(self, chunk: bytes) -> None:
        """Append ``chunk``. Raises ``io_error`` if the file cannot be written."""
        if self._path is None:
            self._accept(chunk)
            if self._size > self._limit:
                await self._in_thread(self._open)
            return
        self._blocks.append(bytes(chunk))
        self._buffered += len(chunk)
        self._size += len(chunk)
        if self._buffered >= BLOCK_SIZE:
            await self._in_thread(self._flush)

    async def finish(self) -> None:
        """End the body. Raises ``io_error`` if its last block cannot be written."""
        if self._file is not None:
            await self._in_thread(self._close)
        self._finished = True

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body from its beginning; every call starts anew."""
        self._require_finished()
        if self._path is None:
            if data := self._in_memory():
                yield data
            return
        file = await asyncio.to_thread(self._path.open, "rb")
        try:
            while block := await asyncio.to_thread(file.read, BLOCK_SIZE):
                yield block
        finally:
            file.close()

    async def sync(self) -> None:
        """Return when the file's bytes are on stable storage (nothing to do in memory).

        Raises ``io_error``.
        """
        if self._path is not None:
            await self._in_thread(sync_path, self._path)

    async def keep(self, path: Path) -> None:
        """Give the file a lasting name, in the same file system, durably.

        The bytes are synced first, then the file renamed, then its new folder synced.
        `discard` leaves it alone from now on. A body in memory is not written.

        Raises ``io_error``.
        """
        if self._path is not None:
            await self._in_thread(self._keep, path)

    def discard(self) -> None:
        """Forget the body and remove its file unless it was kept; may be repeated."""
        with self._lock:
            self._discarded = True
            self._finished = True
            self._blocks.clear()
            if self._file is not None:
                self._file.close()
                self._file = None
            if self._path is not None and not self._kept:
                self._path.unlink(missing_ok=True)

    def _accept(self, chunk: bytes) -> None:
        """Take a chunk into memory."""
        for h in self._hashes:
            h.update(chunk)
        self._blocks.append(bytes(chunk))
        self._size += len(chunk)

    def _in_memory(self) -> bytes:
        if len(self._blocks) > 1:
            self._blocks[:] = [b"".join(self._blocks)]
        return self._blocks[0] if self._blocks else b""

    def _open(self) -> None:
        """Move what is in memory, already hashed, into a new file."""
        handle, name = tempfile.mkstemp(
            prefix=f"{TEMPORARY_PREFIX}{this_process()}-",
            suffix=TEMPORARY_SUFFIX,
            dir=self._directory,
        )
        self._path = Path(name)
        self._file = os.fdopen(handle, "wb", buffering=0)
        blocks, self._blocks = self._blocks, []
        for block in blocks:
            _write_all(self._file, block)

    def _flush(self) -> None:
        data = b"".join(self._blocks)
        self._blocks.clear()
        self._buffered = 0
        for h in self._hashes:
            h.update(data)
        if self._file is not None:
            _write_all(self._file, data)

    def _close(self) -> None:
        self._flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _keep(self, path: Path) -> None:
        if self._path is not None:
            sync_path(self._path)
            self._path.rename(path)
            self._path = path
            self._kept = True
            sync_path(path.parent)

    async def _in_thread(self, work: Callable[..., None], *arguments: Path) -> None:
        try:
            await asyncio.to_thread(self._locked, work, *arguments)
        except OSError as error:
            raise XRoadError(
                "io_error",
                f"A body of {self._size} bytes could not be stored: {error.strerror}",
                advice=f"Look at the space and the rights of {self._directory}.",
            ) from error

    def _locked(self, work: Callable[..., None], *arguments: Path) -> None:
        with self._lock:
            if not self._discarded:
                work(*arguments)

    def _require_finished(self) -> None:
        if not self._finished:
            raise RuntimeError("The spool is still being written")


def size_of(body: Spool | None) -> int:
    """Return a body's bytes; none if there is no body."""
    return 0 if body is None else body.size


def sync_path(path: Path) -> None:
    """Force a file, or a folder's list of names, onto stable storage."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(directory: Path) -> int:
    """Remove temporary files of processes that have ended; return how many.

    Several workers of one server, and those that it is replacing, spool into one
    folder: a file's name says whose it is.
    """
    count = 0
    for path in directory.glob(f"{TEMPORARY_PREFIX}*{TEMPORARY_SUFFIX}"):
        owner = path.name.removeprefix(TEMPORARY_PREFIX).rpartition("-")[0]
        if not is_alive(owner):
            path.unlink(missing_ok=True)
            count += 1
    return count


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
