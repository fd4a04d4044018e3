"""Authorities are asked over HTTP, one after the other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from kerege.exchange.messagelog import TimestampClient, timestamp_client
from kerege.trust.tsa import time_stamping_unit, timestamp_response
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.timestamp import timestamp_request, verify_timestamp
from tests.exchange.messagelog.authority import NOON, ca, tsa_certificates
from tests.exchange.messagelog.world import raises

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve a handler on a port of the loopback; returns its address."""
    runners: list[web.AppRunner] = []

    async def start(handler: Handler) -> str:
        server = web.Server(handler, handler_cancellation=True)
        runner = web.ServerRunner(server, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}/tsa"

    yield start
    for runner in runners:
        await runner.cleanup()


async def good(request: web.Request) -> web.Response:
    assert request.method == "POST"
    assert request.content_type == "application/timestamp-query"
    unit = time_stamping_unit(ca())
    body = timestamp_response(await request.read(), unit, at=NOON, serial=1)
    return web.Response(body=body, content_type="application/timestamp-reply")


async def other_data(_request: web.Request) -> web.Response:
    asked = timestamp_request(SHA512.of(b"something else"), SHA512)
    unit = time_stamping_unit(ca())
    return web.Response(body=timestamp_response(asked, unit, at=NOON, serial=1))


async def rejection(_request: web.Request) -> web.Response:
    unit = time_stamping_unit(ca())
    return web.Response(body=timestamp_response(b"junk", unit, at=NOON, serial=1))


async def busy(_request: web.Request) -> web.Response:
    return web.Response(status=503, reason="Busy")


async def redirect(_request: web.Request) -> web.Response:
    raise web.HTTPTemporaryRedirect("http://127.0.0.1:1/")


async def nonsense(_request: web.Request) -> web.Response:
    return web.Response(body=b"<html>Welcome</html>")


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(8):
        await response.write(bytes(64 * 1024))
    return response


async def silent(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def hangs_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def client(*urls: str, **options: float) -> TimestampClient:
    return TimestampClient(lambda: urls, tsa_certificates, **options)  # type: ignore[arg-type]  # by name


async def test_the_first_authority_that_answers_wins(serve: Serve):
    one, two = client(await serve(good)), client(await serve(busy), await serve(good))
    for asking in (one, two):
        token = await asking.stamp(b"data")
        verify_timestamp(token, b"data", tsa_certificates())
        await asking.close()
    statuses = list(two.statuses.values())
    assert statuses[0].error is not None
    assert statuses[0].error.code == "mlog.timestamping_non_ok_response"
    assert statuses[1].error is None


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (busy, "mlog.timestamping_non_ok_response"),
        (redirect, "mlog.timestamping_non_ok_response"),
        (nonsense, "mlog.reading_timestamp_response_failed"),
        (endless, "mlog.reading_timestamp_response_failed"),
        (rejection, "mlog.timestamp_non_granted_response"),
        (other_data, "mlog.timestamp_response_validation_failed"),
        (hangs_up, "mlog.timestamp_provider_connection_failed"),
        (silent, "mlog.timestamp_request_timed_out"),
    ],
)
async def test_each_authority_has_its_own_reason(
    serve: Serve, handler: Handler, code: str
):
    url = await serve(handler)
    asking = client(url, read_seconds=0.05 if handler is silent else 10)
    with pytest.raises(XRoadError) as caught:
        await asking.stamp(b"data")
    await asking.close()

    assert caught.value.code == "timestamping_failed"
    assert code in caught.value.advice
    error = asking.statuses[url].error
    assert error is not None
    assert error.code == code


async def test_a_password_in_an_address_is_sent_and_never_shown(serve: Serve):
    asked: list[str] = []

    async def guarded(request: web.Request) -> web.Response:
        asked.append(request.headers["Authorization"])
        return web.Response(status=401, reason="No")

    urls = [
        (await serve(guarded)).replace("//", "//office:s3cret@"),
        "http://office:s3cret@127.0.0.1:1/",
        "ftp://office:s3cret@host/",
        "office:s3cret@host",
        "http://office:s3cret@[::1",
    ]
    asking = client(*urls)
    with capture_logs() as logs, pytest.raises(XRoadError) as caught:
        await asking.stamp(b"data")
    await asking.close()
    assert asked == ["Basic b2ZmaWNlOnMzY3JldA=="]
    assert len(logs) == len(urls)
    said = f"{logs} {caught.value.message} {caught.value.advice}"
    said += "".join(str(status.error) for status in asking.statuses.values())
    assert "s3cret" not in said
    assert "office" not in said
    assert "http://***@127.0.0.1:1/" in said


async def test_nobody_listens(unused_tcp_port: int):
    url = f"http://127.0.0.1:{unused_tcp_port}/"
    asking = client(url)
    with raises("timestamping_failed"):
        await asking.stamp(b"data")
    await asking.close()

    error = asking.statuses[url].error
    assert error is not None
    assert error.code == "mlog.timestamp_provider_connection_failed"


@pytest.mark.parametrize(
    "url",
    [
        *("", "tsa", "ftp://host/", "http://", "http://[::1"),
        *("http://tsa..example/", "http://.kg/", f"http://{'a' * 64}.kg/"),
    ],
)
async def test_an_address_that_is_none(url: str):
    asking = client(url)
    with raises("timestamping_failed"):
        await asking.stamp(b"data")
    await asking.close()

    error = asking.statuses[url].error
    assert error is not None
    assert error.code == "mlog.malformed_timestamp_server_url"


async def test_an_address_that_nobody_can_look_up_does_not_keep_others_from_answering(
    serve: Serve,
):
    asking = client("http://tsa..example/", await serve(good))
    assert await asking.stamp(b"data")
    await asking.close()


async def test_an_authority_that_is_not_approved(serve: Serve):
    url = await serve(good)
    asking = TimestampClient(lambda: [url], lambda: [ca().ocsp.certificate])
    with raises("timestamping_failed"):
        await asking.stamp(b"data")
    await asking.close()

    error = asking.statuses[url].error
    assert error is not None
    assert error.code == "mlog.tsp_certificate_not_found"


async def test_an_outdated_configuration_gives_no_time_stamp(serve: Serve):
    def outdated() -> list[object]:
        raise XRoadError("global_conf_outdated", "Global configuration is not valid")

    url = await serve(good)
    asking = TimestampClient(lambda: [url], outdated)  # type: ignore[arg-type]  # it raises
    with raises("global_conf_outdated"):
        await asking.stamp(b"data")
    await asking.close()


async def test_without_a_service_there_is_nobody_to_ask():
    asking = client()
    assert not asking.is_configured
    with raises("mlog.no_timestamping_provider_found"):
        await asking.stamp(b"data")
    await asking.close()


async def test_the_status_of_a_service_that_was_removed_is_forgotten(serve: Serve):
    urls = [await serve(busy), await serve(good)]
    asking = TimestampClient(lambda: urls, tsa_certificates)
    await asking.stamp(b"data")
    assert len(asking.statuses) == 2
    urls = urls[1:]
    await asking.stamp(b"data")
    await asking.close()

    assert list(asking.statuses) == urls


async def test_an_answer_at_the_bound_is_read(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    asking = client(await serve(good))
    token = await asking.stamp(b"data")
    monkeypatch.setattr(timestamp_client, "MAX_RESPONSE_BYTES", len(token) // 2)
    with raises("timestamping_failed"):
        await asking.stamp(b"data")
    await asking.close()
