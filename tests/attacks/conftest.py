"""What every attack starts with, and what must hold after every one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

pytest.register_assert_rewrite("tests.attacks.stage")

from tests.attacks.stage import Stage, spool_files  # noqa: E402 - after the line above
from tests.servers import Pair  # noqa: E402 - likewise


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[dict[str, Any]]]:
    """What the servers write into the system log."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture(autouse=True)
async def nothing_is_left(tmp_path: Path) -> AsyncIterator[None]:
    """After the servers have stopped there is no task and no spool file."""
    yield
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    assert [task for task in tasks if not task.done()] == []
    assert spool_files(tmp_path) == []


@pytest.fixture
async def stage(
    tmp_path: Path,
    logs: list[dict[str, Any]],
    nothing_is_left: None,  # to be checked after the servers have stopped
) -> AsyncIterator[Stage]:
    """Two servers, a client of the first and a service of the second."""
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        yield Stage(pair, logs)
