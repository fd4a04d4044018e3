"""The global configuration ages, expires, is renewed, or cannot be had for a while."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kerege.exchange.configuration import ConfigurationClient, ConfigurationSettings
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf.values import ConfigurationSource
from tests.exchange.configuration.servers import MemoryFetcher
from tests.xroad.globalconf.central import CentralServer

LIFE = timedelta(seconds=600)
"""How long a configuration of `CentralServer` is valid."""


class Source:
    """A central server, and the configuration clients of both servers."""

    def __init__(self, pair, folder):
        self.pair = pair
        self.network = MemoryFetcher()
        self.central = central_server(pair)
        self.consumer = self._client(folder / "consumer-configuration")
        self.provider = self._client(folder / "provider-configuration")

    def _client(self, folder):
        return ConfigurationClient(
            self.central.anchor,
            ConfigurationSettings(folder),
            fetcher=self.network,
            clock=self.pair.clock,
        )

    def publish(self):
        """Serve a configuration made now."""
        self.central.generated_at = self.pair.clock()
        self.network.answers = self.central.publish()

    def go_down(self):
        self.network.answers = {}

    async def update_consumer(self):
        """Do a round; the server goes on with what its client has then."""
        found = await code_of(self.consumer.update())
        self.pair.consumer.global_conf = self.consumer.current()
        return found

    async def update_provider(self):
        found = await code_of(self.provider.update())
        self.pair.provider.global_conf = self.provider.current()
        return found

    async def update(self):
        """Do a round for both; return what they say went wrong."""
        return await self.update_consumer(), await self.update_provider()


FINE = (None, None)
DOWN = ("global_conf_get_version_failed",) * 2


def central_server(pair):
    shared = replace(
        pair.instance.shared_parameters(), sources=(ConfigurationSource("cs.example"),)
    )
    return CentralServer(
        pair.instance.name, shared=shared, generated_at=pair.instance.at
    )


async def code_of(update):
    try:
        await update
    except XRoadError as error:
        return error.code
    return None


@pytest.fixture
async def source(stage, tmp_path):
    source = Source(stage.pair, tmp_path)
    source.publish()
    assert await source.update() == FINE
    yield source
    await source.consumer.aclose()
    await source.provider.aclose()


async def test_an_expired_configuration_is_refused_by_the_consumer(stage):
    pair = stage.pair
    expired = pair.instance.global_conf(expires=pair.clock() - timedelta(seconds=1))
    pair.consumer.global_conf = expired
    await stage.refuses("server.clientproxy.global_conf_outdated")
    assert pair.provider.exchanges == []
    pair.consumer.global_conf = pair.instance.global_conf()
    await stage.succeeds()


async def test_an_expired_configuration_is_refused_by_the_provider(stage):
    pair = stage.pair
    expired = pair.instance.global_conf(expires=pair.clock() - timedelta(seconds=1))
    pair.provider.global_conf = expired
    await stage.refuses("server.serverproxy.global_conf_outdated")
    assert pair.service.requests == []
    pair.provider.global_conf = pair.instance.global_conf()
    await stage.succeeds()


async def test_a_configuration_serves_to_its_last_second_and_not_longer(stage):
    pair = stage.pair
    pair.consumer.global_conf = pair.instance.global_conf(
        expires=pair.clock() + timedelta(minutes=10)
    )
    await stage.succeeds()
    pair.clock.now += timedelta(minutes=10) - timedelta(seconds=1)
    await stage.succeeds()
    pair.clock.now += timedelta(seconds=2)
    await stage.refuses("server.clientproxy.global_conf_outdated")


async def test_a_source_that_is_down_stops_nobody_while_the_configuration_lasts(
    stage, source
):
    await stage.succeeds()
    source.go_down()
    stage.pair.clock.now += LIFE / 2
    assert await source.update() == DOWN
    await stage.succeeds()


async def test_a_source_that_comes_back_too_late_renews_both_sides(stage, source):
    source.go_down()
    stage.pair.clock.now += LIFE + timedelta(seconds=1)
    await source.update()
    await stage.refuses("server.clientproxy.global_conf_outdated")
    source.publish()
    assert await source.update_consumer() is None
    await stage.refuses("server.serverproxy.global_conf_outdated")
    assert await source.update_provider() is None
    await stage.succeeds()


async def test_a_source_that_sends_rubbish_does_no_harm(stage, source):
    source.network.answers = dict.fromkeys(source.network.answers, b"\x00rubbish")
    assert None not in await source.update()
    await stage.succeeds()


async def test_a_source_with_another_key_does_no_harm(stage, source):
    forged = central_server(stage.pair)  # it makes a key of its own
    source.network.answers = forged.publish()
    assert None not in await source.update()
    await stage.succeeds()


async def test_an_older_configuration_that_is_still_valid_is_no_worse(stage, source):
    """A replayed directory is taken while it is valid, as in the reference."""
    old = dict(source.network.answers)
    stage.pair.clock.now += LIFE / 2
    source.publish()
    assert await source.update() == FINE
    source.network.answers = old
    await source.update()
    await stage.succeeds()
    stage.pair.clock.now += LIFE
    await source.update()
    await stage.refuses("server.clientproxy.global_conf_outdated")
