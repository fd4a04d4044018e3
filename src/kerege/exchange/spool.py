"""A message body on its way through: in memory while small, then in a file.

Rules:

* A body is written once, from the front, and may then be read any number of times.
* Up to `MEMORY_LIMIT` bytes it is held in memory and costs no system call. Above, it
  goes to a file in the folder given, and about twice as much is in memory at most.
* Where only the digest of a large body is of use, its bytes are forgotten on the way.
* Its digests are computed on the way, so nobody reads it twice to hash it.
* What may block the event loop (writing, reading and syncing the file) runs in a
  thread, and so does hashing; meanwhile the writer goes on with what comes next. A
  small body never sees a thread, nor does reading what the kernel has in memory.
* The file, which may be encrypted (`Veil`), has a temporary name until `Spool.keep`
  gives it a lasting one, and is removed by `Spool.discard`, or `remove_leftovers`.

One task writes a spool; the caller does not write and read at the same time.
"""

import asyncio
import os
import tempfile
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from kerege.exchange.files import remove_soon, sync_path
from kerege.exchange.processes import is_alive, this_process
from kerege.exchange.veil import Veil
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError

MEMORY_LIMIT = 1024 * 1024
"""Largest body kept in memory, in bytes: a server with 100 bodies open needs 100 MB."""
BLOCK_SIZE = 256 * 1024
"""Bytes handed to a thread at least: the hop costs less than a tenth of hashing them."""
MOST_GATHERED = 4 * BLOCK_SIZE
"""Bytes that gather while the thread is at those before; then the writer waits."""
MANY_PIECES = 64
"""Above so many pieces one copy is cheaper than a system call for each."""
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)
TEMPORARY_PREFIX = "body-"
TEMPORARY_SUFFIX = ".spool"


class Hashing(Protocol):
    """An incremental hash object, or one who refuses what it sees."""

    def update(self, data: bytes, /) -> None: ...  # noqa: D102
    def digest(self) -> bytes: ...  # noqa: D102


