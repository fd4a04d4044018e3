"""Security Servers as processes, as an operator starts them."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kerege.sandbox.layout import Files, MemberPlan

READY_SECONDS = 180.0
RUN = (sys.executable, "-m", "kerege.cli", "security-server", "run")


class Process:
    """One server's process, and the events that it has written."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, object]] = []
        self.text = ""

    async def until(self, name: str) -> dict[str, object]:
        """Read events up to the first of this name."""
        assert self.process.stdout
        async with asyncio.timeout(READY_SECONDS):
            while line := await self.process.stdout.readline():
                self.text += line.decode()
                self.events.append(json.loads(line))
                if self.events[-1]["event"] == name:
                    return self.events[-1]
        raise AssertionError(self.text)

    async def ended(self) -> tuple[int, str, str]:
        """Wait for the end; give exit code, the rest of stdout, and stderr."""
        async with asyncio.timeout(READY_SECONDS):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def running_server(
    files: Files, plan: MemberPlan, *more: str
) -> AsyncIterator[Process]:
    """Run a server; it is told to stop at the end."""
    pin = os.open(files.pin, os.O_RDONLY)
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kerege.cli", "security-server", "run"),
            *("--config", str(files.server(plan) / "server.toml")),
            *("--pin-from", f"fd:{pin}", *more),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(pin,),
        )
    finally:
        os.close(pin)
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


def run_to_its_end(
    folder: Path, pin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a server that does not start; its ports are any that are free."""
    config = folder / "server.toml"
    text = re.sub(
        r"^#(client_http|client_https|peer|ocsp|admin) = .*$",
        r'\1 = "127.0.0.1:0"',
        config.read_text(),
        flags=re.MULTILINE,
    )
    config.write_text(text)
    source = pin or "prompt"
    descriptors = [int(source[3:])] if source.startswith("fd:") else []
    return subprocess.run(
        [*RUN, "--config", str(config), "--pin-from", source],
        pass_fds=descriptors,
        capture_output=True,
        text=True,
        check=False,
        timeout=READY_SECONDS,
        start_new_session=True,  # without a terminal
    )
