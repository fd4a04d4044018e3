"""What supervisor and worker say to each other: JSON, one message a line.

The pair of sockets has no name, so nobody else can join. Each end learns from its end
of file that the other one is gone.
"""

import array
import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]

MAX_LINE_BYTES = 1024 * 1024
"""The longest message has the text of the settings file."""
MAX_SOCKETS = 16
"""Sent with one message; a server has four ports."""
_RIGHTS_BYTES = socket.CMSG_SPACE(MAX_SOCKETS * array.array("i").itemsize)
_BLOCK_BYTES = 65_536


class ChannelError(Exception):
    """The other end is gone, does not take messages, or sends none that we know."""


class Channel:
    """One end. Reads without waiting once `unblocked`."""

    def __init__(self, end: socket.socket) -> None:
        """Speak over ``end``, which is closed by `close`."""
        self._socket = end
        self._buffer = b""
        self._early: list[Message] = []
        """Came together with the first one."""
        self.sockets: list[int] = []
        """Descriptors that came with messages, in their order; whoever takes one out
        owns it."""
        self.is_taken = False
        """Whether its request has come, and is being worked on."""

    def fileno(self) -> int:
        """Return the descriptor, to wait for it."""
        return self._socket.fileno()

    def unblocked(self) -> "Channel":
        """Never wait from now on; return this channel."""
        self._socket.setblocking(False)
        return self

    def send(self, message: Message, sockets: Sequence[int] = ()) -> None:
        """Send a message, and copies of open descriptors with it.

        Raises `ChannelError` if the other end is gone or has not read for long.
        """
        line = json.dumps(message).encode() + b"\n"
        try:
            sent = self._send_with(line, sockets) if sockets else 0
            if sent < len(line):
                self._socket.sendall(line[sent:])
        except OSError as error:
            raise ChannelError("The other end takes no messages") from error

    def _send_with(self, line: bytes, sockets: Sequence[int]) -> int:
        rights = array.array("i", sockets)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
        return self._socket.sendmsg([line], ancillary)

    def receive(self) -> list[Message]:
        """Return the messages that are there.

        Raises `ChannelError` at the end.
        """
        if self._early:
            messages, self._early = self._early, []
            return messages
        try:
            data, ancillary, _, _ = self._socket.recvmsg(_BLOCK_BYTES, _RIGHTS_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            raise ChannelError("The other end is gone") from error
        self.sockets += _descriptors(ancillary)
        if not data:
            raise ChannelError("The other end is gone")
        return self._messages(data)

    def receive_first(self) -> Message:
        """Wait for the first message; what comes with it is in `sockets`.

        Call `receive` once more without waiting: another one may be there already.

        Raises `ChannelError` if there is none.
        """
        messages: list[Message] = []
        while not messages:
            messages = self.receive()
        first, *self._early = messages
        return first

    def close(self) -> None:
        """Close this end, and the sockets that nobody has taken."""
        self._socket.close()
        while self.sockets:
            os.close(self.sockets.pop())

    def _messages(self, data: bytes) -> list[Message]:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > MAX_LINE_BYTES:
            raise ChannelError("A message without an end")
        return [_read(line) for line in lines]


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    found: list[int] = []
    for level, kind, rights in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers = array.array("i")
            numbers.frombytes(rights[: len(rights) - len(rights) % numbers.itemsize])
            found += numbers
    return found


def _read(line: bytes) -> Message:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ChannelError("A message that is not JSON") from error
    if not isinstance(message, dict):
        raise ChannelError("A message that is no object")
    return message


def failure(error: Mapping[str, str] | None) -> str:
    """Return a worker's reason for not starting in one line."""
    if not error:
        return "It ended without a word"
    parts = (error.get(name, "") for name in ("what", "why", "advice"))
    return ". ".join(part.rstrip(".") for part in parts if part)
