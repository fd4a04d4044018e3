"""`kerege watch` as its users run it: in a pipe, and on a terminal."""

import json
import signal
import subprocess
import sys

import pytest

from tests.sandbox.live_events import BANK, DENIED, FACT, message
from tests.terminals import COMMAND, Screen

PIN = "20101196379439"


@pytest.fixture
def log(tmp_path):
    """A server's log: two messages, and a line that is no event."""
    events = [
        {"event": "ready", "level": "info", "server": "SERVER:x/GOV/1/SS1"},
        message(service=f"{FACT}/{PIN}"),
        message("server", DENIED, client=BANK + "\x1b[2J"),
    ]
    path = tmp_path / "server.log"
    lines = [json.dumps(event) for event in events]
    path.write_text("\n".join([*lines, "no event", ""]), encoding="utf-8")
    return path


def test_in_a_pipe_each_message_is_a_line(log):
    with log.open("rb") as file:
        done = subprocess.run(
            [*COMMAND, "watch"],
            stdin=file,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    name = "GOV/70000050/sanaripaymak-service/address-fact"
    assert first.endswith(f"out ok  GOV/70000001/portal → {name}  200  12 ms")
    assert second.endswith(f" → {name}  {DENIED}  12 ms")
    assert " in  no  COM/60000001/banking\N{REPLACEMENT CHARACTER}[2J" in second
    assert PIN not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["no-such-file.log"], "No such file or directory"),
        (["/"], "is a directory"),
        (["-"] * 17, "At most 16 files fit on a screen"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(arguments, reason):
    done = subprocess.run(
        [*COMMAND, "watch", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert reason in done.stderr.replace("does not exist", "No such file or directory")
    assert "Traceback" not in done.stderr


def test_on_a_terminal_it_is_a_screen_with_keys(log):
    screen = Screen("watch", str(log))
    screen.until("q quit")
    screen.until("2xx 1")
    screen.until("Ask the provider to grant")
    screen.until("GOV/1/SS1")
    screen.until("1 lines were no events")
    assert PIN not in screen.text
    assert "\x1b[31" in screen.text
    screen.press("p")
    screen.until("PAUSED")
    screen.press("s")
    screen.until("order: total")
    screen.press("h")
    screen.until("No path, user or body of a message is ever shown.")
    screen.press("x")
    screen.until("Last messages")
    screen.press("q")
    assert screen.close() == (0, True)
    assert screen.text.endswith("\x1b[?25h\x1b[?1049l")


def test_keys_that_stop_terminals_do_not_stop_it(log):
    screen = Screen("watch", str(log))
    screen.until("q quit")
    for key in ("\x13", "\x1a", "p"):  # Ctrl-S, Ctrl-Z
        screen.press(key)
    screen.until("PAUSED")
    screen.press("q")
    assert screen.close() == (0, True)


def test_it_ends_with_its_terminal_also_without_a_signal(log):
    screen = Screen("watch", str(log))
    screen.until("q quit")
    assert screen.vanish() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(log, number):
    screen = Screen("watch", str(log), NO_COLOR="1")
    screen.until("q quit")
    screen.process.send_signal(number)
    code, is_as_before = screen.close()
    assert (code, is_as_before) == (0, True)
    assert "\x1b[31" not in screen.text
    assert screen.text.endswith("\x1b[?25h\x1b[?1049l")


def test_a_log_that_grows_is_seen_and_a_terminal_that_shrinks_is_filled(log):
    screen = Screen("watch", str(log), columns=140, rows=40)
    screen.until("2xx 1")
    screen.resize(50, 10)
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(message(verdict="503")) + "\n")
    screen.until("5xx 1")
    screen.press("q")
    assert screen.close() == (0, True)


def test_without_a_terminal_that_can_be_drawn_on_there_are_lines(log):
    screen = Screen("watch", str(log), TERM="dumb")
    screen.until("12 ms")
    screen.process.send_signal(signal.SIGINT)
    assert screen.close() == (0, True)
    assert "\x1b[?1049h" not in screen.text


def test_nobody_else_loads_what_draws():
    program = (
        "import sys, kerege.cli, kerege.cli.security_server.run; "
        "print([m for m in sys.modules if '.live' in m or m == 'termios'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert [m for m in eval(done.stdout) if m.startswith("kerege")] == []  # noqa: S307 - our own list
