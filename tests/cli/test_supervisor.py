"""Supervisor and workers: killed, replaced, logged in and out, while messages pass.

Real servers on loopback, real signals. Nothing is done by hand after a crash but what a
service manager does: start the supervisor again.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kerege.exchange.keys import SoftwareToken
from kerege.exchange.storage import open_database
from kerege.exchange.storage.message_log_tables import records
from kerege.sandbox.builder import Instance, configure
from kerege.sandbox.layout import PORTAL, REGISTER, Ports
from tests.cli.load import Load
from tests.cli.running import RUN
from tests.cli.servers import (
    RunningServer,
    instance,
    is_refused,
    message,
    running,
    runs,
)
from tests.postgres import needs_postgres

pytestmark = pytest.mark.slow

FIRST_PORTS = Ports().shifted(22_000)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(
        tmp_path_factory.mktemp("supervisor"), FIRST_PORTS
    ) as running_instance:
        yield running_instance


@pytest.fixture(scope="module")
def provider(made: Instance) -> Iterator[RunningServer]:
    """The register's server; tests leave it running."""
    with running(made, REGISTER) as server:
        server.until("ready")
        yield server


@pytest.fixture
def consumer(made: Instance, provider: RunningServer) -> Iterator[RunningServer]:
    """The portal's server with two workers."""
    with running(made, PORTAL, "--workers", "2") as server:
        server.until("ready")
        yield server


def ask(server: RunningServer, command: str, *more: str, pin: str | None = None):
    """Run a command beside the server; give exit code and what it printed."""
    words = [*RUN[:-1], command, "--config", str(server.folder / "server.toml"), *more]
    descriptors = ()
    if pin is not None:
        reading, writing = os.pipe()
        os.write(writing, pin.encode())
        os.close(writing)
        descriptors = (reading,)
        words += ["--pin-from", f"fd:{reading}"]
    done = subprocess.run(
        words, pass_fds=descriptors, capture_output=True, text=True, check=False
    )
    for descriptor in descriptors:
        os.close(descriptor)
    return done.returncode, done.stdout + done.stderr


def test_no_message_is_lost_while_everything_is_reloaded(consumer, provider):
    before = set(consumer.workers)
    with Load(consumer).running() as load:
        for round_ in (1, 2, 3):
            consumer.signal(signal.SIGHUP)
            provider.signal(signal.SIGHUP)
            consumer.until("reloaded", round_)
            provider.until("reloaded", round_)
            load.until(load.answers + 12)
    assert load.lost == []
    assert load.answers > 36
    consumer.wait_for(lambda: len(consumer.workers) == 2, "old workers leave")
    assert not before & set(consumer.workers)
    assert consumer.heard("worker ended") == []
    numbers = {event["worker"] for event in consumer.heard("message")}
    assert numbers == {1, 2}, "both take part"


def test_a_killed_worker_is_replaced_and_the_other_does_its_jobs(consumer):
    def leader() -> int:
        lock = (consumer.folder / "spool" / "jobs.lock").stat().st_ino
        locks = Path("/proc/locks").read_text()
        found = re.search(rf"FLOCK\s+ADVISORY\s+WRITE (\d+) \S+:{lock} ", locks)
        return int(found[1]) if found else 0

    def leads_now(other_than: int) -> bool:
        return leader() not in (0, other_than)

    for round_ in (1, 2):
        consumer.wait_for(lambda: leader() in consumer.workers, "somebody leads")
        first = leader()
        os.kill(first, signal.SIGKILL)
        ended = consumer.until("worker ended", round_)
        assert (ended["pid"], ended["how"]) == (first, "killed by SIGKILL")
        consumer.wait_for(partial(leads_now, first), "another one leads")
        assert consumer.call()[0] == 204
        consumer.wait_for(lambda: bool(consumer.state()["ready"]), "all ready")
    assert consumer.state()["restarts"] == 2


def test_requests_wait_while_the_only_worker_is_replaced(made, provider):
    with running(made, PORTAL) as server:
        server.until("ready")
        for _ in range(3):
            (worker,) = server.workers
            os.kill(worker, signal.SIGKILL)
            assert server.call()[0] == 204  # at once: it waits at the port
            server.wait_for(lambda: bool(server.state()["ready"]), "ready")


