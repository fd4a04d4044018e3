"""Areas gconf-client and gconf-downloader, over HTTP on loopback."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kerege.exchange.configuration import (
    Answer,
    ConfigurationClient,
    ConfigurationSettings,
    FetcherSettings,
    configuration_files,
)
from kerege.exchange.configuration.fetcher import HttpFetcher
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import Anchor, AnchorSource, SharedParameters
from kerege.xroad.globalconf.sources import Location, VersionRange, prefer_https
from kerege.xroad.x509 import certificate_der
from tests.conformance.stores import identity
from tests.exchange.configuration.servers import LoopbackServer, serving
from tests.vectors import Row, needs_vectors, rows, xroad_path

pytestmark = needs_vectors

BEFORE = datetime(2016, 1, 1, tzinfo=UTC)
UPSTREAM = "src/test/resources/"
"""Where upstream's tests find the directories that private parameters name."""


class UpstreamFetcher(HttpFetcher):
    """Finds upstream's relative paths on the loopback server."""

    def __init__(self, server: LoopbackServer) -> None:
        super().__init__()
        self.server = server

    async def get(self, url: str, *, limit: int) -> Answer:
        if not url.startswith("http"):
            url = f"{self.server.url}/{url.removeprefix(UPSTREAM).removeprefix('/')}"
        return await super().get(url, limit=limit)


def answers_of(row: Row) -> dict[str, bytes | int]:
    """Serve the row's directory and its files, and the one that it refers to."""
    directory = row.inputs[0]
    answers: dict[str, bytes | int] = {f"/{Path(directory).name}": row.read(0)}
    for index, name in enumerate(row.inputs[1:-1], start=1):
        answers[f"/{Path(name).name}"] = row.read(index)
    referred = xroad_path("configuration-client/test-conf-simple.txt")
    answers[f"/{referred.name}"] = referred.read_bytes()
    return answers


@pytest.mark.parametrize("row", rows("gconf-client"))
async def test_a_configuration_is_downloaded(row: Row, tmp_path: Path) -> None:
    certificate = certificate_der(identity(row.inputs[-1]).certificate)
    async with serving(answers_of(row)) as server:
        url = f"{server.url}/{Path(row.inputs[0]).name}"
        client = ConfigurationClient(
            Anchor("EE", (AnchorSource(url, (certificate,)),)),
            ConfigurationSettings(tmp_path, versions=VersionRange(fixed=2)),
            fetcher=UpstreamFetcher(server),
            clock=lambda: BEFORE,
        )
        try:
            if row.expected == "fail":
                with pytest.raises(XRoadError) as refused:
                    await client.update()
                assert refused.value.code == row.error_code
                assert not configuration_files(tmp_path)
                return
            await client.update()
        finally:
            await client.aclose()
    expected = row.notes.removeprefix("received parts ").lower().split(", ")
    names = {name.replace("parameters", "params") + ".xml" for name in expected}
    assert set(configuration_files(tmp_path)) == {f"EE/{name}" for name in names}
    assert client.current().expires == datetime(2026, 5, 20, 17, 42, 55, tzinfo=UTC)
    assert f"{Path(row.inputs[0]).name}?version=2" in client.status.source_url


CASES = ("loc1", "loc2", "loc3")
ALL_FAILING = [f"{s}://www.example.com/{c}" for s in ("http", "https") for c in CASES]


class Recorder:
    """Upstream's recorder: every location fails but those that are told to work."""

    def __init__(self, *working: str) -> None:
        self.working = working
        self.asked: list[str] = []

    async def get(self, url: str, *, limit: int) -> Answer:
        self.asked.append(url)
        if url in self.working:
            directory = xroad_path("signed-directories/public/V3/internalconf")
            return Answer(200, directory.read_bytes())
        if url.startswith("https://x-road.global/V3/"):
            path = url.removeprefix("https://x-road.global/")
            part = xroad_path(f"signed-directories/public/{path}")
            return Answer(200, part.read_bytes())
        raise XRoadError("global_conf_download_url_connection_failure", url)

    async def aclose(self) -> None:
        """Nothing is open."""


