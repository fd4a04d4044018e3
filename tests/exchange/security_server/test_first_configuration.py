"""What a server starts with when it has no configuration yet."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from kerege.exchange.configuration import Answer
from kerege.exchange.security_server import upkeep as upkeep_module
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.security_server.turns import Turns
from kerege.exchange.security_server.upkeep import Upkeep
from kerege.xroad.faults import XRoadError
from tests.exchange.configuration.world import World, federated, neighbour
from tests.xroad.globalconf.central import CentralServer

NOTHING = XRoadError("malformed_global_conf", "There is nothing on disk")


@pytest.mark.parametrize("slow", ["cs.kz", "cs.example"])
async def test_a_slow_partner_does_not_keep_a_server_from_its_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str
):
    monkeypatch.setattr(upkeep_module, "START_TIMEOUT_SECONDS", 0.2)
    partner, central = neighbour(), CentralServer()
    world = World(
        tmp_path, federated(central, partner).anchor, allowed_federations="all"
    )
    world.serve(central)
    get = world.network.get

    async def hang(url: str, *, limit: int) -> Answer:
        if slow in url:
            await asyncio.Event().wait()
        return await get(url, limit=limit)

    monkeypatch.setattr(world.network, "get", hang)
    settings = Settings("KG/GOV/1/SS1", directory=tmp_path)
    turns = Turns(tmp_path / "spool" / "jobs.lock")
    upkeep = Upkeep(settings, turns, AsyncExitStack(), lambda: world.now)
    if slow == "cs.example":
        with pytest.raises(TimeoutError):
            await upkeep._first_update(world.client, NOTHING)
        return
    await upkeep._first_update(world.client, NOTHING)
    assert world.client.current().instances == ("KG",)
