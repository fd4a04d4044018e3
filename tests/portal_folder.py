"""A portal's folder of its own, and real processes that work in it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 240
"""A process of a busy machine; tests never wait for time to pass."""


@dataclass(frozen=True)
class PortalFolder:
    """A folder made by `kerege portal init`."""

    path: Path

    def kerege(self, group: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the portal in this folder to its end."""
        command = ["-m", "kerege.cli", group, "--folder", str(self.path), *words]
        return self.ended(self.start(command))

    def python(self, code: str) -> "subprocess.CompletedProcess[str]":
        """Run code with Django set up for this folder, to its end."""
        return self.ended(self.start_python(code))

    def start_python(self, code: str) -> "subprocess.Popen[str]":
        """Start code with Django set up for this folder."""
        return self.start(["-c", "import django; django.setup()\n" + code])

    def start(self, arguments: list[str]) -> "subprocess.Popen[str]":
        """Start a Python process in this folder."""
        paths = [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {
            "KEREGE_PORTAL": str(self.path),
            "DJANGO_SETTINGS_MODULE": "kerege.portal.settings",
            "PYTHONPATH": os.pathsep.join(paths),
        }
        return subprocess.Popen(
            [sys.executable, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def ended(
        process: "subprocess.Popen[str]",
    ) -> "subprocess.CompletedProcess[str]":
        """Wait for a process that `start` gave, with what it has printed."""
        output, errors = process.communicate(timeout=PATIENCE_SECONDS)
        return subprocess.CompletedProcess(
            process.args, process.returncode, output, errors
        )


def new_portal(path: Path) -> PortalFolder:
    """Make a folder with a database on this disk."""
    folder = PortalFolder(path)
    done = folder.kerege("portal", "init")
    assert done.returncode == 0, done.stderr
    return folder
