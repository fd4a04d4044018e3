"""No connection waits for a worker that is not there while another one is.

What a worker has taken it tells in events; see `worker`. That real workers answer on
what they have taken is in `tests/cli/test_replacing_workers.py`.
"""

import os
import signal
import socket

import pytest

from kerege.exchange.supervisor.client import ask
from kerege.xroad.faults import XRoadError
from tests.exchange.supervisor.running import Supervised, supervised

PORTS = {"client_http", "peer", "ocsp"}


def pid_of(server: Supervised, worker: int) -> int:
    return int(
        str([e for e in server.heard("began") if e["worker"] == worker][-1]["pid"])
    )


def reload(server: Supervised, text: str) -> None:
    server.config.write_text(text)
    assert ask(server.folder / "spool", {"do": "reload"})["ok"]


def test_who_is_there_answers_for_who_has_died_until_that_one_is_back(tmp_path):
    with supervised(tmp_path, workers=2) as server:
        addresses = server.until("ready")["addresses"]
        assert isinstance(addresses, dict)
        os.kill(pid_of(server, 2), signal.SIGKILL)
        server.until("adopted", 3)
        taken = {e["port"]: e["address"] for e in server.heard("adopted")}
        assert taken == {name: addresses[name] for name in PORTS}
        assert {e["worker"] for e in server.heard("adopted")} == {1}
        server.until("released", 3)
        assert [e["left"] for e in server.heard("released")] == [2, 1, 0]


def test_one_steps_in_for_all_others(tmp_path):
    with supervised(tmp_path, workers=3) as server:
        server.until("ready")
        os.kill(pid_of(server, 3), signal.SIGSTOP)  # it takes nothing meanwhile
        for worker in (2, 1):
            os.kill(pid_of(server, worker), signal.SIGKILL)
        server.until("worker ended", 2)
        os.kill(pid_of(server, 3), signal.SIGCONT)
        server.until("began", 5)
        adopted = server.until("adopted", 6)
        assert adopted["worker"] == 3
        server.until("released", 6)
        assert server.heard("released")[-1]["left"] == 0


def lent(server: Supervised) -> int:
    """Return how many sockets workers that are there have taken from others."""
    there = {pid_of(server, e["worker"]) for e in server.heard("began")}
    lending = {"adopted": 1, "released": -1}
    return sum(
        lending.get(e["event"], 0)
        for e in tuple(server.events)
        if e.get("pid") in there
    )


def test_fewer_workers_accept_on_all_that_there_was(tmp_path):
    with supervised(tmp_path, workers=3) as server:
        before = server.until("ready")["addresses"]
        text = server.config.read_text()
        for number, workers in enumerate((1, 2, 3, 1), 1):
            reload(server, text.replace("workers = 3", f"workers = {workers}"))
            assert server.until("reloaded", number)["addresses"] == before
            missing = 3 * (3 - workers)
            server.wait_for(lambda wanted=missing: lent(server) == wanted)


def test_a_new_address_is_answered_after_a_reload_that_failed_half_way(tmp_path):
    with supervised(tmp_path, workers=2) as server:
        server.until("ready")
        good = server.config.read_text()
        bad = good.replace('client_https = ""', 'client_https = "127.0.0.1:0"')
        server.config.write_text(bad.replace("# worker: ", "# worker: second"))
        with pytest.raises(XRoadError, match="new worker did not start: No keys"):
            ask(tmp_path / "spool", {"do": "reload"})
        adopted = server.until("adopted")
        assert (adopted["worker"], adopted["port"]) == (1, "client_https")
        host, _, port = str(adopted["address"]).partition(":")
        socket.create_connection((host, int(port))).close()
        assert len(server.heard("adopted")) == 1, "the others have their worker"


def test_after_a_reload_that_failed_half_way_the_old_address_is_still_ours(tmp_path):
    with supervised(tmp_path, workers=2) as server:
        before = server.until("ready")["addresses"]
        assert isinstance(before, dict)
        fixed = f'peer = "{before["peer"]}"'
        good = server.config.read_text().replace('peer = "127.0.0.1:0"', fixed)
        reload(server, good)
        bad = good.replace(fixed, 'peer = "127.0.0.1:0"')
        server.config.write_text(bad.replace("# worker: ", "# worker: second"))
        with pytest.raises(XRoadError, match="new worker did not start: No keys"):
            ask(tmp_path / "spool", {"do": "reload"})
        reload(server, good)
        assert server.until("reloaded", 2)["addresses"] == {
            **before,
            "peer": before["peer"],
        }
