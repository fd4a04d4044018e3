"""An application forgets a code, and a personal code stands in its place.

It is answered as always, and the answer may quote it. No log line, no metric and no
line of the live view has it, on neither side.
"""

from dataclasses import replace

import pytest

from kerege.cli.message_events import log_exchange
from kerege.exchange.security_server.known_names import (
    MAX_REMEMBERED,
    NOT_TOLD,
    KnownNames,
)
from kerege.exchange.security_server.metrics import Metrics
from kerege.exchange.security_server.metrics_text import render
from kerege.xroad.identifiers import ClientId, ServiceId
from tests.attacks.messages import REQUEST
from tests.attacks.stage import CONSUMER, PROVIDER
from tests.server_parts import rights

PIN = "20101199012345"
PROVIDER_PATH = "TEST/GOV/5678/Service"


@pytest.fixture
def told(stage, tmp_path):
    """Return all that operators see of what has passed so far."""

    def everything():
        pair = stage.pair
        for side in (pair.consumer, pair.provider):
            metrics = Metrics(tmp_path / "metrics", side.server_id.server_code)
            for exchange in side.exchanges:
                metrics.observe(exchange)
                log_exchange(exchange)
        return f"{stage.logs}{render(tmp_path / 'metrics').decode()}"

    return everything


PATHS = {
    "for the service": f"{PROVIDER_PATH}/{PIN}",
    "behind a forgotten subsystem": f"TEST/GOV/5678/echo/{PIN}",
    "for the subsystem": f"TEST/GOV/5678/{PIN}/echo",
    "for the member": f"TEST/GOV/{PIN}/Service/echo",
    "for the class": f"TEST/{PIN}/5678/Service/echo",
    "for the instance": f"{PIN}/GOV/5678/Service/echo",
    "everywhere": "/".join([PIN] * 5),
    "with too few codes": f"TEST/GOV/5678/{PIN}",
    "in a code that is not UTF-8": f"{PROVIDER_PATH}/{PIN}%FF",
    "with forbidden characters": f"{PROVIDER_PATH}/{PIN}%3B%00",
    "with what must be quoted": f"TEST/GOV/%22{PIN}%0A'%D1%91/Service/echo",
    "where it should be": f"{PROVIDER_PATH}/nothing/{PIN}?pin={PIN}",
}


@pytest.mark.parametrize("place", PATHS)
async def test_in_the_path(stage, told, place):
    answer = await stage.pair.send("GET", f"/r1/{PATHS[place]}")
    assert answer.get("x-road-error")
    assert PIN not in told()
    await stage.succeeds()


HEADERS = {
    "for the subsystem": {"X-Road-Client": f"TEST/COM/1234/{PIN}"},
    "for the member": {"X-Road-Client": f"TEST/COM/{PIN}/Client"},
    "for the whole client": {"X-Road-Client": PIN},
    "behind the client": {"X-Road-Client": f"TEST/COM/1234/Client/{PIN}"},
    "in a client that is not encoded": {"X-Road-Client": f"TEST/COM/{PIN}%zz/x"},
    "for the server": {"X-Road-Security-Server": f"TEST/GOV/5678/{PIN}"},
    "for no server": {"X-Road-Security-Server": PIN},
    "for the represented": {"X-Road-Represented-Party": f"COM/{PIN}/x"},
    "for the user": {"X-Road-UserId": PIN, "X-Road-Client": "TEST/COM/9/Nobody"},
}


@pytest.mark.parametrize("place", HEADERS)
async def test_in_a_header(stage, told, place):
    answer = await stage.pair.send("GET", "echo", headers=HEADERS[place])
    assert answer.get("x-road-error")
    assert PIN not in told()
    await stage.succeeds()


@pytest.mark.parametrize("trouble", ["no service", "no server", "denied"])
async def test_in_its_place_while_something_is_wrong(stage, told, trouble):
    pair = stage.pair
    if trouble == "no service":
        pair.offer("people", url="http://127.0.0.1:1/base")
    elif trouble == "denied":
        pair.offer("people", to=())
    else:
        pair.consumer.runtime.settings = replace(
            pair.consumer.runtime.settings,
            peers=replace(pair.consumer.runtime.settings.peers, port=1),
        )
    headers = {"X-Road-UserId": f"EE{PIN}", "X-Road-Represented-Party": f"COM/{PIN}"}
    answer = await pair.send("POST", f"people/{PIN}?q={PIN}", headers, PIN.encode())
    assert answer.get("x-road-error")
    assert PIN not in told()


