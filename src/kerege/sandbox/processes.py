"""Security Servers as processes of their own, started and stopped by the sandbox."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kerege.sandbox.events import MAX_LINE_BYTES, Event, parse_event
from kerege.sandbox.layout import Files, MemberPlan

READY_SECONDS = 30.0
STOP_SECONDS = 45.0
"""More than a server takes to finish what it accepted (`finish_seconds`)."""
ENDED = "process ended"
"""The event after a server's last: nobody reads its log any more."""
LAST_LINES = 20
"""Shown when a server does not start."""


class ServerDidNotStartError(Exception):
    """A Security Server ended or stayed silent instead of becoming ready."""


@dataclass(slots=True)
class ServerProcess:
    """One running Security Server."""

    plan: MemberPlan
    process: asyncio.subprocess.Process
    log: Path
    reading: asyncio.Task[None]

    async def stop(self) -> None:
        """Ask it to stop, wait, and only then insist."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        await self.reading


async def start_server(
    files: Files,
    plan: MemberPlan,
    on_event: Callable[[MemberPlan, Event], None] | None,
    lock: IO[str] | None = None,
) -> ServerProcess:
    """Start one server and return when it listens.

    Args:
        files: The instance's.
        plan: Which server.
        on_event: Gets every line of its log, parsed. None: nobody reads them, they
            are only kept in its file.
        lock: The folder's; the server holds it as long as it runs.

    Raises:
        ServerDidNotStartError: with the end of its log.
    """
    folder = files.server(plan)
    log = folder / "server.log"
    process = await _spawn(folder / "server.toml", files.pin.read_bytes(), lock)
    ready = asyncio.get_running_loop().create_future()

    def hear(event: Event) -> bool:
        if event.get("event") == "ready" and not ready.done():
            ready.set_result(None)
        if on_event is not None:
            on_event(plan, event)
        return on_event is not None or not ready.done()

    reading = asyncio.get_running_loop().create_task(_read(process, log, hear))
    server = ServerProcess(plan, process, log, reading)
    ended = asyncio.get_running_loop().create_task(process.wait())
    await asyncio.wait(
        (ready, ended), timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED
    )
    if not ready.done():
        await server.stop()
        raise ServerDidNotStartError(_why(plan, log))
    return server


async def _spawn(
    settings: Path, pin: bytes, lock: IO[str] | None
) -> asyncio.subprocess.Process:
    """Start the process; the PIN goes through a pipe, never through an argument."""
    reading_end, writing_end = os.pipe()
    try:
        os.write(writing_end, pin)
        os.close(writing_end)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "kerege.cli",
            "security-server",
            "run",
            "--config",
            str(settings),
            "--pin-from",
            f"fd:{reading_end}",
            "--log-format",
            "json",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=(reading_end, *([lock.fileno()] if lock else [])),
            limit=MAX_LINE_BYTES,
            start_new_session=True,
        )
    finally:
        os.close(reading_end)


async def _read(
    process: asyncio.subprocess.Process, log: Path, hear: Callable[[Event], bool]
) -> None:
    """Keep the log; ``hear`` says whether it wants to hear more."""
    with log.open("ab", buffering=0) as file:
        async for line in _lines(process):
            file.write(line)
            event = parse_event(line)
            if event is not None and not hear(event):
                break
        while process.stdout is not None and (
            data := await process.stdout.read(MAX_LINE_BYTES)
        ):
            file.write(data)
    hear({"event": ENDED, "level": "error"})


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
    if process.stdout is None:
        return
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:
            continue  # a line over the limit is dropped
        if not line:
            return
        yield line


def _why(plan: MemberPlan, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    end = "\n  ".join(lines[-LAST_LINES:])
    return f"Security server {plan.server_code} did not start. Its log ends:\n  {end}"
