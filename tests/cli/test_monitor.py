"""`kerege monitor` as its users run it, beside a real server with two workers."""

import json
import signal
import subprocess
from collections.abc import Iterator

import pytest

from kerege.sandbox.builder import Instance
from kerege.sandbox.layout import PORTAL, REGISTER, Ports
from tests.cli.servers import RunningServer, instance, running
from tests.terminals import COMMAND, Screen

pytestmark = pytest.mark.slow

FIRST_PORTS = Ports().shifted(22_800)
PERSON = "12345678901234"
MESSAGES = 5
STATUS = 204
"""The register knows nobody of this number."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(tmp_path_factory.mktemp("monitor"), FIRST_PORTS) as running_instance:
        yield running_instance


@pytest.fixture(scope="module")
def server(made: Instance) -> Iterator[RunningServer]:
    """The portal's server, after some messages were asked through it."""
    with (
        running(made, REGISTER) as provider,
        running(made, PORTAL, "--workers", "2") as consumer,
    ):
        provider.until("ready")
        consumer.until("ready")
        for _ in range(MESSAGES):
            assert consumer.call()[0] == STATUS
        consumer.wait_for(lambda: len(records(consumer)) == MESSAGES, "records")
        yield consumer


def records(server: RunningServer) -> list[dict]:
    status, content = server.admin("/operational-data")
    assert status == 200
    return json.loads(content)["records"]


def monitor(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, "monitor", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_records_of_all_workers_are_told_by_whichever_is_asked(server: RunningServer):
    told = records(server)
    assert {one["securityServerType"] for one in told} == {"Client"}
    assert all(one["statusCode"] == STATUS for one in told)
    status, content = server.admin("/health-data")
    assert (status, json.loads(content)["services"]) == (200, [])  # it provides none
    status, content = server.admin("/operational-data?user=1")
    assert (status, b"Unknown parameter" in content) == (400, True)
    assert PERSON not in json.dumps(told)


def test_each_message_is_a_line_also_those_before_it_was_started(server: RunningServer):
    settings = str(server.folder / "server.toml")
    with subprocess.Popen(
        [*COMMAND, "monitor", "--lines", settings], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(MESSAGES)]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert all(" out ok  GOV/70000001/portal → " in line for line in lines)
    assert PERSON not in "".join(lines)


def test_on_a_terminal_services_have_rates_faults_and_durations(server: RunningServer):
    address = f"{server.plan.address}:{server.ports.admin}"
    screen = Screen("monitor", address, columns=110, rows=30)
    screen.until("q quit")
    screen.until(f"2xx {MESSAGES}")
    screen.until("address-fact")
    assert PERSON not in screen.text
    screen.press("q")
    assert screen.close() == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["no-such-file.toml"], 1, "There is no settings file no-such-file.toml"),
        (["--lines", "127.0.0.1:1"], 1, "No answer from the admin port 127.0.0.1:1"),
        (["127.0.0.1:port"], 2, "is not of the form host:port"),
        (["a"] * 17, 2, "At most 16 servers fit on a screen"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_reason(arguments, code, reason):
    done = monitor(*arguments)
    assert done.returncode == code
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_another_port_of_a_server_is_not_taken_for_its_admin_port(
    server: RunningServer,
):
    done = monitor("--lines", f"{server.plan.address}:{server.ports.client_http}")
    assert done.returncode == 1
    assert "This is not the admin port of a Kerege server" in done.stderr
