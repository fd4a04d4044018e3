r"""Counts that outlive their process: a file in memory, eight bytes a count.

Rules:

* A count is a number in a file that is mapped into memory. To add to it costs less
  than 0.1 microseconds and no system call; `kill -9` loses nothing. Power loss may, and
  then counters begin at 0 again, as Prometheus expects of a restart.
* The file has its full size from the beginning. A disk that fills later cannot kill the
  process, as it would on the first touch of a page that has no place on disk.
* A file that is full takes no more keys: their counts are lost, never the message.

Form: ``KEREGE1\n``, the bytes in use, then for each key its length, itself in UTF-8
filled up to eight bytes, and the count. Numbers are in this machine's order: a file
never leaves it. One thread of one process writes; any may read meanwhile.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MAGIC = b"KEREGE1\n"
FILE_BYTES = 2 * 1024 * 1024
"""Room for some ten thousand keys; what metrics may have is bounded below that."""
_WORD = 8
_START = 2 * _WORD
_USED = struct.Struct("q")
_DOUBLE = struct.Struct("d")


class CountFile:
    """The counts of one process."""

    def __init__(self, path: Path | None, size: int = FILE_BYTES) -> None:
        """Open or make the file.

        Args:
            path: The file; None keeps the counts in this process only.
            size: Bytes, a multiple of eight.

        Raises:
            OSError: the disk has no room, or the folder cannot be written.
        """
        self._map = mmap.mmap(-1, size) if path is None else _mapped(path, size)
        self._size = len(self._map)
        self._cells = memoryview(self._map).cast("d")
        self.values: memoryview[float] = self._cells
        """The counts, by what `cell` returned. Add to them directly."""
        if self._map[:_WORD] != MAGIC:
            self._map[:_WORD] = MAGIC
            self._set_used(_START)
        self._known = {key: cell for key, cell, _ in _entries(self._map)}
        # A file that is full gives this place to everybody; nobody reads it.
        self._lost = self._size // _WORD - 1

    def cell(self, key: str) -> int:
        """Return a key's place in `values`; it is made if there is room."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._made(key)
        return found

    def close(self) -> None:
        """Let go of the file; it stays."""
        self._cells.release()
        self._map.close()

    def _made(self, key: str) -> int:
        encoded = key.encode()
        used: int = _USED.unpack_from(self._map, _WORD)[0]
        length = _WORD + _padded(len(encoded)) + _WORD
        if used + length > self._size - _WORD:
            return self._lost
        _USED.pack_into(self._map, used, len(encoded))
        self._map[used + _WORD : used + _WORD + len(encoded)] = encoded
        cell = (used + length) // _WORD - 1
        self._cells[cell] = 0.0
        self._set_used(used + length)  # last: a reader sees whole entries
        return cell

    def _set_used(self, used: int) -> None:
        _USED.pack_into(self._map, _WORD, used)


def read_counts(path: Path) -> dict[str, float]:
    """Return the counts in a file; nothing if it is gone or is not one of ours."""
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    if data[:_WORD] != MAGIC:
        return {}
    return {key: value for key, _, value in _entries(data)}


def _entries(data: bytes | mmap.mmap) -> Iterator[tuple[str, int, float]]:
    """Yield key, cell and count of every entry; stop where the file is damaged."""
    if len(data) < _START:
        return
    used = min(_USED.unpack_from(data, _WORD)[0], len(data))
    at = _START
    while at + _WORD <= used:
        length = _USED.unpack_from(data, at)[0]
        value_at = at + _WORD + _padded(length)
        if length < 0 or value_at + _WORD > used:
            return
        key = data[at + _WORD : at + _WORD + length].decode("utf-8", "replace")
        yield key, value_at // _WORD, _DOUBLE.unpack_from(data, value_at)[0]
        at = value_at + _WORD


def _padded(length: int) -> int:
    return -(-length // _WORD) * _WORD


def _mapped(path: Path, size: int) -> mmap.mmap:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(handle).st_size < size:
            os.posix_fallocate(handle, 0, size)
        return mmap.mmap(handle, size)
    except OSError:
        with suppress(OSError):  # else a disk that is full would stay so
            path.unlink()
        raise
    finally:
        os.close(handle)
