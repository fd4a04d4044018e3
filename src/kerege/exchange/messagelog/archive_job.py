"""The archiving job: every few hours, archive what is time-stamped, then clean up.

Archives that cannot be transferred stay where they are: that stops nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from kerege.exchange.messagelog.archiver import Archiver
from kerege.exchange.messagelog.values import LogPolicy
from kerege.xroad.faults import XRoadError

FIRST_SECONDS = 600.0
"""Longest wait after a start: a server that is reloaded every hour archives too."""

_log = structlog.get_logger(__name__)


class ArchiveJob:
    """Archives and cleans, in a thread. Run it in one process of a server."""

    def __init__(self, archiver: Archiver, policy: LogPolicy) -> None:
        self._archiver = archiver
        self._policy = policy

    async def run(
        self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Run for ever, or not at all if the interval is 0."""
        wait = min(self._policy.archive_interval_seconds, FIRST_SECONDS)
        if wait > 0:
            await self._look_ahead()
        while self._policy.archive_interval_seconds > 0:
            await sleep(wait)
            wait = self._policy.archive_interval_seconds
            try:
                await self.run_once()
            except XRoadError as error:
                _log.error("archiving failed", error=str(error), hint=error.advice)
            except Exception:  # noqa: BLE001 - a bug must not end the job
                _log.exception("archiving failed")

    async def _look_ahead(self) -> None:
        """Say at the start what the first run would fail of, hours later."""
        try:
            await asyncio.to_thread(self._archiver.require_usable)
        except XRoadError as error:
            _log.error(
                "archives cannot be encrypted", error=str(error), hint=error.advice
            )
        except Exception:  # noqa: BLE001 - a bug must not end the job
            _log.exception("archives cannot be encrypted")

    async def _transfer(self) -> None:
        try:
            await asyncio.to_thread(self._archiver.transfer)
        except XRoadError as error:
            _log.error("archives not transferred", error=str(error), hint=error.advice)

    async def run_once(self) -> tuple[int, int]:
        """Archive, then clean; return how many records were archived and removed.

        Raises ``io_error`` or ``database_error``.
        """
        archived = await asyncio.to_thread(self._archiver.archive)
        await self._transfer()
        removed = await asyncio.to_thread(self._archiver.clean)
        return archived, removed
