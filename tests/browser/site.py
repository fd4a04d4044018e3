"""The real site for browser tests: gunicorn, SQLite in a folder of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

START_SECONDS = 120
"""A busy machine takes its time to start Python."""


@dataclass(frozen=True, slots=True)
class Site:
    """A running site and how to be somebody there."""

    url: str
    folder: Path
    sessions: dict[str, str] = field(default_factory=dict)
    """Session keys by the names of `tests.browser.cast`."""
    words: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str) -> str:
        """Run `kerege portal` in the site's folder and return what it prints."""
        return _kerege(self.folder, *command)


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Set up a site with a cast, serve it, and stop it at the end."""
    _kerege(folder, "init")
    cast = json.loads(_python(folder, "-m", "tests.browser.cast"))
    port = _free_port()
    log = folder / "server.log"
    command = [sys.executable, "-m", "kerege.cli", "portal", "--folder", str(folder)]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "serve", "--listen", f"127.0.0.1:{port}"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(server, port, log)
        yield Site(f"http://127.0.0.1:{port}", folder, **cast)
    finally:
        server.terminate()
        server.wait(timeout=START_SECONDS)


def _wait(server: subprocess.Popen, port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(f"the site ended: {log.read_text('utf-8')}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            server.poll()
            _pause(server)
        else:
            return
    pytest.fail(f"the site did not start: {log.read_text('utf-8')}")


def _pause(server: subprocess.Popen) -> None:
    """Wait a moment, or until the server ends."""
    try:
        server.wait(timeout=0.2)
    except subprocess.TimeoutExpired:
        return


def _kerege(folder: Path, *command: str) -> str:
    return _python(
        folder, "-m", "kerege.cli", "portal", "--folder", str(folder), *command
    )


def _python(folder: Path, *command: str) -> str:
    environment = {
        **os.environ,
        "KEREGE_PORTAL": str(folder),
        "DJANGO_SETTINGS_MODULE": "kerege.portal.settings",
    }
    done = subprocess.run(
        [sys.executable, *command],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
