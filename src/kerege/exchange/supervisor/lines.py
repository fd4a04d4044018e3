"""Lines that several processes write to one stream: each whole, or not at all.

* A stream that has no room is not waited for: a reader that went away, or stopped
  reading a pipe, must not stop messages. What cannot be written is counted; the next
  line that gets through says how many there were. Room that was there a moment ago may
  be another process's by now, so no write waits either.
* A line goes out in one write. A pipe takes up to PIPE_BUF bytes (4096) in one piece
  (pipe(7)), and Linux more if there is room for all of it: longer lines, the tracebacks
  of bugs, are only written then. One that another process's lines came in between of is
  cut off there.
"""

import errno
import fcntl
import os
import select
import stat
import termios
from contextlib import suppress

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
        self._is_cut = False
        """Whether the last line that was written has no end."""
        self._can_refuse = True
        self._room = select.poll()
        self._room.register(descriptor, select.POLLOUT)
        self._is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)

    def write(self, line: str, count: int = 1) -> None:
        """Write one line, or ``count`` lines in one text, at once or not at all."""
        lost = LOST_LINES % self._lost if self._lost else ""
        end = "\n" if self._is_cut else ""
        data = f"{end}{lost}{line}\n".encode("utf-8", "replace")
        if not self._has_room_for(len(data)):
            self._lost += count
            return
        written = 0
        try:
            while written < len(data):  # a file on a full disk, a socket
                written += self._write_now(data[written:])
        except BlockingIOError:
            if written:
                self._is_cut = data[written - 1 : written] != b"\n"
            self._lost += count
        except OSError:
            return
        else:
            self._is_cut = False
            self._lost = 0

    def _write_now(self, data: bytes) -> int:
        """Write what there is room for; raise `BlockingIOError` if there is none.

        The descriptor's own flag O_NONBLOCK is not ours: whoever else has it, a shell
        perhaps, would get it too. Files and terminals know no other way than to write;
        pipes have known one since Linux 6.4, and before can be opened once more.
        """
        if self._can_refuse:
            try:
                return os.pwritev(self._descriptor, [data], -1, os.RWF_NOWAIT)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                    raise
            self._can_refuse = False
            if self._is_pipe:
                with suppress(OSError):  # another user's
                    self._descriptor = os.open(
                        f"/proc/self/fd/{self._descriptor}",
                        os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC,
                    )
        return os.write(self._descriptor, data)

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
