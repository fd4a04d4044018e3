"""The demo as a user starts it: the command, its exit code, what it leaves behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection

import pytest

from kerege.sandbox.layout import PORTAL_CLIENT, PROVIDER
from kerege.sandbox.people import register
from tests.terminals import Screen

pytestmark = pytest.mark.slow


def demo(folder, *options):
    return subprocess.Popen(
        [sys.executable, "-m", "kerege.cli", "demo", "--folder", str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Check a new demo; return its folder, its exit code and what it said."""
    folder = tmp_path_factory.mktemp("demo") / "instance"
    process = demo(folder, "--check")
    output, _ = process.communicate(timeout=120)
    return folder, process.returncode, output


@pytest.fixture
def folder(checked):
    return checked[0]


def test_the_check_passes_and_names_nobody(checked):
    _, exit_code, output = checked
    assert exit_code == 0, output
    assert "containers verified" in output
    assert "no PIN and no name in any log" in output
    assert not any(pin in output for pin in register().people)


def test_every_log_line_is_an_event(folder):
    logs = list(folder.glob("servers/*/server.log"))
    assert len(logs) == 3
    for log in logs:
        events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        assert {"ready", "stopped"} <= {event["event"] for event in events}


def test_a_second_start_finds_everything_alone_and_stops_with_its_terminal(folder):
    process = demo(folder)
    lines = []
    deadline = time.monotonic() + 60
    while not any("Ctrl-C stops everything" in line for line in lines):
        assert time.monotonic() < deadline, lines
        line = process.stdout.readline()
        assert line, lines
        lines.append(line)
    assert not any("Building a new instance" in line for line in lines)
    assert any("curl -H" in line for line in lines)
    second = demo(folder, "--reset")
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 1, output
    assert f"A demo runs in {folder} already (processes {process.pid} " in output
    assert (folder / "instance.json").exists()
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "Stopping" in output


def test_on_a_terminal_it_is_a_screen_and_q_stops_everything(folder):
    screen = Screen("demo", "--folder", str(folder))
    screen.until("q quit")
    screen.until("No messages yet")
    port = re.search(r"KEREGE=http://127.0.0.11:(\d+)", screen.text)[1]
    for code, verdict in (("address-fact", "204"), ("nothing", "unknown_service")):
        pin = "20101190000000"
        ask(int(port), f"/r1/{PROVIDER.path}/{code}/{pin}")
        screen.until(verdict)
    screen.until("2 messages")
    screen.until("fault 1")
    screen.until("Check the service code with the provider")
    screen.press("h")
    screen.until("No path, user or body of a message is ever shown.")
    screen.press("h")
    screen.until("NOT FOR PRODUCTION")
    screen.press("q")
    assert screen.close() == (0, True)
    assert "Stopping" in screen.text


def ask(port, path):
    """Ask as the citizen portal."""
    connection = HTTPConnection("127.0.0.11", port, timeout=30)
    connection.request("GET", path, headers={"X-Road-Client": PORTAL_CLIENT.path})
    connection.getresponse().read()
    connection.close()


def test_nothing_runs_afterwards(folder):
    listing = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    )
    assert str(folder) not in listing.stdout
