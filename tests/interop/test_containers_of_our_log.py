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
from kerege.xroad.identifiers import ServiceId
from tests.interop.test_check_container import MISSING, check
from tests.soap_parts import RELATED, binary, envelope, multipart

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


SOAP_QUERY_ID = "asked-in-soap"


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
        await _ask_in_soap(demo, session)
        sides = ((PORTAL, PORTAL_CLIENT, ""), (REGISTER, PROVIDER, ""))
        soap_sides = ((PORTAL, PORTAL_CLIENT, "-soap"), (REGISTER, PROVIDER, "-soap"))
        for member, client, protocol in (*sides, *soap_sides):
            query_id = SOAP_QUERY_ID if protocol else answer.query_id
            query = (
                f"/asic?xRoadInstance={client.instance}"
                f"&memberClass={client.member_class}&memberCode={client.member_code}"
                f"&subsystemCode={client.subsystem_code}"
                f"&queryId={query_id}&force"
            )
            status, content = await caller.download(member, query)
            assert status == 200, content
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    kind = "request" if "-request-" in name else "response"
                    side = f"{member.server_code}{protocol}-{kind}"
                    path = folder / f"{side}.asice"
                    path.write_bytes(archive.read(name))
                    found[side] = path
        status, content = await caller.download(PORTAL, "/verificationconf")
        assert status == 200
        (folder / "verificationconf.zip").write_bytes(content)
    with zipfile.ZipFile(folder / "verificationconf.zip") as archive:
        archive.extractall(folder)
    return found


async def _ask_in_soap(demo: Demo, session: aiohttp.ClientSession) -> None:
    """Ask what the register provides, with an attachment that nobody needs."""
    codes = (PROVIDER.instance, PROVIDER.member_class, PROVIDER.member_code)
    service = ServiceId(*codes, PROVIDER.subsystem_code, "listMethods")
    content = envelope(PORTAL_CLIENT, service, SOAP_QUERY_ID)
    url = f"http://{PORTAL.address}:{demo.instance.ports.client_http}/"
    async with session.post(
        url,
        data=multipart(content, [binary(b"attached")]),
        headers={"Content-Type": RELATED, "SOAPAction": ""},
    ) as got:
        assert b"listMethodsResponse" in await got.read()


SIDES = [
    f"{server}{protocol}-{kind}"
    for server in ("SS1", "SS2")
    for protocol in ("", "-soap")
    for kind in ("request", "response")
]


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
