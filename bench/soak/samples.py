"""What is looked at every few seconds, and whether it grows."""

import contextlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.crash.check import unstamped
from bench.crash.traffic import Traffic
from bench.crash.world import World
from kerege.exchange.storage import Database
from kerege.sandbox.layout import PORTAL, REGISTER

TEMPORARY = ("body-*.spool", ".*.new", "tmp-mlog-*")
"""Files that must not stay: bodies under way, files being replaced, archives being
made."""
MOST_GROWTH = 0.10
"""Of memory and handles, from the first minutes of the calm part to its last."""
MOST_GROWTH_MB = 8.0
MOST_GROWTH_HANDLES = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """One look."""

    seconds: float
    """Since the soak began."""
    rate: float
    """Whole answers a second since the look before."""
    p50_ms: float
    p99_ms: float
    refused: int
    """Requests since the look before that failed or got a fault."""
    memory_mb: tuple[float, float]
    """PSS of the consumer's server and the provider's, with supervisor and workers."""
    handles: tuple[int, int]
    """Open files and connections, likewise."""
    temporary: tuple[int, int]
    bodies: tuple[int, int]
    """Files of large bodies that are logged."""
    backlog: tuple[int, int]
    """Records without a time-stamp."""


class Sampler:
    """Looks at a world under load.

    Args:
        world: Whose servers.
        traffic: Who loads them.
        databases: Of the consumer's and the provider's server, open.
    """

    def __init__(
        self, world: World, traffic: Traffic, databases: tuple[Database, Database]
    ) -> None:
        self._world = world
        self._traffic = traffic
        self._databases = databases
        self._began = self._last = time.monotonic()
        self._refused = 0

    def look(self) -> Sample:
        """Take a sample; takes some milliseconds."""
        now = time.monotonic()
        latencies = self._traffic.latencies[:]
        del self._traffic.latencies[: len(latencies)]
        refused = sum(self._traffic.faults.values())
        cuts = statistics.quantiles(latencies, n=100) if len(latencies) > 1 else []
        units = (self._world.consumer, self._world.provider)
        folders = [self._world.files.server(member) for member in (PORTAL, REGISTER)]
        one, two = (unit.processes() for unit in units)
        sample = Sample(
            seconds=now - self._began,
            rate=len(latencies) / max(now - self._last, 1e-3),
            p50_ms=1000 * cuts[49] if cuts else 0.0,
            p99_ms=1000 * cuts[98] if cuts else 0.0,
            refused=refused - self._refused,
            memory_mb=(_memory_mb(one), _memory_mb(two)),
            handles=(_handles(one), _handles(two)),
            temporary=(_temporary(folders[0]), _temporary(folders[1])),
            bodies=(_bodies(folders[0]), _bodies(folders[1])),
            backlog=(unstamped(self._databases[0]), unstamped(self._databases[1])),
        )
        self._last, self._refused = now, refused
        return sample


def grown(samples: Sequence[Sample], minutes: float) -> list[str]:
    """Compare the beginning of the calm part (no process killed) with its end.

    Args:
        samples: Of the calm part.
        minutes: How long each of the two ends is.

    Returns:
        What has grown; nothing, if all is well.
    """
    first = [s for s in samples if s.seconds - samples[0].seconds <= 60 * minutes]
    last = [s for s in samples if samples[-1].seconds - s.seconds <= 60 * minutes]
    troubles = []
    for side, name in enumerate(("consumer's", "provider's")):
        before, after = (
            statistics.median(s.memory_mb[side] for s in part) for part in (first, last)
        )
        if after - before > max(MOST_GROWTH_MB, MOST_GROWTH * before):
            troubles.append(f"{name} memory: from {before:.0f} to {after:.0f} MB")
        before, after = (
            statistics.median(s.handles[side] for s in part) for part in (first, last)
        )
        if after - before > max(MOST_GROWTH_HANDLES, MOST_GROWTH * before):
            troubles.append(f"{name} open handles: from {before:.0f} to {after:.0f}")
    return troubles


def _memory_mb(processes: Sequence[int]) -> float:
    total = 0
    for pid in processes:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1000


def _handles(processes: Sequence[int]) -> int:
    total = 0
    for pid in processes:
        with contextlib.suppress(OSError):
            total += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return total


def _temporary(folder: Path) -> int:
    return sum(len(list(folder.rglob(pattern))) for pattern in TEMPORARY)


def _bodies(folder: Path) -> int:
    return len(list(folder.rglob("*.body")))