def recorded_client(
    recorder: Recorder, urls: list[str], tmp_path: Path
) -> ConfigurationClient:
    folder = "signed-directories/public/V3/20240408142911166434000"
    parameters = xroad_path(f"{folder}/shared-params.xml").read_bytes()
    shared = SharedParameters.from_xml(parameters, version=3)
    certificates = shared.sources[0].internal_verification_certificates
    return ConfigurationClient(
        Anchor("CS", tuple(AnchorSource(url, certificates) for url in urls)),
        ConfigurationSettings(tmp_path, versions=VersionRange(fixed=3)),
        fetcher=recorder,
        clock=lambda: datetime(2030, 1, 1, tzinfo=UTC),
        shuffle=list.reverse,
    )


async def random_order(tmp_path: Path) -> None:
    recorder = Recorder()
    with pytest.raises(XRoadError) as refused:
        await recorded_client(recorder, ALL_FAILING, tmp_path).update()
    assert refused.value.code == "global_conf_download_url_connection_failure"
    expected = [f"{url}?version=3" for url in ALL_FAILING]
    assert sorted(recorder.asked) == sorted(expected)
    assert all(url.startswith("https://") for url in recorder.asked[:3])
    assert recorder.asked != expected


async def remembered_location(tmp_path: Path) -> None:
    good = "https://x-road.global/?version=3"
    recorder = Recorder(good)
    urls = [
        "http://www.example.com/failure1",
        "http://x-road.global/",
        "https://x-road.global/",
        "http://www.example.com/failure2",
    ]
    client = recorded_client(recorder, urls, tmp_path)
    await client.update()
    recorder.asked.clear()
    await client.update()
    assert recorder.asked == [good]


async def timeouts(tmp_path: Path) -> None:
    settings = FetcherSettings()
    assert settings.read_timeout_seconds == 30.0
    assert settings.patience(1).silence == 30.0
    finished = asyncio.Event()

    async def say_nothing(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        finished.set()

    listener = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    fetcher = HttpFetcher(FetcherSettings(read_timeout_seconds=0.05))
    with pytest.raises(XRoadError) as refused:
        await fetcher.get(f"http://127.0.0.1:{port}/", limit=10)
    assert refused.value.code == "global_conf_download_url_connection_failure"
    await fetcher.aclose()
    await finished.wait()
    listener.close()
    await listener.wait_closed()


async def host_names(tmp_path: Path) -> None:
    default = FetcherSettings().ssl_context()
    assert default.check_hostname
    assert default.verify_mode is ssl.CERT_REQUIRED
    without_names = FetcherSettings(verify_host_name=False).ssl_context()
    assert not without_names.check_hostname
    assert without_names.verify_mode is ssl.CERT_REQUIRED
    anything = FetcherSettings(verify_tls_certificate=False).ssl_context()
    assert anything.verify_mode is ssl.CERT_NONE


async def shuffled(tmp_path: Path) -> None:
    locations = [
        Location("EE", f"{scheme}://host/{n}", (b"c",))
        for scheme in ("http", "https")
        for n in range(4)
    ]
    ordered = prefer_https(locations, list.reverse)
    assert set(ordered) == set(locations)
    assert len(ordered) == len(locations)
    assert all(location.url.startswith("https://") for location in ordered[:4])
    assert ordered[:4] != locations[4:]
    assert ordered[4:] != locations[:4]


DOWNLOADER = {
    "downloadConfigurationFilesInRandomOrder": random_order,
    "rememberLastSuccessfulDownloadLocation": remembered_location,
    "downloaderConnectionsTimeout": timeouts,
    "hostname verification": host_names,
    "shuffleLocationsPreferHttps": shuffled,
}


@pytest.mark.parametrize("row", rows("gconf-downloader"))
async def test_locations_are_tried_in_the_right_order(row: Row, tmp_path: Path) -> None:
    assert row.expected == "pass"
    await DOWNLOADER[row.case](tmp_path)
