"""Answers that a Java Security Server (7.8.0) gave, read by the client."""

import json
from pathlib import Path

import pytest

from kerege.exchange.client import AsyncClient, NotAnXRoadAnswer, XRoadFault
from kerege.exchange.client.advice import advice_for
from tests.exchange.client.servers import running
from tests.vectors import VECTORS, needs_vectors

pytestmark = needs_vectors
RECORDINGS = VECTORS / "xroad-live" / "recordings"
PORTAL = "TEST/COM/1234/Client"
SERVICE = "TEST/GOV/5678/Service/rest"


def recorded() -> list[Path]:
    """The REST cases; HEAD has no body though its header speaks of one."""
    if not RECORDINGS.is_dir():
        return []
    cases = sorted(RECORDINGS.glob("rest-*"))
    return [
        case
        for case in cases
        if (case / "client-response.http").exists()
        and not (case / "client-request.http").read_bytes().startswith(b"HEAD")
    ]


@pytest.mark.parametrize("case", recorded(), ids=lambda case: case.name)
async def test_a_recorded_answer_is_read_as_what_it_is(case):
    reply = (case / "client-response.http").read_bytes()
    head, _, _ = reply.partition(b"\r\n\r\n")
    names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")}
    async with running(reply) as server, AsyncClient(server.url, PORTAL) as xroad:
        if b"x-road-error" in names:
            with pytest.raises(XRoadFault) as caught:
                await xroad.get(SERVICE)
            assert f"X-Road-Error: {caught.value.code}".encode() in head
            assert caught.value.text
            assert caught.value.detail
        elif b"x-road-request-hash" in names:
            got = await xroad.get(SERVICE)
            assert got.status == int(head.split(b" ")[1])
            assert got.request_id
        else:  # a bare 400 of the HTTP server, or a SOAP fault for /r2/
            with pytest.raises(NotAnXRoadAnswer):
                await xroad.get(SERVICE)


def test_recorded_faults_have_advice():
    codes = set()
    for case in recorded():
        info = json.loads((case / "info.json").read_text())
        codes |= {line.partition(": ")[2] for line in info.get("error_header", [])}
    assert codes
    assert {code for code in codes if not advice_for(code)} == set()
