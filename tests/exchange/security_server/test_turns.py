"""One process of a server does the jobs; when it goes, another one does."""

import asyncio
import errno
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kerege.exchange.processes import FileLock
from kerege.exchange.security_server import turns as module
from kerege.exchange.security_server.turns import Turns


class Worker:
    """One process's part, and what it does now."""

    def __init__(self, lock: Path) -> None:
        self.turns = Turns(lock)
        self.does: list[str] = []
        self.turns.add(lead=lambda: self.do("lead"), follow=lambda: self.do("follow"))
        self.turns.add(lead=lambda: self.do("stamp"))
        self.failures = 0
        """How often what it does is still to fail."""

    async def do(self, what: str) -> None:
        if self.failures:
            self.failures -= 1
            raise KeyError("a bug")
        self.does.append(what)
        try:
            await asyncio.Event().wait()
        finally:
            self.does.remove(what)

    async def until(self, *what: str) -> None:
        async with asyncio.timeout(60):
            while self.does != list(what):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0)


async def test_one_leads_and_the_other_takes_over(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(module, "TRY_SECONDS", 0.01)
    first, second = Worker(tmp_path / "lock"), Worker(tmp_path / "lock")
    one = asyncio.ensure_future(first.turns.run())
    await first.until("lead", "stamp")
    two = asyncio.ensure_future(second.turns.run())
    await second.until("follow")
    assert not second.turns.take()

    first.turns.resign()  # it is being replaced, and finishes what it accepted
    await first.until("follow")
    await second.until("lead", "stamp")
    assert not first.turns.take()

    two.cancel()  # it dies; who has resigned does not lead again
    with pytest.raises(asyncio.CancelledError):
        await two
    assert second.does == []
    third = Worker(tmp_path / "lock")
    assert third.turns.take()
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    third.turns.release()
    assert first.does == []


async def test_who_resigns_before_its_turn_only_follows(tmp_path: Path):
    first, second = Worker(tmp_path / "lock"), Worker(tmp_path / "lock")
    assert first.turns.take()
    task = asyncio.ensure_future(second.turns.run())
    await second.until("follow")
    second.turns.resign()
    first.turns.release()
    await second.until("follow")
    assert not second.turns.take()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_cannot_look_at_the_lock_goes_on_following_and_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "TRY_SECONDS", 0.01)
    first, second = Worker(tmp_path / "lock"), Worker(tmp_path / "lock")
    assert first.turns.take()
    take, left = FileLock.take, [3]

    def full(lock: FileLock) -> bool:
        if left[0]:
            left[0] -= 1
            assert second.does in ([], ["follow"])
            raise OSError(errno.EMFILE, "Too many open files")
        return take(lock)

    monkeypatch.setattr(FileLock, "take", full)
    with capture_logs() as events:
        task = asyncio.ensure_future(second.turns.run())
        await second.until("follow")
        async with asyncio.timeout(60):
            while left[0]:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0)
        assert second.does == ["follow"]
        first.turns.release()
        await second.until("lead", "stamp")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    warnings = [e["event"] for e in events if e["log_level"] == "warning"]
    assert warnings == ["jobs not taken over"] * 3


async def test_a_job_that_fails_is_logged_and_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.01)
    worker = Worker(tmp_path / "lock")
    worker.failures = 1
    with capture_logs() as events:
        task = asyncio.ensure_future(worker.turns.run())
        await worker.until("stamp", "lead")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    (event,) = events
    assert event["event"] == "unexpected failure"
    assert isinstance(event["exc_info"], KeyError)
