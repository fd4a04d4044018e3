"""Lines that several processes write to one stream: each whole, or not at all.

* A stream that has no room is not waited for: a reader that went away, or stopped
  reading a pipe, must not stop messages. What cannot be written is counted; the next
  line that gets through says how many there were.
* A line goes out in one write. A pipe takes up to PIPE_BUF bytes (4096) in one piece
  (pipe(7)), and Linux more if there is room for all of it: longer lines, the tracebacks
  of bugs, are only written then.
"""

import fcntl
import os
import select
import stat
import termios

LOST_LINES = '{"event": "lines lost", "level": "warning", "count": %d}\n'
PIPE_BUF = select.PIPE_BUF
PAGE_BYTES = 4096
"""A pipe keeps what was written in pages; 16 of them by default."""


class Lines:
    """Writes lines to a descriptor."""

    def __init__(self, descriptor: int) -> None:
        """Write to ``descriptor``, which stays open."""
        self._descriptor = descriptor
        self._lost = 0
        self._room = select.poll()
        self._room.register(descriptor, select.POLLOUT)
        self._is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)

    def write(self, line: str, count: int = 1) -> None:
        """Write one line, or ``count`` lines in one text, at once or not at all."""
        lost = LOST_LINES % self._lost if self._lost else ""
        data = f"{lost}{line}\n".encode("utf-8", "replace")
        if not self._has_room_for(len(data)):
            self._lost += count
            return
        try:
            self._write_all(data)
        except BlockingIOError:
            self._lost += count
        except OSError:
            return
        else:
            self._lost = 0

    def _write_all(self, data: bytes) -> None:
        written = os.write(self._descriptor, data)
        while written < len(data):  # a file on a full disk, a socket
            written += os.write(self._descriptor, data[written:])

    def _has_room_for(self, size: int) -> bool:
        if not self._room.poll(0):
            return False
        if not self._is_pipe or size <= PIPE_BUF:
            return True
        try:
            whole = fcntl.fcntl(self._descriptor, fcntl.F_GETPIPE_SZ)
            waiting = fcntl.ioctl(self._descriptor, termios.FIONREAD, b"\0" * 4)
        except OSError:
            return False
        # Every page but the last is at least half full: a line that does not fit into
        # what is left of one begins on the next (pipe_write in Linux' fs/pipe.c).
        in_use = 2 * int.from_bytes(waiting, "little") // PAGE_BYTES + 1
        return size // PAGE_BYTES + 1 + in_use <= whole // PAGE_BYTES