class Spool:
    """One streamed body.

    Args:
        directory: Where the file goes if the body is large; it must exist.
        hashes: Fresh incremental hash objects to feed; one SHA-512 if there is none.
        memory_limit: Largest body to keep in memory, in bytes.
        useful_bytes: Of a body that is larger, and too large for memory, only digest
            and size are of use: it is hashed and forgotten. None: all of it always is.
        hides: Whether the file is encrypted, with a key that is in memory only.
    """

    __slots__ = (
        "_blocks",
        "_buffered",
        "_digests",
        "_directory",
        "_discarded",
        "_file",
        "_finished",
        "_hashes",
        "_is_large",
        "_kept",
        "_limit",
        "_lock",
        "_path",
        "_size",
        "_useful",
        "_veil",
        "_working",
        "is_forgotten",
        "is_hidden",
    )

    def __init__(
        self,
        directory: Path,
        *hashes: "Hashing",
        memory_limit: int = MEMORY_LIMIT,
        useful_bytes: int | None = None,
        hides: bool = False,
    ) -> None:
        self.is_forgotten = False
        """Whether only digest and size are left. Known for sure when it is finished."""
        self.is_hidden = hides
        """Whether only `chunks` and `blocks` can read the file."""
        self._veil: Veil | None = None
        self._directory = directory
        self._hashes = hashes or (SHA512.new(),)
        self._limit = memory_limit
        self._useful = useful_bytes
        self._is_large = False
        self._working: asyncio.Future[None] | None = None
        self._blocks: list[bytes] = []
        self._buffered = 0
        self._digests: tuple[bytes, ...] = ()
        self._size = 0
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._kept = False
        self._finished = False
        self._discarded = False
        self._lock = threading.Lock()
        # A cancelled task leaves its thread running: the lock keeps `discard` from
        # closing under a write, and the flag stops a late thread.

    @classmethod
    def of(cls, data: bytes, *hashes: "Hashing") -> "Spool":
        """Return a finished spool that holds ``data`` in memory, whatever its size."""
        spool = cls(Path(), *hashes, memory_limit=len(data))
        spool._accept(bytes(data))
        spool._end()
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
        return self._digests

    @property
    def data(self) -> bytes | None:
        """The body, if it is in memory; None if it is in a file, or forgotten."""
        self._require_finished()
        return None if self._is_large else self._in_memory()

    @property
    def path(self) -> Path | None:
        """The file that holds the body; None if it is in memory, or forgotten."""
        return self._path

    async def write(self, chunk: bytes) -> None:
        """Append ``chunk``.

        Raises ``io_error`` if the file cannot be written; a later call may tell.
        """
        if not self._is_large:
            self._accept(chunk)
            if self._size > self._limit:
                self._is_large = True
                await self._in_thread(self._open)
            return
        self._blocks.append(bytes(chunk))
        self._buffered += len(chunk)
        self._size += len(chunk)
        if self._buffered >= BLOCK_SIZE:
            await self._hand_over()

    async def finish(self) -> None:
        """End the body. Raises ``io_error``, or what a hash's face refuses it with."""
        if self._is_large:
            await self._settle()
            await self._in_thread(self._close)
        self._end()

    def _end(self) -> None:
        self._finished = True
        self._digests = tuple([h.digest() for h in self._hashes])

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body from its beginning; every call starts anew."""
        self._require_finished()
        if not self._is_large:
            if data := self._in_memory():
                yield data
            return
        if self._path is None:
            raise RuntimeError("The body was not worth keeping")
        file = await asyncio.to_thread(self._path.open, "rb")
        reveal = None if self._veil is None else self._veil.reader()
        try:
            buffer, at = bytearray(BLOCK_SIZE), 0
            while at < self._size:
                block = _read_cached(file, buffer, at)
                if not block and not (
                    block := await asyncio.to_thread(_read, file, at)
                ):
                    return
                at += len(block)
                yield block if reveal is None else reveal(block)
        finally:
            file.close()

    def blocks(self) -> Iterator[bytes]:
        """Yield what is in the file, from its beginning. Blocks. Raises OSError."""
        if self._path is not None:
            reveal = None if self._veil is None else self._veil.reader()
            with self._path.open("rb") as file:
                while block := file.read(BLOCK_SIZE):
                    yield block if reveal is None else reveal(block)

    async def keep(self, path: Path) -> None:
        """Give the file a lasting name, in the same file system, durably.

        The bytes are synced first, then the file renamed, then its new folder synced.
        `discard` leaves it alone from now on. A body in memory is not written, and a
        hidden one would be lost: copy its `blocks`.

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
                remove_soon(self._path)

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
        blocks, self._blocks = self._blocks, []
        if not self._is_useful():
            return
        handle, name = tempfile.mkstemp(
            prefix=f"{TEMPORARY_PREFIX}{this_process()}-",
            suffix=TEMPORARY_SUFFIX,
            dir=self._directory,
        )
        self._path = Path(name)
        self._file = os.fdopen(handle, "wb", buffering=0)
        if self.is_hidden:
            self._veil = Veil()
        for block in blocks:
            self._put(self._file, block)

    async def _hand_over(self) -> None:
        """Let a thread take what has gathered, if it is done with what was before."""
        if self._working is not None and not self._working.done():
            if self._buffered < MOST_GATHERED:
                return
            await self._settle()
        blocks, self._blocks, self._buffered = self._blocks, [], 0
        self._working = asyncio.get_running_loop().run_in_executor(
            None, self._locked, self._take, blocks
        )
        self._working.add_done_callback(_note)

    async def _settle(self) -> None:
        """Wait for the thread. Raises ``io_error`` if it failed."""
        working, self._working = self._working, None
        if working is not None:
            with self._storing():
                await working

    def _take(self, blocks: list[bytes]) -> None:
        """Hash and write blocks."""
        if len(blocks) > MANY_PIECES:
            blocks = [b"".join(blocks)]
        for block in blocks:
            for h in self._hashes:
                h.update(block)
        if self._file is not None and self._is_useful():
            for block in blocks:
                self._put(self._file, block)

    def _put(self, file: BinaryIO, block: bytes) -> None:
        _write_all(file, block if self._veil is None else self._veil.hide(block))

    def _is_useful(self) -> bool:
        """Whether the bytes are worth writing; if they were until now, forget them."""
        if self._useful is None or self._size <= self._useful:
            return True
        self.is_forgotten = True
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None
        return False

    def _close(self) -> None:
        blocks, self._blocks, self._buffered = self._blocks, [], 0
        self._take(blocks)
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
        with self._storing():
            await asyncio.to_thread(self._locked, work, *arguments)

    @contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise XRoadError(
                "io_error",
                f"A body of {self._size} bytes could not be stored: {error.strerror}",
                advice=f"Look at the space and the rights of {self._directory}.",
            ) from error

    def _locked(self, work: Callable[..., None], *arguments: object) -> None:
        with self._lock:
            if not self._discarded:
                work(*arguments)

    def _require_finished(self) -> None:
        if not self._finished:
            raise RuntimeError("The spool is still being written")


def size_of(body: Spool | None) -> int:
    """Return a body's bytes; none if there is no body."""
    return 0 if body is None else body.size


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


def _note(work: "asyncio.Future[None]") -> None:
    """Do not have asyncio complain of a failure that nobody waits for any more."""
    if not work.cancelled():
        work.exception()


def _read_cached(file: BinaryIO, buffer: bytearray, at: int) -> bytes:
    """Return what the kernel has in memory, or nothing where one would have to wait."""
    if _NO_WAIT is None:
        return b""
    try:
        count = os.preadv(file.fileno(), [buffer], at, _NO_WAIT)
    except OSError:  # nothing there, or a file system that cannot tell
        return b""
    return bytes(memoryview(buffer)[:count])


def _read(file: BinaryIO, at: int) -> bytes:
    file.seek(at)
    return file.read(BLOCK_SIZE)


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
