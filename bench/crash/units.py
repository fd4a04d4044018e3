"""Processes as systemd keeps them: started again whenever they end, killed by tests.

As systemd does with its defaults (`KillMode=control-group`), what a dead main process
leaves running in its session is told to stop, then killed, before the next start.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RESTART_SECONDS = 0.1
"""`RestartSec`: systemd's default."""
STOP_SECONDS = 45.0
"""More than a server gives to what is under way, less than systemd's 90 s."""
POLL_SECONDS = 0.05
"""How soon the end of a process is noticed; uvloop starts none as another user."""


@dataclass(slots=True)
class Unit:
    """One service that is kept running.

    Args:
        name: For reports.
        command: What to run.
        log: Where its output goes.
        environment: Of the process, beside ours.
        secret: Given through a pipe; its handle replaces ``{secret}`` in the command.
        user: Runs it, if it is not us: user and group id.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    secret: bytes = b""
    user: tuple[int, int] | None = None
    starts: int = 0
    process: subprocess.Popen[bytes] | None = None
    _keeping: asyncio.Task[None] | None = None
    _stopping: bool = False

    def start(self) -> None:
        """Start it, and again whenever it ends."""
        self._stopping = False
        self._keeping = asyncio.get_running_loop().create_task(self._keep())

    def processes(self) -> list[int]:
        """Return its processes, the main one first."""
        if self.process is None or self.process.poll() is not None:
            return []
        return [self.process.pid, *descendants(self.process.pid)]

    def kill(
        self, which: Callable[[Sequence[int]], int] = lambda found: found[0]
    ) -> int:
        """`kill -9` one of its processes; return which, or 0 if none runs."""
        found = self.processes()
        if not found:
            return 0
        chosen = which(found)
        with contextlib.suppress(ProcessLookupError):
            os.kill(chosen, signal.SIGKILL)
        return chosen

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int | None:
        """Stop it for good; return how its last process ended; -9 if it had to be."""
        self._stopping = True
        process = self.process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(how)
        if self._keeping is not None:
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await asyncio.shield(self._keeping)
            except TimeoutError:
                if self.process is not None:
                    self.process.kill()
                await self._keeping
        return process.returncode if process else None

    async def power_off(self) -> None:
        """Kill everything of it at once and do not start it again."""
        self._stopping = True
        for pid in self.processes():  # nobody starts another one meanwhile
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        everything = self.processes()
        for pid in everything:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._keeping is not None:
            await self._keeping
        await gone(everything)

    async def _keep(self) -> None:
        while not self._stopping:
            process = self.process = await asyncio.to_thread(self._spawn)
            self.starts += 1
            self._kill_if_stopping(process)
            children: list[int] = []
            while process.poll() is None:
                children = descendants(process.pid) or children
                await asyncio.sleep(POLL_SECONDS)
            await _clear(children)
            if not self._stopping:
                await asyncio.sleep(RESTART_SECONDS)

    def _kill_if_stopping(self, process: subprocess.Popen[bytes]) -> None:
        """Nobody has told this process, who came while it was being started."""
        if self._stopping:
            process.kill()

    def _spawn(self) -> subprocess.Popen[bytes]:
        reading, writing = os.pipe()
        try:
            os.write(writing, self.secret)
            os.close(writing)
            uid, gid = self.user or (None, None)
            with self.log.open("ab") as log:
                return subprocess.Popen(
                    [part.format(secret=reading) for part in self.command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=os.environ | self.environment,
                    pass_fds=(reading,),
                    start_new_session=True,
                    user=uid,
                    group=gid,
                    extra_groups=[] if uid else None,
                    cwd=self.log.parent,
                )
        finally:
            os.close(reading)


def descendants(pid: int) -> list[int]:
    """Return the processes below a process."""
    found = []
    for child in _children(pid):
        found += [child, *descendants(child)]
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                children += map(int, (task / "children").read_text().split())
    return children


async def gone(processes: Sequence[int], seconds: float = STOP_SECONDS) -> None:
    """Return when none of these processes runs any more."""
    ends = time.monotonic() + seconds
    while any(_runs(pid) for pid in processes):
        if time.monotonic() > ends:
            msg = f"Of {processes} some will not end"
            raise TimeoutError(msg)
        await asyncio.sleep(0.01)


async def _clear(processes: Sequence[int]) -> None:
    """Stop what a dead main process left, as systemd does."""
    left = [pid for pid in processes if _runs(pid)]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    try:
        await gone(left)
    except TimeoutError:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"
