"""A few crashes of a real instance; `python -m bench.crash` makes hundreds."""

import pytest

from bench.crash.power import compiler
from bench.crash.runs import kill_run, power_run
from bench.crash.world import Plan

pytestmark = pytest.mark.slow


def silent(_):
    pass


async def test_killed_servers_lose_nothing_that_was_acknowledged():
    result = await kill_run(Plan(), 4, 11, say=silent, pause_seconds=0.5, hurry=True)
    assert result.crashes >= 4
    assert result.acknowledged > 20
    assert result.consumer.verified == result.acknowledged, result.lines()
    assert result.provider.verified == result.acknowledged, result.lines()
    assert result.troubles == []


@pytest.mark.skipif(compiler() is None, reason="There is no C compiler")
async def test_a_power_cut_takes_nothing_that_was_acknowledged():
    result = await power_run(Plan(), 2, 12, say=silent, pause_seconds=0.8, hurry=True)
    assert result.crashes == 2
    assert result.undone["writes"] > 0
    assert result.consumer.verified == result.acknowledged > 20, result.lines()
    assert result.provider.verified == result.acknowledged, result.lines()
    assert result.troubles == []
