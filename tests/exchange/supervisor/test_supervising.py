"""A whole supervisor with workers that do nothing: what it does when they end.

The supervisor is the real one, in a process of its own; so are the workers.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kerege.exchange.security_server.settings import Settings
from kerege.exchange.supervisor.channel import Channel
from kerege.exchange.supervisor.client import ask
from kerege.exchange.supervisor.commands import Commands
from kerege.exchange.supervisor.events import Events
from kerege.exchange.supervisor.lines import Lines
from kerege.exchange.supervisor.listening import Listening
from kerege.exchange.supervisor.supervisor import Options, Supervisor
from kerege.exchange.supervisor.workers import Plan, Slot, State, Worker
from kerege.xroad.faults import XRoadError
from tests.exchange.supervisor.running import (
    PATIENCE_SECONDS,
    SETTINGS,
    Supervised,
    supervised,
    wait_for_the_end_of,
)


def test_it_is_ready_when_all_workers_are_and_stops_when_told(tmp_path):
    with supervised(tmp_path) as server:
        ready = server.until("ready")
        server.until("began", 2)
        began = server.heard("began")
        assert {event["worker"] for event in began} == {1, 2}
        assert {(e["ports"], e["pin"]) for e in began} == {(3, True)}
        assert ready["workers"] == 2
        assert ready["server"] == "TEST/GOV/1/SS1"
        server.process.terminate()
        assert server.ended() == (0, "")
        assert [e["event"] for e in server.events][-2:] == ["stopping", "stopped"]
    assert sorted(p.name for p in (tmp_path / "spool").iterdir()) == ["server.lock"]
    assert (tmp_path / "spool" / "server.lock").read_bytes() == b""


def test_more_and_less_workers_take_effect_with_a_reload(tmp_path):
    with supervised(tmp_path, workers=1) as server:
        server.until("ready")
        config = server.config.read_text()
        server.config.write_text(config.replace("workers = 1", "workers = 3"))
        assert ask(tmp_path / "spool", {"do": "reload"})["ok"]
        server.until("began", 4)
        assert [e["worker"] for e in server.heard("began")] == [1, 1, 2, 3]
        server.config.write_text(config)
        assert ask(tmp_path / "spool", {"do": "reload"})["ok"]
        state = ask(tmp_path / "spool", {"do": "state"})
        assert [worker["worker"] for worker in state["workers"]] == [1]


def test_who_dies_is_started_again_later_and_later(tmp_path):
    with supervised(tmp_path, workers=1, kind="die") as server:
        began = [server.until("began", count) for count in (1, 2, 3, 4, 5)]
        times = [e["timestamp"] for e in server.heard("worker ended")[:4]]
        assert len({event["pid"] for event in began}) == 5
        assert times == sorted(times)
        assert server.heard("worker ended")[0]["how"] == "exit code 3"
        assert not server.heard("ready")


def test_all_workers_may_die_at_once(tmp_path):
    with supervised(tmp_path, workers=6) as server:
        server.until("ready")
        for round_ in range(1, 4):
            pids = [int(str(e["pid"])) for e in server.heard("began")[-6:]]
            os.kill(server.process.pid, signal.SIGSTOP)  # it hears of all in one go
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            for pid in pids:
                wait_until_dead(pid)
            os.kill(server.process.pid, signal.SIGCONT)
            server.until("worker ended", 6 * round_)
            server.until("began", 6 + 6 * round_)
        assert server.process.poll() is None


def wait_until_dead(pid: int) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < ends, pid
        time.sleep(0.01)


def test_a_start_that_cannot_succeed_is_explained(tmp_path):
    with supervised(tmp_path, kind="fail") as server:
        assert server.ended() == (1, "Error: No keys\n  Make some.\n")
        assert not server.heard("ready")


def test_a_worker_that_does_not_stop_is_ended(tmp_path):
    with supervised(tmp_path, workers=1, kind="deaf") as server:
        server.until("ready")
        (began,) = server.heard("began")
        server.process.terminate()
        server.until("stopping")
        server.process.send_signal(signal.SIGINT)
        assert server.ended()[0] == 0
        assert server.heard("stopping at once")
        assert not Path(f"/proc/{began['pid']}").exists()


def test_workers_learn_that_their_supervisor_is_gone(tmp_path):
    with supervised(tmp_path) as server:
        server.until("ready")
        server.process.kill()
        server.ended()  # with the last worker, who has its output too
        assert {e["worker"] for e in server.heard("orphan")} == {1, 2}
    assert (tmp_path / "spool" / "server.lock").read_bytes()
    with supervised(tmp_path) as server:
        server.until("ready")


def test_one_supervisor_at_a_time_works_in_a_folder(tmp_path):
    with supervised(tmp_path) as server:
        server.until("ready")
        second = Supervised(tmp_path, None)
        code, errors = second.ended()
        assert code == 1
        assert errors.startswith("Error: Another process is at work in ")
        assert server.process.poll() is None


def test_a_taken_port_is_named_whoever_has_it(tmp_path):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        text = SETTINGS.format(workers=1, kind="").replace(
            '"127.0.0.1:0"', f'"{address}"', 1
        )
        (tmp_path / "server.toml").write_text(text)
        code, errors = Supervised(tmp_path, None).ended()
    assert code == 1
    assert errors.splitlines()[:2] == [
        f"Error: Cannot listen on {address}",
        "  Address already in use",
    ]
    assert "change [listen]" in errors


def test_a_pin_is_judged_by_a_worker_and_kept_by_the_supervisor(tmp_path):
    spool = tmp_path / "spool"
    with supervised(tmp_path, workers=1, pin=None) as server:
        server.until("ready")
        assert server.heard("not logged in")
        with pytest.raises(XRoadError) as wrong:
            ask(spool, {"do": "login", "pin": "wrong"})
        assert (wrong.value.code, wrong.value.message) == (
            "pin_incorrect",
            "The PIN is wrong",
        )
        assert ask(spool, {"do": "login", "pin": "right"})["ok"]
        server.until("began", 2)
        assert [e["pin"] for e in server.heard("began")] == [False, True]
        assert ask(spool, {"do": "logout"})["ok"]
        server.until("began", 3)
        assert [e["pin"] for e in server.heard("began")] == [False, True, False]
        with pytest.raises(XRoadError, match="does not know this request"):
            ask(spool, {"do": "dance"})
        mode = (spool / "control.sock").stat().st_mode & 0o777
        assert mode == 0o600


def test_a_stored_pin_that_is_wrong_leaves_the_server_locked(tmp_path):
    with supervised(tmp_path, workers=2, pin="wrong", is_pin_stored=True) as server:
        server.until("ready")
        assert server.heard("not logged in")[0] == {
            **server.heard("not logged in")[0],
            "level": "error",
            "reason": "The PIN is wrong",
            "advice": "Log in with: kerege security-server login",
        }
        assert sorted(bool(e["pin"]) for e in server.heard("began")) == [
            *(False, False),
            *(True, True),
        ]
        assert ask(tmp_path / "spool", {"do": "login", "pin": "right"})["ok"]


def test_somebody_who_gives_a_wrong_pin_is_told_at_once(tmp_path):
    with supervised(tmp_path, pin="wrong") as server:
        assert server.ended() == (1, "Error: The PIN is wrong\n")


def test_a_worker_that_takes_no_question_leaves_the_login_to_the_next(tmp_path):
    settings = Settings("TEST/GOV/1/SS1", workers=2, directory=tmp_path)
    plan = Plan(settings, "", Listening({}))
    events = Events(Lines(os.open(os.devnull, os.O_WRONLY)), as_json=True, level="info")
    server = Supervisor(Options(Path("server.toml"), ()), events, None)
    with Commands(server, tmp_path, plan) as commands:
        ends = [socket.socketpair() for _ in range(2)]
        for number, (ours, _) in enumerate(ends, 1):
            worker = Worker(number, number, Channel(ours), plan, False)
            worker.state = State.READY
            server.crew.slots[number] = Slot(number, plan, worker)
        ends[0][1].close()
        answers: list[object] = []
        commands._handle({"do": "login", "pin": "wrong"}, answers.append)
        assert answers == []
        (question,) = Channel(ends[1][1]).receive()
        assert question["pin"] == "wrong"
        failed = {"what": "The PIN is wrong", "code": "pin_incorrect"}
        server.questions.answer({"reply": question["id"], "failed": failed})
        assert answers == [{"failed": failed}]
        ends[1][1].close()
        commands._handle({"do": "login", "pin": "wrong"}, answers.append)
        what = "The workers that were asked gave no answer"
        assert answers[1:] == [{"failed": {"what": what}}]
    for ours, _ in ends:
        ours.close()


def test_a_logout_takes_the_keys_away_even_if_no_new_worker_starts(tmp_path):
    with supervised(tmp_path, workers=2, kind="unlocked") as server:
        server.until("ready")
        assert ask(tmp_path / "spool", {"do": "state"})["logged_in"]
        old = [event["pid"] for event in server.heard("began")]
        with pytest.raises(XRoadError, match="No new worker started: No keys"):
            ask(tmp_path / "spool", {"do": "logout"})
        wait_for_the_end_of(old)
        assert not ask(tmp_path / "spool", {"do": "state"})["logged_in"]


def test_a_login_that_no_worker_survives_is_none(tmp_path):
    with supervised(tmp_path, workers=1, pin=None) as server:
        server.until("ready")
        config = server.config.read_text()
        server.config.write_text(config.replace("# worker: ", "# worker: locked"))
        assert ask(tmp_path / "spool", {"do": "reload"})["ok"]
        with pytest.raises(XRoadError, match="No new worker started: No keys"):
            ask(tmp_path / "spool", {"do": "login", "pin": "right"})
        assert not ask(tmp_path / "spool", {"do": "state"})["logged_in"]
        metrics = server.admin(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert b"\nkerege_token_active 0\n" in metrics


def test_a_command_without_a_server_says_so(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(XRoadError) as refused:
            ask(folder, {"do": "reload"})
        assert refused.value.code == "action_not_possible"
        assert "No server that can be reached" in refused.value.message


def test_several_reloads_at_once_are_one_and_all_are_answered(tmp_path):
    with supervised(tmp_path, workers=1) as server:
        server.until("ready")
        answers: list[bool] = []

        def reload() -> None:
            answers.append(ask(tmp_path / "spool", {"do": "reload"})["ok"])

        threads = [threading.Thread(target=reload) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [True] * 6
        server.until("reloaded")
        assert 1 <= len(server.heard("reloaded")) <= 6
        server.config.write_text("nonsense")
        with pytest.raises(XRoadError, match="is not TOML"):
            ask(tmp_path / "spool", {"do": "reload"})


def test_a_host_that_cannot_be_is_refused_and_the_next_reload_works(tmp_path):
    with supervised(tmp_path, workers=1) as server:
        server.until("ready")
        good = server.config.read_text()
        bad = good.replace('client_https = ""', f'client_https = "{"a" * 70}.kg:443"')
        server.config.write_text(bad)
        with pytest.raises(XRoadError, match="neither a host's name nor its address"):
            ask(tmp_path / "spool", {"do": "reload"})
        server.process.send_signal(signal.SIGHUP)
        server.until("not reloaded", 2)
        server.config.write_text(good)
        assert ask(tmp_path / "spool", {"do": "reload"})["ok"]


def test_ports_of_a_reload_that_failed_half_way_close_with_the_next(tmp_path):
    with supervised(tmp_path, workers=2) as server:
        addresses = server.until("ready")["addresses"]
        assert isinstance(addresses, dict)
        host, _, port = addresses["peer"].partition(":")
        good = server.config.read_text().replace('peer = "127.0.0.1:0"', 'peer = ""')
        server.config.write_text(good.replace("# worker: ", "# worker: second"))
        with pytest.raises(XRoadError, match="new worker did not start: No keys"):
            ask(tmp_path / "spool", {"do": "reload"})
        socket.create_connection((host, int(port))).close()  # to worker 2, as before
        server.config.write_text(good)
        assert ask(tmp_path / "spool", {"do": "reload"})["ok"]
        server.until("began", 6)
        left = [e["pid"] for e in server.heard("began")][:3]
        wait_for_the_end_of(left)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))


def test_a_change_that_fails_does_not_hold_up_the_next():
    reading, writing = os.pipe()
    events = Events(Lines(writing), as_json=True, level="info")
    server = Supervisor(Options(Path("server.toml"), ()), events, None)
    server.was_ready = True
    done: list[str] = []

    def fail(_over: Callable[[], None]) -> None:
        raise UnicodeError("label too long")

    def succeed(over: Callable[[], None]) -> None:
        done.append("made")
        over()

    for change in (fail, succeed, succeed):
        server.change(change)
    assert done == ["made", "made"]
    assert b"label too long" in os.read(reading, 65_536)
    os.close(reading)
    os.close(writing)


def test_the_admin_port_answers_what_it_knows(tmp_path):
    with supervised(tmp_path, workers=1) as server:
        for path, status in ((b"/health", 200), (b"/ready", 200), (b"/metrics", 200)):
            answer = server.admin(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            assert answer.startswith(b"HTTP/1.1 %d " % status)
            assert b"\r\nConnection: close\r\n" in answer
        assert server.admin(b"HEAD /health HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n")
        for request, status in (
            (b"GET / HTTP/1.1\r\n\r\n", 404),
            (b"GET /../server.toml HTTP/1.1\r\n\r\n", 404),
            (b"POST /health HTTP/1.1\r\n\r\n", 405),
            (b"GET /health\r\n\r\n", 400),
            (b"\x16\x03\x01\r\n\r\n", 400),
            (b"\r\n\r\n", 400),
            (b"GET /health HTTP/1.1\r\nX: " + b"x" * 9000, 431),
        ):
            assert server.admin(request).startswith(b"HTTP/1.1 %d " % status), request
        for _ in range(40):  # who says nothing, or leaves, holds nobody up
            addresses = server.heard("ready")[0]["addresses"]
            host, _, port = addresses["admin"].partition(":")  # type: ignore[index]
            socket.create_connection((host, int(port))).close()
        assert server.admin(b"GET /health HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_a_silent_worker_makes_the_server_unready(tmp_path):
    with supervised(tmp_path, workers=1) as server:
        pid = int(str(server.until("began")["pid"]))
        server.until("ready")
        os.kill(pid, signal.SIGSTOP)
        answer = server.admin(b"GET /ready HTTP/1.1\r\n\r\n")
        os.kill(pid, signal.SIGCONT)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"The worker does not answer" in answer


def test_systemd_is_told(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(PATIENCE_SECONDS)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with supervised(tmp_path, workers=1) as server:
            assert end.recv(1000) == b"READY=1\nSTATUS=Passes messages"
            server.process.send_signal(signal.SIGHUP)
            assert end.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert end.recv(1000).startswith(b"READY=1\n")
            server.process.terminate()
            assert end.recv(1000) == b"STOPPING=1"


def test_the_supervisor_stays_small_and_hides_its_memory(tmp_path):
    with supervised(tmp_path, workers=1) as server:
        server.until("ready")
        server.admin(b"GET /metrics HTTP/1.1\r\n\r\n")
        folder = Path(f"/proc/{server.process.pid}")
        status = (folder / "status").read_text()
        resident = int(status.partition("VmRSS:")[2].split()[0])
        assert resident < 25_000, "KiB"
        limits = (folder / "limits").read_text()
        assert limits.partition("Max core file size")[2].split()[0] == "0"
        loaded = (folder / "maps").read_text()
        for heavy in ("cryptography", "lxml", "_ssl", "sqlite", "uvloop"):
            assert heavy not in loaded
