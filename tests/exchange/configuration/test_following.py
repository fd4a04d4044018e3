"""Two workers of a server: one downloads the configuration, the other reads it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from kerege.exchange.configuration import client as client_module
from tests.exchange.configuration.world import World
from tests.xroad.globalconf.central import CentralServer


async def test_a_follower_serves_what_the_leader_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(client_module, "FOLLOW_SECONDS", 0.01)
    central = CentralServer()
    leader = World(tmp_path, central.anchor)
    follower = World(tmp_path, central.anchor)
    leader.serve(central)
    await leader.client.update()
    follower.client.load()
    first = follower.client.current()
    first.require_current(follower.now)

    following = asyncio.ensure_future(follower.client.run_following())
    await asyncio.sleep(0.05)
    assert follower.client.current() is first, "nothing has changed: nothing is read"
    leader.now += timedelta(minutes=3)
    central.generated_at = leader.now  # signed anew, with a later end
    leader.serve(central)
    await leader.client.update()
    async with asyncio.timeout(60):
        # It may read between two files of the leader, and once more when all are there.
        while follower.client.current().expires == first.expires:  # noqa: ASYNC110
            await asyncio.sleep(0)
    later = leader.now + timedelta(minutes=8)
    follower.client.current().require_current(later)
    assert follower.network.answers == {}, "it asks nobody"

    (leader.folder / "instance-identifier").unlink()  # what is wrong is not taken
    kept = follower.client.current()
    await asyncio.sleep(0.05)
    assert follower.client.current() is kept
    assert not following.done()
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
