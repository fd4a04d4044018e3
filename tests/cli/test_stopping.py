"""What may be under way when a server is told to stop, and does not hold it.

`finish_seconds` is short here; what is not done by then is cut off.
"""

import os
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest
from sqlalchemy import text

from kerege.exchange.storage import open_database
from kerege.sandbox.builder import Instance, configure
from kerege.sandbox.layout import PORTAL, REGISTER, Ports
from tests.cli.servers import (
    RunningServer,
    instance,
    message,
    portal,
    running,
    stop_unkilled,
)
from tests.postgres import needs_postgres

pytestmark = pytest.mark.slow

FIRST_PORTS = Ports().shifted(22_600)
SHORT = "[limits]\nfinish_seconds = 0.5\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(tmp_path_factory.mktemp("stopping"), FIRST_PORTS) as running_instance:
        yield running_instance


@pytest.fixture(scope="module", autouse=True)
def provider(made: Instance) -> Iterator[RunningServer]:
    with running(made, REGISTER) as server:
        server.until("ready")
        yield server


@contextmanager
def connections_that_say_nothing(server: RunningServer) -> Iterator[None]:
    with ExitStack() as stack:
        for port in (server.ports.client_http, server.ports.client_https) * 10:
            stack.enter_context(socket.create_connection((PORTAL.address, port)))
        yield


@contextmanager
def half_a_body_on_the_disk(server: RunningServer) -> Iterator[None]:
    address = (PORTAL.address, server.ports.client_http)
    with socket.create_connection(address) as end:
        head = message().replace(b"GET", b"POST").rstrip()
        end.sendall(head + b"\r\nContent-Length: 3000000\r\n\r\n" + bytes(2_000_000))
        spool = server.folder / "spool"
        server.wait_for(lambda: any(spool.glob("body-*")), "a file in the spool")
        yield


@contextmanager
def a_database_that_somebody_has_locked(server: RunningServer) -> Iterator[None]:
    path = server.folder / "security-server.db"
    database = sqlite3.connect(path, isolation_level=None, timeout=60)
    database.execute("BEGIN IMMEDIATE")
    with socket.create_connection((PORTAL.address, server.ports.client_http)) as end:
        end.sendall(message())
        server.until("message log waits")
        yield
    database.close()


Hold = Callable[[RunningServer], AbstractContextManager[None]]


@pytest.mark.parametrize(
    "hold",
    [
        connections_that_say_nothing,
        half_a_body_on_the_disk,
        a_database_that_somebody_has_locked,
    ],
)
def test_it_stops_in_time(made: Instance, hold: Hold):
    with portal(made, more=SHORT) as server:
        assert server.call()[0] == 204
        with hold(server):
            stop_unkilled(server)
        assert not list((server.folder / "spool").glob("body-*"))


@pytest.mark.postgres
@needs_postgres
def test_it_stops_in_time_when_postgresql_has_frozen(made: Instance, postgres_url: str):
    database = open_database(postgres_url)
    with database.write() as connection:
        configure(connection, made.ports, PORTAL)
    database.close()
    config = made.files.server(PORTAL) / "server.toml"
    good = config.read_text()
    config.write_text(f'database = "{postgres_url}"\n{good}')
    try:
        with portal(made, more=SHORT) as server:
            assert server.call()[0] == 204
            with frozen(backends_of(postgres_url)):
                address = (PORTAL.address, server.ports.client_http)
                with socket.create_connection(address) as end:
                    end.sendall(message())
                    stop_unkilled(server)
            (event,) = server.heard("worker not closed in time")
            held = str(event["held_by"])
            assert "exchange.messagelog.writer" in held, held
    finally:
        config.write_text(good)


def backends_of(url: str) -> list[int]:
    """Return the PostgreSQL processes that work for others on this database."""
    database = open_database(url)
    try:
        with database.read() as connection:
            question = (
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()"
            )
            return list(connection.execute(text(question)).scalars())
    finally:
        database.close()


@contextmanager
def frozen(processes: list[int]) -> Iterator[None]:
    assert processes
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)
