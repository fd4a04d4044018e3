"""A whole server: what it needs to start, what it does without, and PostgreSQL."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from kerege.exchange.keys import SoftwareToken
from kerege.exchange.keys.server_keys import internal_identity, server_keys
from kerege.exchange.security_server import upkeep as module
from kerege.exchange.security_server.metrics_text import render
from kerege.exchange.security_server.server import SecurityServer
from kerege.exchange.security_server.settings import (
    Configuration,
    Listen,
    Security,
    load_settings,
)
from kerege.exchange.storage import open_database
from kerege.exchange.storage.seen_messages_table import seen_messages
from kerege.sandbox.builder import build, configure, prepare
from kerege.sandbox.layout import (
    PORTAL,
    PORTAL_CLIENT,
    PROVIDER,
    REGISTER,
    TRUST_ADDRESS,
    Files,
    Ports,
)
from kerege.sandbox.services import start_services
from kerege.trust.key_kinds import KeyKind
from kerege.xroad.faults import XRoadError
from tests.ports import reserved_ports
from tests.postgres import needs_postgres

PIN = "20101190000000"


@pytest.fixture
def instance(tmp_path):
    with reserved_ports(Ports().shifted(23_500)) as ports:
        made = build(Files(tmp_path / "demo"), ports, kind=KeyKind.EC_P256)
        prepare(made)
        yield made


def server(instance, member, *, clock=None, **changes):
    folder = instance.files.server(member)
    token = SoftwareToken.open(folder / "token")
    token.login(instance.files.pin.read_text("ascii"))
    internal = internal_identity(folder)
    settings = replace(load_settings(folder / "server.toml"), **changes)
    return SecurityServer(
        settings,
        lambda intermediates: server_keys(token, internal, intermediates),
        **({"clock": clock} if clock else {}),
    )


async def call(instance, session, path=f"address-fact/{PIN}"):
    address = f"http://{PORTAL.address}:{instance.ports.client_http}"
    headers = {"X-Road-Client": PORTAL_CLIENT.path}
    async with session.get(
        f"{address}/r1/{PROVIDER.path}/{path}", headers=headers
    ) as answer:
        return answer.status, answer.headers.get("X-Road-Error"), await answer.text()


async def test_a_message_passes_and_can_be_downloaded(instance):
    async with AsyncExitStack() as stack:
        await start_services(stack, instance)
        await stack.enter_async_context(server(instance, PORTAL))
        await stack.enter_async_context(server(instance, REGISTER))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        assert (await call(instance, session))[:2] == (204, None)
        address = f"http://{PORTAL.address}:{instance.ports.client_http}"
        party = "xRoadInstance=central-server&memberClass=GOV&memberCode=70000001"
        for query, status in (
            (f"{party}&subsystemCode=portal&queryId=nothing", 404),
            (f"{party}&subsystemCode=portal", 400),
            (f"{party}&subsystemCode=stranger&queryId=x", 401),
        ):
            async with session.get(f"{address}/asic?{query}") as answer:
                assert answer.status == status
                assert answer.content_type == "text/plain"
        async with session.get(f"{address}/verificationconf") as answer:
            assert (answer.status, answer.content_type) == (200, "application/zip")


async def test_what_passes_and_what_runs_out_is_told_to_prometheus(instance):
    async with AsyncExitStack() as stack:
        await start_services(stack, instance)
        await stack.enter_async_context(server(instance, PORTAL))
        await stack.enter_async_context(server(instance, REGISTER))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        assert (await call(instance, session))[:2] == (204, None)
        samples = await told(instance, PORTAL)
        provider = await told(instance, REGISTER)
    passed = {"verdict": "2xx", "code": ""}
    assert samples("kerege_messages_total", side="client", **passed) == [1]
    assert provider("kerege_messages_total", side="server", **passed) == [1]
    now = datetime.now(UTC).timestamp()
    in_future = (
        "kerege_certificate_expiry_timestamp_seconds",
        "kerege_ocsp_response_expiry_timestamp_seconds",
        "kerege_global_configuration_expiry_timestamp_seconds",
    )
    for name in in_future:
        assert samples(name), name
        assert min(samples(name)) > now, name
    assert samples("kerege_certificate_expiry_timestamp_seconds", use="signing")
    just_now = (
        "kerege_ocsp_response_issued_timestamp_seconds",
        "kerege_global_configuration_last_success_timestamp_seconds",
        "kerege_state_timestamp_seconds",
    )
    for name in just_now:
        assert now - 600 < samples(name)[0] <= now, name
    assert samples("kerege_open_connections", port="client_http") == [0]
    assert samples("kerege_timestamping_failing_seconds") == [0]
    assert samples("kerege_message_log_unstamped_records") == [0]
    for folder in ("spool", "archive", "database"):
        assert samples("kerege_disk_free_bytes", folder=folder)[0] > 0
    assert samples("kerege_database_size_bytes")[0] > 4096
    assert samples("kerege_process_resident_memory_bytes")[0] > 10_000_000
    assert samples("kerege_build_info", protocol="7.8.0") == [1]


async def told(instance, member):
    """What a server's metrics say, by name and some labels."""
    folder = instance.files.server(member) / "spool" / "metrics"
    async with asyncio.timeout(60):
        while not list(folder.glob("state-*.json")):  # noqa: ASYNC110 - nothing would set an event
            await asyncio.sleep(0.01)
    text = render(folder).decode()
    assert PIN not in text
    families = list(text_string_to_metric_families(text))

    def values(name, **labels):
        return [
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    return values


@pytest.mark.parametrize("refuse", [True, False])
async def test_the_setting_decides_whether_replays_are_refused(instance, refuse):
    security = Security(refuse_replays=refuse, replay_window_seconds=600)
    strict = server(instance, REGISTER, security=security)
    async with AsyncExitStack() as stack:
        await start_services(stack, instance)
        await stack.enter_async_context(server(instance, PORTAL))
        await stack.enter_async_context(strict)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        for _ in range(2):
            assert (await call(instance, session))[:2] == (204, None)
        database = open_database(strict._settings.database_url)
        stack.callback(database.close)
        with database.read() as connection:
            claimed = connection.execute(select(seen_messages)).all()
    assert len(claimed) == (2 if refuse else 0)


async def test_a_hanging_ocsp_responder_does_not_stop_the_start(instance, monkeypatch):
    monkeypatch.setattr(module, "OCSP_START_SECONDS", 0.2)

    async def hang(_request):
        await asyncio.Event().wait()

    silent = web.Application()
    silent.router.add_post("/", hang)
    async with AsyncExitStack() as stack:
        await start_services(stack, instance, without={"ocsp"})
        runner = web.AppRunner(silent, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, TRUST_ADDRESS, instance.ports.ca_ocsp).start()
        await stack.enter_async_context(server(instance, PORTAL))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        status, code, text = await call(instance, session)
    assert (status, code) == (500, "server.clientproxy.ssl_authentication_failed")
    assert "No valid OCSP response" in text


async def test_without_any_configuration_there_is_no_server(instance):
    with pytest.raises(XRoadError):
        async with server(instance, PORTAL):
            pass


async def test_an_old_configuration_starts_a_server_that_refuses(instance):
    async with AsyncExitStack() as stack:
        await start_services(stack, instance)
        async with server(instance, PORTAL):
            pass
    later = datetime.now(UTC) + timedelta(hours=1)
    async with (
        server(instance, PORTAL, clock=lambda: later),
        aiohttp.ClientSession() as session,
    ):
        status, code, _ = await call(instance, session)
    assert (status, code) == (500, "server.clientproxy.global_conf_outdated")


async def test_a_folder_that_another_process_fills_is_enough(instance):
    async with AsyncExitStack() as stack:
        await start_services(stack, instance, without={"configuration"})
        with_client = AsyncExitStack()
        async with with_client:
            await start_services(
                with_client, instance, without={"ocsp", "tsa", "register"}
            )
            await with_client.enter_async_context(server(instance, PORTAL))
        await stack.enter_async_context(
            server(instance, PORTAL, configuration=Configuration(anchor=""))
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        status, code, _ = await call(instance, session, "address-fact/x")
    assert (status, code) == (500, "server.clientproxy.network_error")


async def test_a_switched_off_port_is_not_listened_on(instance):
    listen = Listen(
        client_http=f"{PORTAL.address}:{instance.ports.client_http}",
        client_https="",
        peer="",
        ocsp="",
    )
    async with AsyncExitStack() as stack:
        await start_services(stack, instance)
        running = server(instance, PORTAL, listen=listen)
        await stack.enter_async_context(running)
        assert running.ports == (instance.ports.client_http,)


@needs_postgres
@pytest.mark.postgres
async def test_one_setting_moves_a_server_to_postgresql(instance, postgres_url):
    database = open_database(postgres_url)
    with database.write() as connection:
        configure(connection, instance.ports, PORTAL)
    database.close()
    async with AsyncExitStack() as stack:
        await start_services(stack, instance)
        await stack.enter_async_context(server(instance, PORTAL, database=postgres_url))
        await stack.enter_async_context(server(instance, REGISTER))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        assert (await call(instance, session))[:2] == (204, None)
