"""Workers that come, go and cannot be replaced: no connection waits or is lost."""

import os
import signal
import socket
from collections.abc import Iterator

import pytest

from kerege.sandbox.builder import Instance
from kerege.sandbox.layout import PORTAL, REGISTER, Ports
from tests.cli.load import Load
from tests.cli.servers import (
    RunningServer,
    instance,
    message,
    portal,
    running,
    stop_unkilled,
)

pytestmark = pytest.mark.slow

FIRST_PORTS = Ports().shifted(22_400)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(
        tmp_path_factory.mktemp("replacing"), FIRST_PORTS
    ) as running_instance:
        yield running_instance


@pytest.fixture(scope="module", autouse=True)
def provider(made: Instance) -> Iterator[RunningServer]:
    with running(made, REGISTER) as server:
        server.until("ready")
        yield server


def test_no_connection_is_lost_when_there_are_fewer_workers(made):
    with portal(made, workers=3) as server:
        config = server.folder / "server.toml"
        with Load(server, clients=4, keep=False).running() as load:
            for round_, workers in enumerate((1, 2, 1, 3), 1):
                rest = config.read_text().partition("\n")[2]
                config.write_text(f"workers = {workers}\n{rest}")
                server.signal(signal.SIGHUP)
                server.until("reloaded", round_)
                load.until(load.answers + 40)
        assert load.lost == []
        assert server.heard("worker ended") == []


def test_nobody_waits_for_a_worker_that_cannot_be_started(made):
    with portal(made, workers=2) as server:
        token = server.folder / "token"
        away = token.rename(server.folder / "token-away")
        try:
            os.kill(server.workers[1], signal.SIGKILL)
            server.until("worker not started", 3)
            assert [server.call()[0] for _ in range(40)] == [204] * 40
            assert server.state()["ready"] is False
        finally:
            away.rename(token)
        server.wait_for(lambda: bool(server.state()["ready"]), "ready")
        with Load(server, keep=False).running() as load:
            load.until(80)
        assert load.lost == []
        recent = {event["worker"] for event in server.heard("message")[-60:]}
        assert recent == {1, 2}


def test_who_was_replaced_and_still_works_hears_that_all_is_to_stop(made):
    with portal(made, more="[limits]\nfinish_seconds = 0.5\n") as server:
        (old,) = server.workers
        address = (PORTAL.address, server.ports.client_http)
        with socket.create_connection(address) as slow:
            head = message().replace(b"GET", b"POST").rstrip()
            slow.sendall(head + b"\r\nContent-Length: 10\r\n\r\n12345")
            server.call()  # it has been accepted by now
            server.signal(signal.SIGHUP)
            server.until("reloaded")
            assert old in server.workers, "it waits for the rest of the body"
            stop_unkilled(server)
