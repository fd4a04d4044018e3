"""Worker processes: started, told what to do, and started again when they die."""

import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from kerege.exchange.security_server.settings import Settings
from kerege.exchange.supervisor.channel import Channel, ChannelError, Message
from kerege.exchange.supervisor.listening import Listening

CHANNEL = 3
"""The descriptor at which a worker finds its end of the channel."""
MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "MALLOC_TRIM_THRESHOLD_": "1048576",
}
"""How glibc hands out memory in workers (mallopt(3)), unless the operator has said so:
threads share what there is, and what is free goes back to the system above 1 MiB. The
blocks of a large body, 256 KiB each, must be below it: mapped and unmapped one by one,
they double the processor time of a large body."""
LONG_SECONDS = 10.0
"""A worker that lived for so long is started again at once, as if nothing had been."""
FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 5.0
"""Between two tries to start a worker that dies young: short enough for those who wait
at the ports, long enough to leave the processor to others."""


class State(Enum):
    """Where a worker stands."""

    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"
    """It accepts nobody any more and finishes what it accepted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What workers are started with."""

    settings: Settings
    text: str
    """The settings file as it was when it was read: a worker that is started again
    later must not stumble over a change that nobody has asked for yet."""
    listening: Listening


@dataclass(slots=True, eq=False)
class Worker:
    """One process."""

    number: int
    pid: int
    channel: Channel
    plan: Plan
    is_active: bool
    """Whether it was given a PIN."""
    started: float = field(default_factory=time.monotonic)
    state: State = State.STARTING
    has_ended: bool = False
    """Whether the kernel has told us so: its number may be another process's by now."""
    failure: dict[str, str] | None = None
    """Why it says that it did not start."""
    silences: int = 0
    """Questions in a row that it has not answered; see `pulse`."""

    def tell(self, message: Message, sockets: Sequence[int] = ()) -> bool:
        """Send a message; false if it does not take it (it is dead, or hangs)."""
        try:
            self.channel.send(message, sockets)
        except ChannelError:
            return False
        return True

    def leave(self, **how: Any) -> None:  # noqa: ANN401 - what the message holds
        """Tell it to end."""
        self.state = State.LEAVING
        self.tell({"do": "stop", **how})

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        if not self.has_ended:
            os.kill(self.pid, signal.SIGKILL)


@dataclass(slots=True)
class Slot:
    """A place for one worker at a time, and for its successor."""

    number: int
    plan: Plan
    """With which it is filled again when its worker dies."""
    current: Worker | None = None
    coming: Worker | None = None
    """Will take the place when it is ready."""
    failures: int = 0
    """Deaths at a young age, in a row."""

    def next_delay(self, lived_seconds: float) -> float:
        """Note a death; return how long to wait before the next start."""
        if lived_seconds >= LONG_SECONDS:
            self.failures = 0
            return 0.0
        self.failures += 1
        if self.failures == 1:
            return 0.0
        delay = FIRST_DELAY_SECONDS * 2 ** min(self.failures - 2, 16)
        return float(min(delay, LONGEST_DELAY_SECONDS))


def start_worker(
    command: Sequence[str], number: int, plan: Plan, boot: Message
) -> Worker:
    """Start a process and tell it who it is.

    Args:
        command: Program and arguments; it speaks over descriptor `CHANNEL`.
        number: The slot's.
        plan: Settings and sockets.
        boot: What else it is told: the PIN, how to log.

    Raises `OSError` if there is no room for another process.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        pid = _spawn(command, theirs.fileno())
    sockets = plan.listening.of_worker(number)
    channel = Channel(ours)
    worker = Worker(number, pid, channel, plan, boot.get("pin") is not None)
    first = {
        **boot,
        "number": number,
        "settings": plan.text,
        "ports": list(sockets),
    }
    with suppress(ChannelError):  # it is dead already: noticed where all deaths are
        channel.send(first, [each.fileno() for each in sockets.values()])
    channel.unblocked()
    return worker


def _spawn(command: Sequence[str], channel: int) -> int:
    environment = {**MEMORY, **os.environ}
    environment.pop("NOTIFY_SOCKET", None)
    sys.stdout.flush()
    return os.posix_spawn(
        command[0],
        tuple(command),
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, channel, CHANNEL),
        ],
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD],
    )


def how_it_ended(status: int) -> str:
    """Return in words how a process ended, from what `os.waitpid` gave."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            return f"killed by {signal.Signals(number).name}"
        except ValueError:
            return f"killed by signal {number}"
    return f"exit code {os.waitstatus_to_exitcode(status)}"
