"""The copy on disk as a snapshot in memory, refreshed while the server runs."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog

from kerege.exchange.configuration.directory import read_files
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf, SharedParameters
from kerege.xroad.globalconf.tree import TreeLoader

RELOAD_SECONDS = 60.0
"""How often a process that does not download looks at the disk, as the reference."""

_log = structlog.get_logger(__name__)


class LocalConfiguration:
    """Serves the configuration in a folder that this or another process downloads.

    ``current`` gives the snapshot of the last `reload`; taking it costs nothing and
    a message keeps the one it began with.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime]) -> None:
        """Serve nothing yet.

        Args:
            path: The configuration directory.
            clock: Says what time it is, aware.
        """
        self.path = path
        self._clock = clock
        self._loader = TreeLoader()
        self._snapshot: GlobalConf | None = None
        self._stamp: frozenset[tuple[str, int, int]] = frozenset()

    def current(self) -> GlobalConf:
        """Return the last good snapshot; ask it for `GlobalConf.require_current`.

        Raises ``global_conf_outdated`` if there has never been one.
        """
        if self._snapshot is None:
            raise XRoadError(
                "global_conf_outdated",
                "This server has no global configuration yet",
                advice=f"Is there one in {self.path}, and is a configuration client "
                "running that can reach the central server?",
            )
        return self._snapshot

    @property
    def is_loaded(self) -> bool:
        """Whether `current` has something to give."""
        return self._snapshot is not None

    def shared_parameters(self, instance: str) -> SharedParameters | None:
        """Return what is on disk of an instance, whether it has expired or not."""
        return self._loader.loaded.get(instance)

    def load(self) -> None:
        """Read the folder now, in this thread: before a server starts.

        Raises ``malformed_global_conf`` if there is no configuration in it.
        """
        stamp = _stamp(self.path)  # before: a change while we read is seen next time
        snapshot = self._loader.load(read_files(self.path), at=self._clock())
        for problem in snapshot.problems:
            _log.warning("configuration_part_left_out", reason=str(problem))
        own_is_there = snapshot.instance in snapshot.instances
        if own_is_there or self._snapshot is None:
            self._snapshot = snapshot
        self._stamp = stamp

    async def reload(self) -> None:
        """Read the folder without stopping the event loop.

        Raises ``malformed_global_conf``; the old snapshot stays.
        """
        await asyncio.to_thread(self.load)

    @property
    def has_changed(self) -> bool:
        """Whether the folder's files are others than those of the last `load`."""
        return _stamp(self.path) != self._stamp

    async def run(self, *, interval_seconds: float = RELOAD_SECONDS) -> None:
        """Reload again and again, until cancelled."""
        while True:
            try:
                await self.reload()
            except XRoadError as error:
                _log.warning("configuration_not_reloaded", reason=str(error))
            except Exception:  # noqa: BLE001 - a bug must not end the job
                _log.exception("configuration_not_reloaded")
            await asyncio.sleep(interval_seconds)


def _stamp(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Return what changes when a file in a folder does: names, sizes, times."""
    try:
        found = [(path, path.stat()) for path in folder.rglob("*")]
    except OSError:  # a file has gone meanwhile
        return frozenset()
    return frozenset((str(p), s.st_size, s.st_mtime_ns) for p, s in found)
