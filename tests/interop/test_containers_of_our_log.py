"""Containers from the logs of running servers, checked without our own code.

A whole instance is started, messages pass, their containers are downloaded from both
sides as anybody would, and `check_container.sh` judges them with openssl and xmlsec1.
Then `kerege verify` must say the same.
"""

import asyncio
import io
import subprocess
import sys
import zipfile

import aiohttp
import pytest

from kerege.sandbox.check import Caller
from kerege.sandbox.demo import Demo
from kerege.sandbox.layout import (
    PORTAL,
    PORTAL_CLIENT,
    PROVIDER,
    REGISTER,
    Ports,
)
from kerege.sandbox.people import register
from tests.interop.test_check_container import MISSING, check

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("containers")


@pytest.fixture(scope="module")
def downloads(folder):
    """Containers by name, and the shared parameters, of one message's two sides."""
    return asyncio.run(_download(folder))


async def _download(folder):
    ports = Ports().shifted(3000)
    found = {}
    async with (
        Demo(folder / "instance", lambda _: None, preferred=ports) as demo,
        aiohttp.ClientSession() as session,
    ):
        caller = Caller(demo, session)
        pin = next(iter(register().people))
        answer = await caller.call(PORTAL, PORTAL_CLIENT, f"family-members/{pin}")
        for member, client in ((PORTAL, PORTAL_CLIENT), (REGISTER, PROVIDER)):
            query = (
                f"/asic?xRoadInstance={client.instance}"
                f"&memberClass={client.member_class}&memberCode={client.member_code}"
                f"&subsystemCode={client.subsystem_code}"
                f"&queryId={answer.query_id}&force"
            )
            status, content = await caller.download(member, query)
            assert status == 200, content
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    kind = "request" if "-request-" in name else "response"
                    path = folder / f"{member.server_code}-{kind}.asice"
                    path.write_bytes(archive.read(name))
                    found[f"{member.server_code}-{kind}"] = path
        status, content = await caller.download(PORTAL, "/verificationconf")
        assert status == 200
        (folder / "verificationconf.zip").write_bytes(content)
    with zipfile.ZipFile(folder / "verificationconf.zip") as archive:
        archive.extractall(folder)
    return found


SIDES = ["SS1-request", "SS1-response", "SS2-request", "SS2-response"]


@pytest.mark.parametrize("name", SIDES)
def test_openssl_and_xmlsec_accept_it(downloads, folder, name):
    parameters = folder / "verificationconf" / "central-server" / "shared-params.xml"
    accepted, lines = check(downloads[name], parameters)
    assert accepted, lines


@pytest.mark.parametrize("name", SIDES)
def test_our_verifier_accepts_it(downloads, folder, name):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "kerege.cli",
            "verify",
            str(downloads[name]),
            "--configuration",
            str(folder / "verificationconf.zip"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
