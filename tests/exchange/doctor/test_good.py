"""A healthy server: nothing is wrong."""

from tests.exchange.doctor.world import texts


async def test_only_that_it_does_not_run_is_wrong_with_a_stopped_server(world):
    async with world:
        found = await world.examine()
    assert [f.code for f in found] == ["D-SERVER-DOWN"], texts(found)
    assert found[0].subject == "server central-server/GOV/70000050/SS2"


async def test_nothing_is_wrong_with_a_server_that_runs(world):
    async with world, world.running():
        found = await world.examine()
    assert not found, texts(found)
