"""The token buckets of all workers of a server: a small file in memory.

A client's connections may end at one worker or at all of them: only together do they
know how much it sends. So buckets are in a file that every worker maps.

Rules:

* The file has a fixed number of places. A bucket that is full says nothing, so its place
  is free: nothing has to be cleared. If a client finds no free place, it takes that of
  the bucket that is full next, whose client may then send a burst too early.
* A worker holds the file's lock for some microseconds, and nobody waits for it: who
  cannot have it counts without, and one message more may pass. A worker that is frozen or
  killed holds up nobody; the kernel gives its lock back.
* Times are of the machine's monotonic clock, which all processes share. After the
  machine's start it begins anew; `take` does not believe what lies too far ahead.
"""

import fcntl
import mmap
import os
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import structlog

from kerege.exchange.security_server.rates import Rate, take

RATES_FILE = "rates.bin"
"""In the spool folder."""
PLACES = 8192
"""Clients that send faster than their bucket fills, at one time: more than any
instance has busy ones. 128 KiB."""
PROBES = 8
"""Places that one key may be in."""
LOCK_TRIES = 50
"""Some ten microseconds: longer than anybody holds the lock who is not frozen."""
_WORD = 8
_NOTHING = memoryview(b"")

_log = structlog.get_logger(__name__)


class SharedRates:
    """Buckets, shared with other processes that open the same file."""

    def __init__(
        self, path: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Do nothing yet: a server without limits has no such file.

        A folder that cannot be written is logged then, and each worker counts alone.

        Args:
            path: The file; None keeps the buckets in this process.
            clock: Seconds that never go back, the same in all processes.
        """
        self._clock = clock
        self._path = path
        self._descriptor = -1
        self._keys: memoryview[int] = _NOTHING.cast("Q")
        self._full_at: memoryview[float] = _NOTHING.cast("d")

    def take(self, key: bytes, rate: Rate) -> float:
        """Take a token of the bucket ``key``; return the seconds to wait, or 0."""
        if not self._keys:
            self._open()
        digest = int.from_bytes(blake2b(key, digest_size=_WORD).digest(), "big") or 1
        is_locked = self._lock()
        try:
            now = self._clock()
            place = self._place(digest)
            full_at, wait = take(rate, self._full_at[place], now)
            self._full_at[place] = full_at
        finally:
            if is_locked:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return wait

    def __del__(self) -> None:
        """Let go of the file; it stays."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _place(self, digest: int) -> int:
        """Return the key's place; it gets the one that is needed least."""
        keys, full_at = self._keys, self._full_at
        least = digest % PLACES
        for step in range(PROBES):
            place = (digest + step) % PLACES
            if keys[place] == digest:
                return place
            if full_at[place] < full_at[least]:
                least = place
        keys[least] = digest
        full_at[least] = 0.0
        return least

    def _lock(self) -> bool:
        if self._descriptor < 0:
            return False
        for _ in range(LOCK_TRIES):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError:
                return False
            return True
        return False

    def _open(self) -> None:
        words = memoryview(self._opened(self._path))
        self._keys = words[: PLACES * _WORD].cast("Q")
        self._full_at = words[PLACES * _WORD :].cast("d")

    def _opened(self, path: Path | None) -> mmap.mmap:
        size = 2 * PLACES * _WORD
        if path is None:
            return mmap.mmap(-1, size)
        try:
            self._descriptor = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            os.posix_fallocate(self._descriptor, 0, size)  # no disk that fills later
            return mmap.mmap(self._descriptor, size)
        except OSError as error:
            _log.warning("rates not shared", reason=error.strerror)
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1
            return mmap.mmap(-1, size)
