"""How long a project's tests wait for a whole exchange, and pay for not wanting one."""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.rows import Row

PREFIX = "exchange.testing"
RUNS = {"small": 5, "full": 15}
PLUGIN = "kerege.sandbox.testing"

CONFTEST = """
import time
from pathlib import Path
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef):
    began = time.perf_counter()
    result = yield
    if fixturedef.argname == "xroad_exchange":
        Path("seconds").write_text(str(time.perf_counter() - began))
    return result
"""
TEST = """
def service(environ, start_response):
    start_response("200 OK", [])
    return [b"salam"]

def test_it(xroad_exchange, xroad_client):
    assert xroad_client.get(xroad_exchange.offer("it", service)).content == b"salam"
"""
IMPORTING = f"""
import time, pytest
began = time.perf_counter()
import {PLUGIN}
print(time.perf_counter() - began)
"""


def rows(scale: str) -> list[Row]:
    """Run a small project's tests in fresh processes, and import the plugin alone."""
    number = RUNS[scale]
    started = sorted(_fixture_seconds() for _ in range(number))
    imported = [_import_seconds() for _ in range(number)]
    return [
        Row(
            f"{PREFIX}.fixture_seconds",
            statistics.median(started),
            "s",
            f"two servers and trust services, until both listen; median of {number} "
            f"processes, {started[0]:.2f} to {started[-1]:.2f}; EC keys, made each time",
        ),
        Row(
            f"{PREFIX}.unused_ms",
            statistics.median(imported) * 1000,
            "ms",
            "what the plugin costs a run of pytest that does not ask for it",
        ),
    ]


def _fixture_seconds() -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "test_it.py").write_text(TEST)
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN],
            cwd=folder,
            capture_output=True,
            check=True,
        )
        return float((folder / "seconds").read_text())


def _import_seconds() -> float:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING], capture_output=True, text=True, check=True
    )
    return float(done.stdout)
