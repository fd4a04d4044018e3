"""The doors that are not the message path's: the admin port and the control socket."""

import json
import os
import select
import socket
import stat
import tempfile
from http import HTTPStatus
from pathlib import Path

import pytest

from kerege.exchange.supervisor.admin import (
    CONNECTION_SECONDS,
    MAX_CONNECTIONS,
    MAX_HEAD_BYTES,
    AdminPort,
)
from kerege.exchange.supervisor.loop import Loop
from kerege.exchange.supervisor.operators import SOCKET_FILE, Operators

TURNS = 40


@pytest.fixture
def waiting():
    """Those who asked for the page that is answered later."""
    return []


@pytest.fixture
def admin(waiting):
    """An admin port with one page that is answered at once, and one later."""
    loop, trouble = Loop(), []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    pages = {
        "/health": lambda reply: reply(HTTPStatus.OK, "text/plain", b"well"),
        "/later": waiting.append,
    }
    port = AdminPort(loop, listener, pages, trouble.append)
    loop.timers.after(0.01, lambda: None)
    yield loop, listener.getsockname(), trouble
    port.close()
    listener.close()


def turn(loop):
    """Let the loop do all that there is to do now."""
    for _ in range(TURNS):
        loop.timers.after(0.001, lambda: None)
        loop.turn()


def ask(admin, data):
    """Send bytes; return what comes until the port closes."""
    loop, address, trouble = admin
    with socket.create_connection(address, timeout=60) as end:
        end.sendall(data)
        turn(loop)
        got = b""
        while piece := end.recv(65_536):
            got += piece
    assert trouble == []
    return got


REQUESTS = {
    "a page": (b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n", 200),
    "a query is not looked at": (b"GET /health?x=/../ HTTP/1.1\r\n\r\n", 200),
    "an unknown page": (b"GET /keys HTTP/1.1\r\n\r\n", 404),
    "a path that climbs": (b"GET /health/../token HTTP/1.1\r\n\r\n", 404),
    "a file": (b"GET //etc/passwd HTTP/1.1\r\n\r\n", 404),
    "an encoded page": (b"GET /%68ealth HTTP/1.1\r\n\r\n", 404),
    "another method": (b"POST /health HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", 405),
    "no method": (b"\r\n\r\n", 400),
    "another protocol": (b"GET /health SMTP\r\n\r\n", 400),
    "no ASCII": (b"GET /\xff\0 HTTP/1.1\r\n\r\n", 404),
    "a head without end": (b"GET /" + b"x" * MAX_HEAD_BYTES, 431),
}


@pytest.mark.parametrize("what", REQUESTS)
def test_the_admin_port_gives_its_pages_and_nothing_else(admin, what):
    data, status = REQUESTS[what]
    got = ask(admin, data)
    assert got.startswith(b"HTTP/1.1 %d " % status)
    assert got.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in got
    assert (b"well" in got) == (status == 200)


def test_what_follows_a_request_is_not_answered(admin):
    two = b"GET /health HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert ask(admin, two + b"GET /keys HTTP/1.1\r\n\r\n").count(b"HTTP/1.1 ") == 1


def test_whoever_asks_is_answered_however_many_are_silent(admin, monkeypatch):
    loop, address, _ = admin
    silent = []
    for _ in range(MAX_CONNECTIONS):
        silent.append(socket.create_connection(address))
        turn(loop)  # in the order of their coming
    assert ask(admin, REQUESTS["a page"][0]).endswith(b"well")
    assert silent[0].recv(1) == b"", "the oldest had to go, and nobody else"
    assert not any(map(has_something, silent[1:]))
    known = loop.timers.clock
    monkeypatch.setattr(loop.timers, "clock", lambda: known() + CONNECTION_SECONDS + 1)
    turn(loop)
    assert [end.recv(1) for end in silent] == [b""] * MAX_CONNECTIONS
    for end in silent:
        end.close()


def has_something(end):
    return bool(select.select([end], [], [], 0)[0])


def test_those_who_have_asked_keep_their_places(admin, waiting):
    loop, address, _ = admin
    asking = [socket.create_connection(address) for _ in range(MAX_CONNECTIONS)]
    for end in asking:
        end.sendall(b"GET /later HTTP/1.1\r\n\r\n")
    turn(loop)
    with socket.create_connection(address, timeout=60) as late:
        turn(loop)
        assert late.recv(1) == b""
    assert len(waiting) == MAX_CONNECTIONS
    for reply in waiting:
        reply(HTTPStatus.OK, "text/plain", b"well")
    turn(loop)
    for end in asking:
        assert end.recv(1000).endswith(b"well")
        end.close()


# The control socket.


@pytest.fixture
def control(tmp_path):
    loop, heard = Loop(), []

    def handle(message, answer):
        heard.append(message)
        answer({"ok": True})

    operators = Operators(loop, tmp_path, handle)
    yield loop, tmp_path / SOCKET_FILE, heard
    operators.close()


def tell(control, data):
    loop, path, _ = control
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(60)
        end.connect(str(path))
        end.sendall(data)
        turn(loop)
        return end.recv(65_536)


def test_the_control_socket_is_for_its_owner(control):
    _, path, heard = control
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(tell(control, b'{"command": "state"}\n')) == {"ok": True}
    assert heard == [{"command": "state"}]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_not_heard_even_where_the_file_lets_it():
    loop, heard = Loop(), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        operators = Operators(loop, folder, lambda message, _: heard.append(message))
        path = folder / SOCKET_FILE
        path.chmod(0o666)
        assert become_nobody_and_ask(path) == 0, "it came in, and could ask"
        turn(loop)
        operators.close()
    assert heard == []


def become_nobody_and_ask(path):
    """Connect and ask in a child process of another user; return its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setuid(65_534)
            with socket.socket(socket.AF_UNIX) as end:
                end.connect(str(path))
                end.sendall(b'{"command": "state"}\n')
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize(
    "data",
    [b"not JSON\n", b"[1]\n", b"\xff\n", b"[" * 200_000 + b"\n"],
    ids=["no JSON", "no object", "no text", "too deep"],
)
def test_what_is_no_request_ends_the_connection_and_not_the_supervisor(control, data):
    with pytest.raises((ConnectionError, AssertionError)):
        assert tell(control, data) != b""
    assert control[2] == []
    assert json.loads(tell(control, b'{"command": "state"}\n')) == {"ok": True}
