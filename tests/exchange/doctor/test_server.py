"""The server itself: down, not logged in, not ready, old. Real processes where it can."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kerege import __version__
from kerege.exchange.doctor import Severity
from kerege.exchange.doctor.process import running_server
from kerege.exchange.doctor.settings_checks import read_settings
from kerege.exchange.keys import KeyUsage
from kerege.exchange.processes import only_process
from kerege.sandbox.layout import REGISTER
from kerege.xroad.x509 import certificate_sha256
from tests.exchange.doctor.world import READY, World, only, texts

START_SECONDS = 60.0


@asynccontextmanager
async def server_process(world: World, event: str, *more: str) -> AsyncIterator[None]:
    """Run the real server until the block ends, from one of its events on."""
    pin = os.open(world.built.files.pin, os.O_RDONLY)
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kerege.cli", "security-server", "run"),
            *("--config", str(world.config), *more),
            *(("--pin-from", f"fd:{pin}") if not more else ()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=(pin,),
        )
    finally:
        os.close(pin)
    assert process.stdout
    seen = b""
    try:
        async with asyncio.timeout(START_SECONDS):
            while line := await process.stdout.readline():
                seen += line
                if line.startswith(b"{") and json.loads(line)["event"] == event:
                    break
            else:
                raise AssertionError(seen.decode())
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def test_nothing_is_wrong_with_a_real_server(world):
    async with world, server_process(world, "ready"):
        found = await world.examine()
    assert not found, texts(found)


async def test_a_real_server_after_a_new_certificate_and_a_changed_port(world):
    """What the settings and the token say now, and the server does not do yet."""
    host = REGISTER.address
    async with world, server_process(world, "ready"):
        made = world.renew(
            KeyUsage.AUTHENTICATION,
            lambda key: world.ca.issue_authentication(
                key, REGISTER.server_id, host=host
            ),
        )
        free = world.ports.provider
        world.write_settings(listen__ocsp=f"{host}:{free}")
        found = await world.examine()
    codes = {f.code for f in found}
    # Nobody has had the new one registered in this world's published configuration.
    assert codes == {"D-PORT-CERTIFICATE", "D-PORT-SILENT", "D-CERT-REGISTRATION"}, (
        texts(found)
    )
    silent = next(f for f in found if f.code == "D-PORT-SILENT")
    assert silent.subject == f"listen.ocsp {host}:{free}"
    old = next(f for f in found if f.code == "D-PORT-CERTIFICATE")
    assert certificate_sha256(made).hex()[:12] in old.what


async def test_a_real_server_that_has_no_pin(world):
    async with world, server_process(world, "ready", "--pin-from", "credential:pin"):
        found = await world.examine()
    wrong = [f for f in found if f.code == "D-SERVER-LOGIN"]
    assert len(wrong) == 1, texts(found)
    assert "kerege security-server login" in wrong[0].advice
    assert wrong[0].severity is Severity.ERROR


async def test_a_server_that_is_not_ready_names_what_it_misses(world):
    problem = {"what": "No database", "advice": "Start it."}
    state = READY | {"ready": False, "workers": [{"problems": [problem]}] * 2}
    async with world, world.running(state=state):
        found = await world.examine()
    wrong = only(
        found, "D-SERVER-READY", "SS2", "It says: No database.", is_running=True
    )
    assert wrong.advice == "Start it."


async def test_a_server_that_does_not_answer(world):
    async with world, world.running(without=("operators",)):
        found = await world.examine()
    only(found, "D-SERVER-HANGS", "SS2", "No such file", is_running=True)


async def test_a_server_that_was_upgraded_and_not_restarted(world):
    async with world, world.running(state=READY | {"version": "0.0.9"}):
        found = await world.examine()
    wrong = only(
        *(found, "D-SERVER-VERSION", "SS2", "It is version 0.0.9; "),
        severity=Severity.WARNING,
        is_running=True,
    )
    assert __version__ in wrong.what


async def test_a_stopped_server(world):
    async with world:
        found = await world.examine()
    (down,) = found
    assert down.code == "D-SERVER-DOWN"
    assert "systemctl start" in down.advice
    assert down.severity is Severity.ERROR


def test_the_lock_of_a_running_server_is_only_looked_at(world):
    settings = read_settings(world.config)
    assert running_server(settings) is None
    with only_process(settings.lock_file):
        running = running_server(settings)
    assert running is not None
    assert running.process == os.getpid()
    assert running_server(settings) is None
