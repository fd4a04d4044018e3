"""Fetching over real HTTP on loopback."""

import asyncio
import gzip

import pytest
from aiohttp import web

from kerege.exchange.configuration import (
    ConfigurationClient,
    ConfigurationSettings,
    FetcherSettings,
    fetcher as fetcher_module,
)
from kerege.exchange.configuration.fetcher import HttpFetcher
from kerege.xroad.faults import XRoadError
from tests.exchange.configuration.servers import running, serving
from tests.xroad.globalconf.central import NOW, CentralServer

FAILURE = "global_conf_download_url_connection_failure"


async def refused(url: str, limit: int = 1000) -> XRoadError:
    fetcher = HttpFetcher()
    try:
        with pytest.raises(XRoadError) as error:
            await fetcher.get(url, limit=limit)
    finally:
        await fetcher.aclose()
    assert error.value.code == FAILURE
    return error.value


async def test_an_answer_is_read_whatever_its_status() -> None:
    async with serving({"/a": b"content", "/b": 503}) as server:
        fetcher = HttpFetcher()
        found = await fetcher.get(f"{server.url}/a?version=6", limit=7)
        assert (found.status, found.body) == (200, b"content")
        assert (await fetcher.get(f"{server.url}/b", limit=100)).status == 503
        assert (await fetcher.get(f"{server.url}/c", limit=100)).status == 404
        await fetcher.aclose()
        again = await fetcher.get(f"{server.url}/a", limit=7)
        assert again.body == b"content"
        await fetcher.aclose()
    assert server.asked[0] == "/a?version=6"


async def test_a_long_answer_is_not_read_to_its_end() -> None:
    async with serving({"/long": b"x" * 1_000_000}) as server:
        error = await refused(f"{server.url}/long", limit=999_999)
        assert "longer than 999999 bytes" in error.message


async def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    async with serving({"/bomb": bomb}) as server:
        fetcher = HttpFetcher()
        found = await fetcher.get(f"{server.url}/bomb", limit=20_000)
        assert found.body == bomb
        await fetcher.aclose()


async def test_a_port_where_nobody_listens_is_a_fault() -> None:
    async with serving() as server:
        url = server.url
    assert url in (await refused(url)).message


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "ftp://host/", "http://", "http://[", "/relative"]
)
async def test_what_is_no_web_address_is_a_fault(url: str) -> None:
    await refused(url)


async def test_tls_to_a_server_that_has_none_is_a_fault() -> None:
    async with serving({"/": b"x"}) as server:
        await refused(server.url.replace("http:", "https:"))


def test_time_limits_come_from_the_settings() -> None:
    patience = FetcherSettings(1.5, 2.5).patience(1_750_000)
    assert (patience.connect, patience.silence) == (1.5, 2.5)
    assert patience.total == 14


async def test_a_server_that_drips_is_left_before_its_answer_is_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetcher_module, "MIN_BYTES_PER_SECOND", 1_000_000)
    dripped = []

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            dripped.append(1)
            await asyncio.sleep(0.01)

    async with running(drip) as url:
        fetcher = HttpFetcher(FetcherSettings(0.5, 0.5))
        with pytest.raises(XRoadError) as error:
            await fetcher.get(url, limit=100_000)
        await fetcher.aclose()
    assert error.value.code == FAILURE
    assert "too long" in error.value.message
    assert dripped


async def test_a_whole_round_over_real_http(tmp_path) -> None:
    async with serving() as server:
        central = CentralServer(url=f"{server.url}/internalconf", version=4)
        server.answers = {
            url.removeprefix(server.url): answer
            for url, answer in central.publish().items()
        }
        client = ConfigurationClient(
            central.anchor, ConfigurationSettings(tmp_path), clock=lambda: NOW
        )
        await client.update()
        await client.aclose()
    client.current().require_current(NOW)
    directories = [path for path in server.asked if "version=" in path]
    assert [path[-1] for path in directories] == ["6", "5", "4"]
