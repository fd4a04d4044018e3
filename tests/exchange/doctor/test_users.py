"""The doctor called by somebody who may not: real users' rights, taken from root."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from kerege.exchange.doctor.catalogue import all_codes
from kerege.sandbox.layout import REGISTER
from tests.exchange.doctor.world import World

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="only root can give its rights away, by setpriv",
)
SOMEBODY_ELSE = 1


async def examined_without(world: World, *capabilities: str) -> list[dict[str, str]]:
    """Let the doctor look as a root who lacks some of its rights."""
    lacks = ",".join(f"-{name}" for name in capabilities)
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--bounding-set", lacks, "--inh-caps", lacks),
        *(sys.executable, "-m", "kerege.cli", "doctor", "--json"),
        *("--config", str(world.config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert err == b""
    assert process.returncode == 2
    found = json.loads(out)["findings"]
    return [f for f in found if f["severity"] in ("error", "warning")]


@needs_root
@pytest.mark.parametrize("what", ["server.toml", "token"])
async def test_files_of_another_user_are_one_finding_and_not_twenty(world, what):
    path = world.folder / what
    path.chmod(0o700)
    os.chown(path, SOMEBODY_ELSE, SOMEBODY_ELSE)
    async with world:
        found = await examined_without(world, "dac_override", "dac_read_search")
    assert [f["code"] for f in found] == ["D-USER"]
    assert found[0]["subject"] == str(path)
    assert "kerege doctor -c" in found[0]["advice"]


@needs_root
async def test_a_port_that_this_user_may_not_have(world):
    if least_free_port() <= 81:
        pytest.skip("everybody may listen everywhere here")
    world.write_settings(listen__client_http=f"{REGISTER.address}:81")
    async with world:
        found = await examined_without(world, "net_bind_service")
    assert [f["code"] for f in found] == ["D-SERVER-DOWN", "D-PORT-FORBIDDEN"]
    assert found[1]["subject"] == f"listen.client_http {REGISTER.address}:81"
    assert "CAP_NET_BIND_SERVICE" in found[1]["advice"]


def least_free_port() -> int:
    return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())


def test_every_code_is_seeded_by_a_test():
    """What nobody has broken for real, nobody knows that it is found."""
    texts = [p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("t*.py")]
    unseeded = [
        code.name
        for code in all_codes()
        if not any(f'"{code.name}"' in text for text in texts)
    ]
    assert not unseeded
