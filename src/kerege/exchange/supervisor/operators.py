"""Where operators' commands reach a running server: a socket in the spool folder.

Only the server's own user and root are answered: the file's mode says so, and the
kernel says who is at the other end (SO_PEERCRED, unix(7)). One request and one answer
on each connection, as JSON.
"""

import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from kerege.exchange.supervisor.channel import Channel, ChannelError, Message
from kerege.exchange.supervisor.loop import Loop

SOCKET_FILE = "control.sock"
REQUEST_SECONDS = 5.0
"""A connection that has not asked by then is closed."""
MAX_CONNECTIONS = 16
_CREDENTIALS = struct.Struct("3i")
"""Process, user and group."""

Answer = Callable[[Message], None]
Handle = Callable[[Message, Answer], None]
"""Gets a request, and whom to answer; the answer may come later."""


def address_in(folder: int) -> str:
    """Return the socket's address in an open folder.

    A socket's path has at most 107 bytes; this one is short wherever the folder is.
    """
    return f"/proc/self/fd/{folder}/{SOCKET_FILE}"


class Operators:
    """Listens for commands."""

    def __init__(self, loop: Loop, folder: Path, handle: Handle) -> None:
        """Listen in ``folder``; one supervisor at a time does. Raises `OSError`."""
        self._loop = loop
        self._handle = handle
        self._path = folder / SOCKET_FILE
        self._open: set[Channel] = set()
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._socket.bind(address_in(directory))
        finally:
            os.close(directory)
        self._path.chmod(0o600)
        self._socket.listen(MAX_CONNECTIONS)
        loop.watch(self._socket, self._accept)

    def close(self) -> None:
        """Listen no longer; whoever waits for an answer learns that there is none."""
        self._loop.forget(self._socket)
        self._socket.close()
        self._path.unlink(missing_ok=True)
        for channel in tuple(self._open):
            self._drop(channel)

    def _accept(self) -> None:
        try:
            end, _ = self._socket.accept()
        except OSError:
            return
        if len(self._open) >= MAX_CONNECTIONS or _user_of(end) not in (
            0,
            os.geteuid(),
        ):
            end.close()
            return
        channel = Channel(end).unblocked()
        self._open.add(channel)
        self._loop.watch(channel, partial(self._read, channel))
        self._loop.timers.after(REQUEST_SECONDS, partial(self._drop_if_silent, channel))

    def _read(self, channel: Channel) -> None:
        try:
            messages = channel.receive()
        except ChannelError:
            self._drop(channel)
            return
        if messages:
            self._loop.forget(channel)
            channel.is_taken = True
            self._handle(messages[0], partial(self._answer, channel))

    def _answer(self, channel: Channel, message: Message) -> None:
        if channel in self._open:
            with suppress(ChannelError):
                channel.send(message)
            self._open.discard(channel)
            channel.close()

    def _drop_if_silent(self, channel: Channel) -> None:
        if not channel.is_taken:
            self._drop(channel)

    def _drop(self, channel: Channel) -> None:
        if channel in self._open:
            if not channel.is_taken:
                self._loop.forget(channel)
            self._open.discard(channel)
            channel.close()


def _user_of(end: socket.socket) -> int:
    data = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(data)[1])
