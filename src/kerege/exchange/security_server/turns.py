"""Jobs that one process of a server does while the others follow.

Whoever holds the lock of a file leads: downloads the configuration, fetches OCSP
responses, time-stamps, archives. The others follow: they read what the leader leaves on
disk and in the database. The kernel gives the lock back when the leader ends, however
it ends, so another process leads within a second, and nobody has to agree on anything.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import structlog

from kerege.exchange.processes import FileLock

TRY_SECONDS = 1.0
"""How often a process that follows tries to lead."""

AGAIN_SECONDS = 10.0
"""Until a job that failed is done again."""

Job: TypeAlias = Callable[[], Coroutine[Any, Any, object]]
"""Runs until it is cancelled."""

_log = structlog.get_logger(__name__)


class Turns:
    """This process's part in the jobs; `run` it in a task."""

    def __init__(self, lock: Path) -> None:
        """Follow, until `take` or `run` gets ``lock``."""
        self._lock = FileLock(lock)
        self._has_resigned = False
        self._lead: list[Job] = []
        self._follow: list[Job] = []
        self._resigned = asyncio.Event()

    def take(self) -> bool:
        """Lead from now on, if nobody else does; return whether this process leads."""
        return not self._has_resigned and self._lock.take()

    def add(self, *, lead: Job, follow: Job | None = None) -> None:
        """Add a job: what the leader does, and what the others do meanwhile."""
        self._lead.append(lead)
        if follow is not None:
            self._follow.append(follow)

    async def run(self) -> None:
        """Do what is to be done, until cancelled."""
        try:
            if not self._take_if_possible():
                await _while(self._follow, self._wait_for_turn())
            if not self._has_resigned:
                await _while(self._lead, self._resigned.wait())
                self.release()
            await _while(self._follow, asyncio.Event().wait())
        finally:
            self.release()

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def resign(self) -> None:
        """Let another process lead; go on following."""
        self._has_resigned = True
        self._resigned.set()

    async def _wait_for_turn(self) -> None:
        while not self._has_resigned:
            try:
                async with asyncio.timeout(TRY_SECONDS):
                    await self._resigned.wait()
            except TimeoutError:
                if self._take_if_possible():
                    _log.info("jobs taken over")
                    return

    def _take_if_possible(self) -> bool:
        """Lead if nobody does; go on following if the lock cannot even be looked at."""
        try:
            return self.take()
        except OSError as error:  # no descriptors, no memory: not for ever
            _log.warning("jobs not taken over", reason=str(error))
            return False


async def _while(jobs: Sequence[Job], ends: Coroutine[Any, Any, object]) -> None:
    """Run jobs until ``ends`` ends; return when they have ended too."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(_go_on(job)) for job in jobs]
    try:
        await ends
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _go_on(job: Job) -> None:
    """Do a job until cancelled, after a failure again."""
    while True:
        try:
            await job()
        except Exception as error:  # noqa: BLE001 - the server lives by its jobs
            _log.error("unexpected failure", exc_info=error)
        else:
            return
        await asyncio.sleep(AGAIN_SECONDS)
