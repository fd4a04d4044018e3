"""A terminal of our own, with a command of `kerege` on it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

COMMAND = [sys.executable, "-m", "kerege.cli"]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
PATIENCE = 60
"""Seconds for whatever is to come; a screen draws itself every second."""


class Screen:
    """A terminal of a size, with a program on it."""

    def __init__(self, *arguments, columns=80, rows=24, **environment):
        self.text = ""
        self._own, theirs = pty.openpty()
        fcntl.ioctl(
            theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0)
        )
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm", "PYTHONUTF8": "1"} | environment,
        )

    def until(self, text):
        """Read until a text is on the screen."""
        ends = time.monotonic() + PATIENCE
        while text not in ESCAPES.sub("", self.text):
            ready, _, _ = select.select([self._own], [], [], PATIENCE)
            if not ready or time.monotonic() > ends:
                self.process.kill()
                self.process.wait()
                pytest.fail(f"{text!r} never came: {self.text!r}")
            self.text += os.read(self._own, 65536).decode("utf-8", "replace")

    def resize(self, columns, rows):
        """Change the terminal's size, as a window manager does."""
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, size)
        self.text = ""
        self.process.send_signal(signal.SIGWINCH)

    def press(self, key):
        """Press a key, forgetting what was shown."""
        self.text = ""
        os.write(self._own, key.encode())

    def vanish(self):
        """Close the terminal under the program; return its exit code."""
        os.close(self._theirs)
        os.close(self._own)
        return self.process.wait(timeout=PATIENCE)

    def close(self):
        """Return the exit code, and whether the terminal is as it was."""
        code = self.process.wait(timeout=60)
        after = termios.tcgetattr(self._theirs)
        while select.select([self._own], [], [], 0)[0]:
            self.text += os.read(self._own, 65536).decode("utf-8", "replace")
        os.close(self._theirs)
        os.close(self._own)
        return code, after == self.before
