"""Two workers of a server: one fetches OCSP responses, the other reads them."""

from datetime import timedelta

from kerege.xroad.certificates import certificate_sha256
from tests.exchange.ocsp.test_fetcher import World, world

__all__ = ["world"]


async def test_a_follower_has_what_the_leader_fetched_and_asks_nobody(world: World):
    leader, follower = world.fetcher(), world.fetcher()
    await follower.adopt()
    assert follower.responses_for(world.own[0]) is None
    await leader.refresh()
    asked = len(world.asked)
    await follower.adopt()
    for certificate in world.own:
        response = follower.responses_for(certificate)
        assert response
        assert response == leader.responses_for(certificate)
    assert len(world.asked) == asked

    world.now += timedelta(minutes=30)
    await leader.refresh()
    newer = leader.responses_for(world.own[0])
    await follower.adopt()
    assert follower.responses_for(world.own[0]) == newer
    await follower.refresh()  # it leads now: what it has is fresh
    assert len(world.asked) == 2 * asked


async def test_a_follower_believes_no_file_that_does_not_verify(world: World):
    leader, follower = world.fetcher(), world.fetcher()
    await leader.refresh()
    await follower.adopt()
    good = follower.responses_for(world.own[0])
    digest = certificate_sha256(world.own[0])
    for wrong in (b"nonsense", leader.responses_for(world.own[1]) or b""):
        world.store.save(digest, wrong)
        await follower.adopt()
        assert follower.responses_for(world.own[0]) == good


async def test_what_the_leader_forgot_is_forgotten(world: World):
    leader, follower = world.fetcher(), world.fetcher()
    await leader.refresh()
    await follower.adopt()
    world.store.forget(certificate_sha256(world.own[0]))  # as for a revoked one
    await follower.adopt()
    assert follower.responses_for(world.own[0]) is None
    assert follower.responses_for(world.own[1])


async def test_without_a_configuration_a_follower_waits(world: World):
    world.is_configured = False
    follower = world.fetcher()
    await follower.adopt()
    world.is_configured = True
    await world.fetcher().refresh()
    await follower.adopt()
    assert follower.responses_for(world.own[0])
