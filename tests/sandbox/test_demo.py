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

from kerege.sandbox.check import exercise
from kerege.sandbox.demo import Demo, what_runs_where
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
    output, _ = process.communicate(timeout=400)
    return folder, process.returncode, output


@pytest.fixture
def folder(checked):
    return checked[0]


def test_the_check_passes_and_names_nobody(checked):
    _, exit_code, output = checked
    assert exit_code == 0, output
    assert "containers verified" in output
    assert "signed in at the register's site and found a person" in output
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
    deadline = time.monotonic() + 300
    while not any("Ctrl-C stops everything" in line for line in lines):
        assert time.monotonic() < deadline, lines
        line = process.stdout.readline()
        assert line, lines
        lines.append(line)
    assert not any("Building a new instance" in line for line in lines)
    assert any("curl -H" in line for line in lines)
    assert any("sign in as clerk" in line for line in lines)
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


async def test_without_the_portal_a_table_answers(folder, monkeypatch):
    monkeypatch.setattr("kerege.sandbox.demo.is_installed", lambda: False)
    told = []
    async with Demo(folder, told.append) as running:
        assert running.village is None
        await exercise(running, told.append)
        assert "a real one comes with kerege[portal]" in what_runs_where(running)
    assert not any("found a person" in line for line in told)


def test_the_register_answers_what_the_table_does(folder):
    """Guides and tutorials name people of the table: the register knows them."""
    script = (
        "import sys, json, django; django.setup()\n"
        "from kerege.apps.aimak.services import answers\n"
        "from datetime import date\n"
        "day = date(2026, 11, 24)\n"
        "told = [[answers.address_of(pin, day), answers.family_of(pin, day)]\n"
        "        for pin in sys.argv[1:]]\n"
        "print(json.dumps([[one.model_dump(by_alias=True) for one in pair]"
        " for pair in told]))"
    )
    here = register()
    environment = {
        "KEREGE_PORTAL": str(folder / "village"),
        "DJANGO_SETTINGS_MODULE": "kerege.portal.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", script, *here.people],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=True,
    )
    for pin, (address, family) in zip(
        here.people, json.loads(done.stdout), strict=True
    ):
        expected = here.address_fact(pin) | {"streetId": address["streetId"]}
        assert address == expected
        by_name = sorted(family["members"], key=lambda one: one["name"])
        wanted = here.family_members(pin)["members"]
        assert by_name == sorted(wanted, key=lambda one: one["name"])
        assert family["members"][0]["role"] == "Глава семьи"


def test_nothing_runs_afterwards(folder):
    listing = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    )
    assert str(folder) not in listing.stdout