def test_after_the_supervisor_is_killed_the_next_one_goes_on(made, provider):
    for _ in range(2):
        with running(made, PORTAL, "--workers", "2") as server:
            server.until("ready")
            assert server.call()[0] == 204
            workers = server.workers
            server.signal(signal.SIGKILL)
            assert server.process.wait() == -signal.SIGKILL
    with running(made, PORTAL) as server:
        server.until("ready")
        assert server.call()[0] == 204
        server.wait_for(lambda: not any(map(runs, workers)), "old workers are gone")
        names = {path.name for path in (server.folder / "spool").iterdir()}
        locks = {"control.sock", "jobs.lock", "metrics", "server.lock"}
        assert names == locks | {".kerege-message-log"}


def test_without_a_pin_it_answers_503_until_somebody_logs_in(made, provider):
    pin = made.files.pin.read_text()
    with running(made, PORTAL, pin=False) as server:
        server.until("ready")
        assert server.heard("not logged in")[0]["advice"] == (
            "Log in with: kerege security-server login"
        )
        status, content = server.call()
        fault = json.loads(content)
        assert (status, fault["type"]) == (503, "server.clientproxy.token_not_active")
        assert fault["message"] == "This server's token is not logged in"
        status, content = server.admin("/ready")
        (worker,) = json.loads(content)["workers"]
        assert status == 503
        assert worker["problems"][0]["what"] == fault["message"]
        assert server.admin("/health")[0] == 200
        assert b"\nkerege_token_active 0\n" in server.admin("/metrics")[1]

        for _ in range(3):
            code, said = ask(server, "login", pin="not this one")
            assert (code, "pin_incorrect" in said) == (1, True), said
        while "5 wrong PINs" not in said:  # each wait is twice as long as the last
            code, said = ask(server, "login", pin="not this one")
            assert code == 1, said
        code, said = ask(server, "login", pin=pin)
        assert "5 wrong PINs in a row: try again in" in said, "even if it is right"
        server.wait_for(
            lambda: ask(server, "login", pin=pin)[0] == 0, "the wait is over"
        )
        assert server.call()[0] == 204
        assert server.admin("/ready")[0] == 200
        (worker,) = server.workers
        os.kill(worker, signal.SIGKILL)
        assert server.call()[0] == 204, "the supervisor has kept the PIN"

        assert ask(server, "logout")[0] == 0
        assert server.call()[0] == 503
        server.until("logged out")
        everything = json.dumps(server.events)
        assert pin not in everything
        assert "not this one" not in everything
    assert ask(server, "login", pin=pin)[1].startswith("Error: No server that can be")


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (b"", "The PIN in credential pin is empty"),
        (b"\n", "The PIN in credential pin is empty"),
        (b"\xff\xfe\n", "The PIN in credential pin is not UTF-8"),
    ],
    ids=["nothing", "an empty line", "not text"],
)
def test_a_credential_that_holds_no_pin_leaves_the_server_locked(
    made, provider, tmp_path, stored, why
):
    (tmp_path / "pin").write_bytes(stored)
    with running(made, PORTAL, pin=False, credentials=tmp_path) as server:
        server.until("ready")
        (event,) = server.heard("not logged in")
        assert (event["level"], event["reason"]) == ("error", why)
        assert event["advice"] == "Log in with: kerege security-server login"
        assert server.call()[0] == 503
        assert ask(server, "login", pin=made.files.pin.read_text())[0] == 0
        assert server.call()[0] == 204


def test_a_wrong_settings_file_changes_nothing_and_is_explained(consumer):
    config = consumer.folder / "server.toml"
    good = config.read_text()
    workers = consumer.workers
    wrong = (
        (good + "[colour]\n", "unknown setting 'colour'"),
        ("identifier = ", "is not TOML"),
        (good.replace(PORTAL.address, "192.0.2.1"), "Cannot listen on 192.0.2.1:"),
        (f'spool = "other"\n{good}', "'spool' changes only with a restart"),
        (f'token = "other"\n{good}', "A new worker did not start"),
    )
    try:
        for number, (text, said) in enumerate(wrong, 1):
            config.write_text(text)
            consumer.signal(signal.SIGHUP)
            assert said in str(consumer.until("not reloaded", number)["reason"])
            assert consumer.call()[0] == 204
        code, shown = ask(consumer, "reload")
        assert (code, "A new worker did not start" in shown) == (1, True), shown
    finally:
        config.write_text(good)
    assert consumer.workers == workers
    assert ask(consumer, "reload") == (0, "Reloaded\n")
    assert consumer.call()[0] == 204


def unit_reloads(server: RunningServer) -> int:
    """Do what systemd does for `systemctl reload`; give the exit code it looks at."""
    unit = Path(__file__).parents[2] / "deploy" / "kerege.service"
    (line,) = re.findall(r"(?m)^ExecReload=(.*)$", unit.read_text())
    program, *words = line.split()
    assert program == "/opt/kerege/bin/kerege"
    command = [sys.executable, "-m", "kerege.cli", *words]
    return subprocess.run(command, cwd=server.folder, check=False).returncode


