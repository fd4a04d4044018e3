"""The time-stamping authority goes away, for longer than is acceptable, and comes back.

Both servers log into real databases. Their time-stamping job runs when a test says so.
"""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from kerege.exchange.security_server.settings import MessageLogSettings, Settings
from kerege.exchange.storage.message_log_tables import records
from kerege.exchange.storage.server_configuration import TimestampingService
from kerege.trust.tsa import time_stamping_unit, timestamp_response
from kerege.xroad.faults import XRoadError
from tests.attacks.stage import Stage
from tests.servers import Pair
from tests.wire import RawServer, answer

ACCEPTABLE = timedelta(hours=4)
"""The reference's default: `acceptable-timestamp-failure-period`."""
REFUSED = "logging_failed.timestamping_failed"


class Authority:
    """The sandbox's TSA over HTTP; it can be switched off."""

    def __init__(self, pair):
        unit = time_stamping_unit(pair.instance.ca)
        serial = itertools.count(1)
        self.is_on = True

        def stamp(http):
            if not self.is_on:
                return answer("503 Service Unavailable")
            token = timestamp_response(
                http.body, unit, at=pair.clock(), serial=next(serial)
            )
            return answer(
                headers={"Content-Type": "application/timestamp-reply"}, body=token
            )

        self.server = RawServer(stamp)


@pytest.fixture
async def stamped(tmp_path, logs, monkeypatch, nothing_is_left):
    """A stage whose servers have real logs and a time-stamping authority."""
    pair = Pair(tmp_path)
    authority = Authority(pair)
    async with authority.server as tsa:
        service = TimestampingService("TSA", tsa.url + "/")
        monkeypatch.setattr(
            "tests.servers.with_timestamping",
            lambda rights: replace_timestamping(rights, service),
        )
        pair.consumer.real_log = pair.provider.real_log = True
        async with pair:
            pair.offer("echo")
            yield Stage(pair, logs), authority


def replace_timestamping(rights, service):
    return replace(rights, timestamping_services=(service,))


async def run_job(server):
    """Run the time-stamping job once; return what it complains about."""
    try:
        await server.runtime.log.job.run_once()
    except XRoadError as error:
        return error.code
    return None


def unstamped(server):
    """Return how many records wait for a time-stamp, and how many there are."""
    with server.runtime.log.database.read() as connection:
        waiting = connection.execute(
            select(func.count()).where(records.c.timestamp_id.is_(None))
        ).scalar()
        total = connection.execute(select(func.count(records.c.id))).scalar()
    return waiting, total


async def test_messages_are_stamped_on_both_sides(stamped):
    stage, _ = stamped
    await stage.succeeds(method="POST", body=b"hello")
    for server in (stage.pair.consumer, stage.pair.provider):
        assert unstamped(server) == (2, 2)
        assert await run_job(server) is None
        assert unstamped(server) == (0, 2)


@pytest.mark.parametrize("side", ["consumer", "provider"])
async def test_an_authority_that_is_down_for_too_long_stops_messages_until_it_is_back(
    stamped, side
):
    stage, authority = stamped
    server = getattr(stage.pair, side)
    code = {"consumer": "server.clientproxy", "provider": "server.serverproxy"}[side]
    await stage.succeeds()
    authority.is_on = False
    assert await run_job(server) == "timestamping_failed"
    stage.pair.clock.now += ACCEPTABLE
    assert await run_job(server) == "timestamping_failed"
    await stage.succeeds()  # for exactly so long it is acceptable
    stage.pair.clock.now += timedelta(seconds=1)
    called = len(stage.pair.service.requests)
    refused = await stage.refuses(f"{code}.{REFUSED}")
    assert b"time-stamp" in refused.body
    if side == "provider":
        assert len(stage.pair.service.requests) == called
    authority.is_on = True
    assert await run_job(server) is None
    waiting, total = unstamped(server)
    assert waiting == 0
    assert total >= 4
    await stage.succeeds()
    assert await run_job(server) is None
    assert unstamped(server) == (0, total + 2)


async def test_a_server_without_time_stamping_service_takes_no_message(stamped):
    stage, _ = stamped
    for server, side in (
        (stage.pair.consumer, "clientproxy"),
        (stage.pair.provider, "serverproxy"),
    ):
        timestamper = server.runtime.log._timestamper
        urls, timestamper._urls = timestamper._urls, list
        missing = "logging_failed.mlog.no_timestamping_provider_found"
        await stage.refuses(f"server.{side}.{missing}")
        timestamper._urls = urls
        await stage.succeeds()


async def test_a_message_that_must_be_stamped_at_once_fails_without_authority(
    tmp_path, logs, monkeypatch
):
    pair = Pair(tmp_path)
    authority = Authority(pair)
    async with authority.server as tsa:
        service = TimestampingService("TSA", tsa.url + "/")
        monkeypatch.setattr(
            "tests.servers.with_timestamping",
            lambda rights: replace_timestamping(rights, service),
        )
        pair.provider.real_log = True
        pair.provider.settings = Settings(
            message_log=MessageLogSettings(timestamp_immediately=True)
        )
        async with pair:
            stage = Stage(pair, logs)
            pair.offer("echo")
            await stage.succeeds()
            assert unstamped(pair.provider) == (0, 2)
            authority.is_on = False
            await stage.refuses(f"server.serverproxy.{REFUSED}")
            assert len(pair.service.requests) == 1
            authority.is_on = True
            await stage.succeeds()
