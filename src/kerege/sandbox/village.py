"""The demo's village: the register and its site, as processes of their own.

The exchange runs without Django; so does the demo. Where the portal is installed, one
process makes the village once, one serves the register to its Security Server, and one
serves the site to people. Where it is not, a table answers (`provider`).
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from kerege.sandbox.layout import TRUST_ADDRESS, Files, Ports

PACKAGES = ("csp", "django", "gunicorn", "ninja", "numpy", "pyarrow", "whitenoise")
"""Of the extra ``portal``: what a village needs."""
READY_SECONDS = 120.0
"""A busy machine takes its time to start Django."""
STOP_SECONDS = 30.0
"""More than a request under way is given to end (`kerege.portal.server`)."""
LOOK_SECONDS = 0.1
"""How often it is looked whether a port answers."""
LAST_CHARACTERS = 2000
"""Of what a process said, when it does not start."""

Say = Callable[[str], None]


class VillageDidNotStartError(Exception):
    """A process of the village ended or stayed silent; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Village:
    """A village that runs, and who may sign in."""

    site: str
    """The site's address; empty: its style sheet has not been made."""
    sign_in_name: str
    password: str
    person: str
    """A name to search for."""
    persons: int


def is_installed() -> bool:
    """Whether the packages of the extra ``portal`` are there."""
    return all(find_spec(name) for name in PACKAGES)


def has_style_sheet() -> bool:
    """Whether the site can be served: its style sheet is made at set-up."""
    portal = Path(__file__).parent.parent / "portal"
    return (portal / "static/portal/portal.css").exists()


async def start_village(
    stack: AsyncExitStack, files: Files, ports: Ports, lock: IO[str], say: Say
) -> Village:
    """Make the village if need be, and serve it; ``stack`` stops it.

    Raises:
        VillageDidNotStartError: With the end of what was said.
    """
    folder = files.village
    made = await _said(
        ["-m", "kerege.sandbox.village_book", str(folder), TRUST_ADDRESS], lock, say
    )
    told = json.loads(made)
    listening = [("serve-services", ports.provider)]
    if has_style_sheet():
        listening.append(("serve", ports.site))
    await asyncio.gather(
        *(_serve(stack, folder, word, port, lock) for word, port in listening)
    )
    site = f"http://{TRUST_ADDRESS}:{ports.site}" if has_style_sheet() else ""
    return Village(site=site, **told)


async def _said(command: list[str], lock: IO[str], say: Say) -> str:
    """Run a command to its end and return its last line; others are steps."""
    process = await _process(command, lock, PIPE)
    lines: list[str] = []
    try:
        if process.stdout is not None:
            async for line in process.stdout:
                lines.append(line.decode("utf-8", "replace").rstrip())
                if lines[-1].startswith("· "):
                    say(lines[-1].removeprefix("· "))
        code = await process.wait()
    except BaseException:
        await _end(process)
        raise
    if code:
        raise VillageDidNotStartError(
            _why("The village was not made", "\n".join(lines))
        )
    return lines[-1]


async def _serve(
    stack: AsyncExitStack, folder: Path, word: str, port: int, lock: IO[str]
) -> None:
    log = folder / f"{word}.log"
    command = ["-m", "kerege.cli", "portal", "--folder", str(folder), word]
    with log.open("ab") as output:
        address = f"{TRUST_ADDRESS}:{port}"
        process = await _process([*command, "--listen", address], lock, output.fileno())
    stack.push_async_callback(_end, process)
    try:
        async with asyncio.timeout(READY_SECONDS):
            await _until_it_answers(process, port)
    except (TimeoutError, ConnectionError):
        text = log.read_text("utf-8", "replace")
        what = f"kerege portal {word} did not start"
        raise VillageDidNotStartError(_why(what, text)) from None


async def _until_it_answers(process: Process, port: int) -> None:
    while True:
        if process.returncode is not None:
            raise ConnectionAbortedError
        try:
            _, writer = await asyncio.open_connection(TRUST_ADDRESS, port)
        except OSError:
            await asyncio.sleep(LOOK_SECONDS)
        else:
            writer.close()
            return


async def _process(command: list[str], lock: IO[str], output: int) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=STDOUT,
        pass_fds=(lock.fileno(),),
        start_new_session=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("DJANGO_")},
    )


async def _end(process: Process) -> None:
    """Ask it to stop, wait, and only then insist, on its children too."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _why(what: str, text: str) -> str:
    end = "\n  ".join(text[-LAST_CHARACTERS:].splitlines())
    return f"{what}. It said last:\n  {end}"