def test_systemds_reload_fails_when_the_servers_does(consumer):
    config = consumer.folder / "server.toml"
    good = config.read_text()
    before = set(consumer.workers)
    config.write_text(good + "[colour]\n")
    try:
        assert unit_reloads(consumer) == 1
        assert set(consumer.workers) == before
    finally:
        config.write_text(good)
    assert unit_reloads(consumer) == 0
    assert consumer.heard("reloaded"), "it has waited for that"
    assert consumer.call()[0] == 204


def test_another_address_takes_effect_with_a_reload(consumer):
    config = consumer.folder / "server.toml"
    good = config.read_text()
    old = f"{PORTAL.address}:{consumer.ports.client_http}"
    new = f"127.0.0.14:{consumer.ports.client_http}"
    old_admin = f"{PORTAL.address}:{consumer.ports.admin}"
    try:
        config.write_text(
            good.replace(old, new).replace(
                old_admin, f"127.0.0.14:{consumer.ports.admin}"
            )
        )
        assert ask(consumer, "reload")[0] == 0
        with pytest.raises(ConnectionRefusedError):
            consumer.call()
        consumer.plan = replace(PORTAL, address="127.0.0.14")
        assert consumer.call()[0] == 204
        assert consumer.state()["ready"] is True
    finally:
        config.write_text(good)
    assert ask(consumer, "reload")[0] == 0
    consumer.plan = PORTAL
    assert consumer.call()[0] == 204


def test_a_pin_that_was_changed_is_noticed_and_asked_for(made, provider):
    pin = made.files.pin.read_text()
    with running(made, PORTAL) as server:
        server.until("ready")
        token = SoftwareToken.open(server.folder / "token")
        token.change_pin(pin, "another PIN")
        try:
            (worker,) = server.workers
            os.kill(worker, signal.SIGKILL)
            assert "PIN" in str(server.until("not logged in")["reason"])
            assert server.call()[0] == 503
            assert ask(server, "login", pin="another PIN")[0] == 0
            assert server.call()[0] == 204
        finally:
            token.change_pin("another PIN", pin)


def test_a_second_signal_does_not_wait(made, provider):
    with running(made, PORTAL) as server:
        server.until("ready")
        address = (PORTAL.address, server.ports.client_http)
        with socket.create_connection(address) as slow:
            head = message().replace(b"GET", b"POST").rstrip()
            slow.sendall(head + b"\r\nContent-Length: 10\r\n\r\n12345")
            server.call()
            server.signal(signal.SIGTERM)
            server.until("stopping")
            assert server.process.poll() is None, "the rest of the body may come"
            server.signal(signal.SIGTERM)
            assert server.end() == 0
        assert server.heard("stopping at once")
    assert not list((server.folder / "spool").glob("*.spool"))


def test_stopping_finishes_what_was_accepted(made, provider):
    with running(made, PORTAL) as server:
        server.until("ready")
        address = (PORTAL.address, server.ports.client_http)
        with socket.create_connection(address) as slow:
            head = message(close=True).replace(b"GET", b"POST").rstrip()
            slow.sendall(head + b"\r\nContent-Length: 10\r\n\r\n12345")
            server.call()
            server.signal(signal.SIGTERM)
            server.until("stopping")
            server.wait_for(lambda: is_refused(address), "new ones are refused")
            slow.sendall(b"67890")
            assert slow.recv(1000).startswith(b"HTTP/1.1 ")
        assert server.end() == 0
        assert server.heard("stopped")


@pytest.mark.postgres
@needs_postgres
def test_two_workers_share_a_postgresql_database(made, provider, postgres_url):
    config = provider.folder.parent / "ss1" / "server.toml"
    good = config.read_text()
    config.write_text(f'database = "{postgres_url}"\n{good}')
    try:
        database = open_database(postgres_url)
        with database.write() as connection:
            configure(connection, made.ports, PORTAL)
        with running(made, PORTAL, "--workers", "2") as server:
            server.until("ready")
            with Load(server).running() as load:
                load.until(40)
            assert load.lost == []
            assert {e["worker"] for e in server.heard("message")} == {1, 2}
        with database.read() as connection:
            logged = connection.execute(select(func.count()).select_from(records))
            assert logged.scalar_one() == 2 * load.answers
        database.close()
    finally:
        config.write_text(good)
