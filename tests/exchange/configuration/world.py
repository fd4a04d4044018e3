"""A network, a clock and a disk for one configuration client."""

from pathlib import Path

import pytest

from kerege.exchange.configuration import (
    ConfigurationClient,
    ConfigurationSettings,
    configuration_files,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import Anchor
from tests.exchange.configuration.servers import MemoryFetcher
from tests.xroad.globalconf.central import (
    NOW,
    CentralServer,
    private_parameters,
)

KZ_URL = "http://cs.kz/externalconf"


class World:
    """A network, a clock and a disk for one client."""

    def __init__(self, path: Path, anchor: Anchor | Path, **settings: object) -> None:
        self.path = path
        self.now = NOW
        self.network = MemoryFetcher()
        self.client = ConfigurationClient(
            anchor,
            ConfigurationSettings(path / "globalconf", **settings),
            fetcher=self.network,
            clock=lambda: self.now,
            shuffle=lambda locations: None,
        )

    @property
    def folder(self) -> Path:
        return self.path / "globalconf"

    @property
    def files(self) -> tuple[str, ...]:
        return configuration_files(self.folder)

    def serve(self, *centrals: CentralServer) -> None:
        self.network.answers = {}
        for central in centrals:
            self.network.answers |= central.publish()

    async def refused(self) -> XRoadError:
        with pytest.raises(XRoadError) as refused:
            await self.client.update()
        return refused.value


def neighbour(**changes: object) -> CentralServer:
    """The central server of KZ, as partners see it: no private parameters."""
    central = CentralServer("KZ", KZ_URL, **changes)
    central.private = None
    return central


def federated(central: CentralServer, *partners: CentralServer) -> CentralServer:
    anchors = tuple(partner.anchor for partner in partners)
    central.private = private_parameters(central.instance, anchors)
    return central