@pytest.mark.parametrize("place", PATHS)
async def test_in_what_another_server_sends(stage, told, place):
    letter = stage.author.request(stage.echo)
    block = letter.of(REQUEST).replace(
        stage.echo.encode(), f"/r1/{PATHS[place]}".encode()
    )
    answer = await stage.pair.provider.peer_call(
        letter.with_content(REQUEST, block).posted(),
        stage.pair.instance.consumer.identity,
    )
    assert b"<faultcode>" in answer.body
    assert PIN not in told()
    await stage.succeeds()


async def test_in_the_client_that_another_server_speaks_for(stage, told):
    stranger = ClientId("TEST", "COM", "1234", PIN)
    code = f"{PROVIDER}.service_failed.ssl_authentication_failed"
    await stage.peer_refuses(code, stage.author.request(stage.echo, client=stranger))
    assert PIN not in told()


async def test_as_much_is_named_as_is_known(stage):
    for path, name in (
        (f"{PROVIDER_PATH}/{PIN}", f"SERVICE:{PROVIDER_PATH}/?"),
        (f"TEST/GOV/5678/echo/{PIN}", "SERVICE:TEST/GOV/5678/?/?"),
        (f"TEST/GOV/{PIN}/Service/echo", "?"),
    ):
        await stage.pair.send("GET", f"/r1/{path}")
        told = stage.pair.consumer.exchanges[-1]
        assert (told.client, told.service) == (
            f"SUBSYSTEM:{stage.pair.client.short}",
            name,
        )
    for client, name in (
        (f"TEST/COM/1234/{PIN}", "SUBSYSTEM:TEST/COM/1234/?"),
        (f"TEST/COM/{PIN}/Client", "?"),
    ):
        await stage.pair.send("GET", "echo", headers={"X-Road-Client": client})
        assert stage.pair.consumer.exchanges[-1].client == name


async def test_the_reason_is_told_without_what_is_not_known(stage):
    await stage.refuses(f"{CONSUMER}.unknown_member", f"/r1/TEST/GOV/5678/{PIN}/echo")
    await stage.refuses(f"{PROVIDER}.unknown_service", PIN)
    await stage.refuses(f"{CONSUMER}.internal_error", f"/r1/{PIN}/x/y/z/")
    server = {"X-Road-Security-Server": f"TEST/GOV/5678/{PIN}"}
    await stage.refuses(f"{CONSUMER}.invalid_security_server", headers=server)
    await stage.refuses(f"{CONSUMER}.unknown_member", "/r1/FAR/GOV/1/x/echo")
    unknown, service, unreadable, no_server, far = (
        (line["reason"], line["advice"])
        for line in stage.logs
        if line["event"] == "message failed" and line["reason"]
    )
    assert '"SUBSYSTEM:TEST/GOV/5678/?"' in unknown[0]
    assert service == (f"Unknown service: SERVICE:{PROVIDER_PATH}/?", None)
    assert unreadable == (NOT_TOLD, None)
    assert no_server[0] == 'Could not find security server "?"'
    assert far == ('Could not find addresses for service provider "?"', None)


async def test_a_service_is_named_by_the_consumer_once_an_answer_has_come(stage):
    async def failed():
        known, stage.pair.provider.rights = stage.pair.provider.rights, rights([])
        await stage.pair.send("GET", "echo")
        stage.pair.provider.rights = known
        return stage.pair.consumer.exchanges[-1].service

    assert await failed() == f"SERVICE:{PROVIDER_PATH}/?"
    await stage.succeeds()
    assert stage.pair.consumer.exchanges[-1].service == f"SERVICE:{PROVIDER_PATH}/echo"
    assert await failed() == f"SERVICE:{PROVIDER_PATH}/echo"


def test_what_is_remembered_is_bounded(stage):
    runtime = stage.pair.consumer.runtime
    names = KnownNames(runtime.configuration, runtime.server_configuration)
    for number in range(5 * MAX_REMEMBERED):
        service = ServiceId("TEST", "GOV", "5678", "Service", f"s{number}")
        assert names.service(service, has_passed=True) == str(service)
        names.client(ClientId("TEST", "COM", "1234", f"c{number}"))
    assert len(names._passed) <= MAX_REMEMBERED
    assert len(names._names) <= 2 * MAX_REMEMBERED
