"""Settings, ports and clock that are wrong, each alone."""

import asyncio
import json
import os
from dataclasses import replace
from datetime import timedelta

import pytest

from kerege.exchange.doctor import Limits, Severity, examine
from kerege.exchange.keys import KeyUsage
from kerege.sandbox.layout import REGISTER
from kerege.xroad.x509 import certificate_sha256
from tests.exchange.doctor.world import PATIENT, now, only, sent_back, texts


async def test_a_missing_settings_file(world):
    world.config.unlink()
    found = await world.examine()
    assert [f.code for f in found] == ["D-SETTINGS-MISSING"]
    assert found[0].subject == str(world.config)
    assert "--config" in found[0].advice


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("identifier = ", "is not TOML"),
        ('identifer = "A/B/C/D"', "nknown setting 'identifer'"),
        ('database = "sqlite:///x.db"', "etting 'identifier' is missing"),
        ('identifier = "A/B/C/D"\n[listen]\npeer = 5500', "must be of type str"),
    ],
)
async def test_a_settings_file_that_cannot_be_used(world, text, said):
    world.config.write_text(text)
    found = await world.examine()
    assert [f.code for f in found] == ["D-SETTINGS-WRONG"]
    assert said in found[0].what
    assert found[0].subject == str(world.config)


async def test_a_clock_that_is_behind_by_minutes(world):
    async with world:
        found = await world.examine(clock=sent_back(300))
    wrong = only(found, "D-CLOCK-APART", "this machine", "5 minutes behind")
    assert "timedatectl" in wrong.advice


async def test_a_clock_that_is_ahead_by_seconds_warns(world):
    async with world:
        found = await world.examine(clock=lambda: now() + timedelta(seconds=30))
    only(
        *(found, "D-CLOCK-APART", "this machine", "seconds ahead of"),
        severity=Severity.WARNING,
    )


async def test_the_clock_of_somebody_else(make_world):
    world = make_world(clocks={"tsa": lambda: now() + timedelta(seconds=90)})
    async with world:
        found = await world.examine()
    only(
        *(found, "D-CLOCK-OTHER", f":{world.ports.tsa}", "seconds ahead of ours"),
        severity=Severity.WARNING,
    )


async def test_a_port_that_another_program_has(world):
    port = world.ports.peer
    taken = await asyncio.start_server(lambda _r, w: w.close(), REGISTER.address, port)
    async with taken, world:
        found = await world.examine()
    where = f"listen.peer {REGISTER.address}:{port}"
    wrong = only(found, "D-PORT-TAKEN", where, "In use by")
    assert f"process {os.getpid()}" in wrong.what


async def test_an_address_that_this_machine_does_not_have(world):
    world.write_settings(listen__client_http="192.0.2.1:8080")
    async with world:
        found = await world.examine()
    only(found, "D-PORT-ADDRESS", "192.0.2.1:8080", "does not have 192.0.2.1")


async def test_an_address_that_is_none(world):
    world.write_settings(listen__ocsp="5577")
    async with world:
        found = await world.examine()
    only(found, "D-PORT-ADDRESS", "listen.ocsp", "not of the form host:port")


async def test_a_running_server_that_is_silent_on_a_port(world):
    async with world, world.running(without=("client_https",)):
        found = await world.examine()
    only(
        *(found, "D-PORT-SILENT", "listen.client_https", "Connection refused"),
        is_running=True,
    )


async def test_a_running_server_that_shows_an_old_certificate(world):
    host = REGISTER.address
    async with world.running():
        new = world.renew(
            KeyUsage.AUTHENTICATION,
            lambda key: world.ca.issue_authentication(
                key, REGISTER.server_id, host=host
            ),
        )
        async with world:
            found = await world.examine()
    (wrong,) = (f for f in found if f.code == "D-PORT-CERTIFICATE")
    assert certificate_sha256(new).hex()[:12] in wrong.what
    assert "listen.peer" in wrong.subject
    assert "kerege security-server reload" in wrong.advice


async def test_a_server_that_is_found_nowhere(make_world):
    world = make_world(change_shared=lambda shared: _with_address(shared, "127.0.0.99"))
    async with world, world.running():
        found = await world.examine()
    only(
        *(found, "D-SERVER-ADDRESS", "127.0.0.99", "Connection refused"),
        severity=Severity.WARNING,
        is_running=True,
    )


async def test_an_address_that_leads_to_another_server(make_world):
    world = make_world(change_shared=lambda shared: _with_address(shared, "127.0.0.11"))
    async with world, world.running():
        found = await world.examine()
    only(
        *(found, "D-SERVER-ADDRESS", "127.0.0.11", "Another server answers there"),
        severity=Severity.WARNING,
        is_running=True,
    )


async def test_a_server_that_is_not_registered(make_world):
    world = make_world(change_shared=_without_register)
    async with world:
        found = await world.examine()
    wrong = only(found, "D-SERVER-REGISTRATION", "GOV/70000050/SS2", "not registered")
    assert "operator of the instance" in wrong.advice


async def test_a_check_that_does_not_end_is_a_finding(world):
    async with world:
        found = await world.examine(limits=Limits(check_seconds=0.0))
    assert {f.code for f in found} == {"D-CHECK-TIMEOUT"}
    assert "ports" in {f.subject for f in found}


async def test_a_check_that_crashes_is_a_finding(world):
    class Broken:
        def token(self, _settings, _at):
            raise ZeroDivisionError("KG1 20101196379439")

        has_pin = False

        def internal(self, _settings):
            return None

    async with world:
        found = await examine(world.config, Broken(), limits=PATIENT)
    crashed = [f for f in found if f.code == "D-CHECK-CRASHED"]
    assert "keys" in {f.subject for f in crashed}
    assert all("ZeroDivisionError in " in f.what for f in crashed)
    assert "20101196379439" not in texts(found) + json.dumps([f.what for f in found])


def _with_address(shared, address):
    servers = tuple(
        replace(server, address=address)
        if server.code == REGISTER.server_code
        else server
        for server in shared.security_servers
    )
    return replace(shared, security_servers=servers)


def _without_register(shared):
    servers = tuple(
        s for s in shared.security_servers if s.code != REGISTER.server_code
    )
    return replace(shared, security_servers=servers)
