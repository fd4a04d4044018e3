"""`kerege security-server run`: real processes, real messages, clear failures."""

import asyncio
import errno
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from kerege.cli.security_server import login as login_module
from kerege.cli.security_server.run import WORKER
from kerege.cli.security_server.worker import start_failure
from kerege.exchange.client import AsyncClient, Client, ProviderServerFault
from kerege.exchange.keys.pin import Pin
from kerege.exchange.tls import UnsuitableOpenSSLError
from kerege.sandbox.builder import build, load, prepare
from kerege.sandbox.layout import (
    PORTAL,
    PORTAL_CLIENT,
    REGISTER,
    SERVICES,
    Files,
    Ports,
)
from kerege.sandbox.services import start_services
from tests.cli.running import READY_SECONDS, run_to_its_end, running_server
from tests.ports import reserved_ports

FIRST_PORTS = Ports().shifted(21_000)
ADDRESS = SERVICES[0].service_id
PIN = "12345678901234"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    """A sandbox instance on disk."""
    made = Files(tmp_path_factory.mktemp("sandbox") / "instance")
    with reserved_ports(FIRST_PORTS) as ports:
        build(made, ports)
        yield made


@pytest.fixture
async def services(files: Files) -> AsyncIterator[Ports]:
    """Configuration source, OCSP responder, TSA and register."""
    instance = load(files)
    prepare(instance)
    async with AsyncExitStack() as stack:
        await start_services(stack, instance)
        yield instance.ports


async def test_two_servers_pass_messages_and_say_so_without_data(
    files, services, kerege
):
    url = f"http://{PORTAL.address}:{services.client_http}"
    async with (
        running_server(files, PORTAL) as consumer,
        running_server(files, REGISTER) as provider,
    ):
        ready = await consumer.until("ready")
        assert ready["server"] == PORTAL.server_id.short
        assert ready["addresses"]["client_http"] == url.removeprefix("http://")
        await provider.until("ready")
        async with AsyncClient(url, PORTAL_CLIENT, user_id="KG1") as xroad:
            got = await xroad.get(ADDRESS, (PIN,), params={"name": "Айгүл"})
            with pytest.raises(ProviderServerFault, match="unknown_service"):
                await xroad.get(f"{ADDRESS.client_id.path}/nothing", (PIN,))
        assert got.status < 500
        passed = await consumer.until("message")
        assert (passed["side"], passed["verdict"]) == ("client", str(got.status))
        assert passed["client"] == str(PORTAL_CLIENT)
        assert passed["service"] == str(ADDRESS)
        assert passed["request_id"] == got.request_id
        assert (await provider.until("message"))["side"] == "server"
        done = await asyncio.to_thread(
            kerege,
            *("call", "--server", url, "--client", PORTAL_CLIENT.path),
            f"{ADDRESS.path}/{PIN}",
        )
        assert done.exit_code in (0, 22)
        status = await asyncio.to_thread(blocking_status, url)
        assert status == got.status
        consumer.process.send_signal(signal.SIGTERM)
        code, rest, errors = await consumer.ended()
        assert (code, errors) == (0, "")
        names = [json.loads(line)["event"] for line in rest.splitlines()]
        # The last message's event waits a moment for others, and may come in between.
        assert [n for n in names if n != "message"][-2:] == ["stopping", "stopped"]
        assert PIN not in consumer.text + rest + provider.text


def blocking_status(url: str) -> int:
    with Client(url, PORTAL_CLIENT) as xroad:
        return xroad.get(ADDRESS, (PIN,)).status


async def test_a_taken_port_is_named(files, services):
    taken = await asyncio.start_server(
        lambda _r, w: w.close(), PORTAL.address, services.client_http
    )
    async with taken, running_server(files, PORTAL) as process:
        code, out, errors = await process.ended()
    assert code == 1
    assert errors.splitlines()[0] == (
        f"Error: Cannot listen on {PORTAL.address}:{services.client_http}"
    )
    assert "change [listen]" in errors
    assert "Traceback" not in out + errors


async def test_events_can_be_written_for_people(files, services):
    async with running_server(files, PORTAL, "--log-format", "text") as process:
        assert process.process.stdout
        async with asyncio.timeout(READY_SECONDS):
            while b"ready" not in await process.process.stdout.readline():
                pass
        process.process.send_signal(signal.SIGINT)
        assert (await process.ended())[0] == 0


def test_a_wrong_pin_is_said(server, pin_file):
    shown = run_to_its_end(server, pin_file("Wrong-pin-11"))
    assert shown.returncode == 1
    assert shown.stderr.startswith("Error: ")
    assert "pin_incorrect" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_login_hides_its_memory_before_the_pin_is_in_it(server, kerege, monkeypatch):
    done = []

    def read(_source: str) -> Pin:
        done.append("read")
        return Pin("Secret-pin-1")

    monkeypatch.setattr(login_module, "hide_memory", lambda: done.append("hide"))
    monkeypatch.setattr(login_module, "read_pin", read)
    shown = kerege("security-server", "login", "--config", server / "server.toml")
    assert done == ["hide", "read"]
    assert "No server that can be reached runs in " in shown.output


def test_a_missing_anchor_is_said(server, pin_file):
    (server / "configuration-anchor.xml").unlink()
    shown = run_to_its_end(server, pin_file())
    assert shown.returncode == 1
    assert "anchor_file_not_found" in shown.stderr


def test_a_wrong_settings_file_is_said(server, kerege):
    config = server / "server.toml"
    config.write_text(config.read_text() + "[colour]\n")
    shown = kerege("security-server", "run", "--config", config)
    assert shown.exit_code == 1
    assert "unknown setting 'colour'" in shown.output


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TimeoutError(), "did not become ready in time"),
        (OSError(errno.ENOSPC, "No space left", "spool"), "spool: No space left"),
        (UnsuitableOpenSSLError("No hook.", advice="Use another."), "No hook."),
    ],
)
def test_a_server_that_does_not_start_says_why(error, message):
    assert message in start_failure(error).message


def test_a_worker_does_not_load_what_it_does_not_need():
    """Each of these is megabytes, in every worker, for as long as it runs."""
    started = WORKER.replace("main()", "")
    code = f"""{started}
heavy = {{"rich", "pygments", "alembic", "yaml", "sqlalchemy.dialects.postgresql", "aiohttp"}}
print(sorted(name for name in heavy if sys.modules.get(name)))
"""
    found = subprocess.run(
        [sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True
    )
    assert found.stdout == "[]\n"
