"""What this machine has and uses, for the environmental monitoring.

Names are the reference's (``SystemMetricNames.java``). What changes is measured now and
then, and told as a histogram of the last measurements; what cannot be had is left out.
Of the machine's processes only this server's own are told, without their arguments:
those of others may hold anything.
"""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from kerege.xroad.opmonitoring import (
    SYSTEM_METRICS,
    HistogramMetric,
    Metric,
    MetricSet,
    NumericMetric,
    StringMetric,
)

EVERY_SECONDS = 10.0
"""Between two measurements: a few small files of proc(5)."""
REMEMBERED = 60
"""Measurements in a histogram: ten minutes."""
MAX_PROCESSES = 1100
"""Of a server: its workers and what started them."""
INIT = 1
"""Takes in orphans: a worker whose supervisor is gone."""
_KIB = 1024

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """What is told of one of the server's certificates."""

    sha1: str
    """Hexadecimal."""
    not_before: datetime
    not_after: datetime
    kind: str
    """``AUTH`` or ``SIGN``."""
    is_active: bool = True


class Environment:
    """Measures this machine. Used by one event loop, and told in a thread."""

    def __init__(
        self,
        certificates: Callable[[], Iterable[CertificateInfo]],
        clock: Callable[[], datetime],
        proc: Path = Path("/proc"),
        *,
        limits_others: bool = False,
    ) -> None:
        """Measure nothing yet.

        Args:
            certificates: The server's own.
            clock: Tells the time.
            proc: Where the kernel tells of itself, see proc(5).
            limits_others: Tell only the server's owner all of it.
        """
        self._certificates = certificates
        self._clock = clock
        self._proc = proc
        self._limits_others = limits_others
        self._measured: dict[str, deque[float]] = {}
        self._cpu: tuple[float, float] | None = None
        self._updated = clock()

    async def run(
        self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Measure until cancelled."""
        while True:
            try:
                self.measure()
            except (OSError, ValueError, IndexError) as error:
                _log.debug("machine not measured", reason=str(error))
            await sleep(EVERY_SECONDS)

    def measure(self) -> None:
        """Measure once."""
        memory = self._memory()
        values = {
            "FreePhysicalMemory": memory.get("MemAvailable"),
            "FreeSwapSpace": memory.get("SwapFree"),
            "CommittedVirtualMemory": memory.get("Committed_AS"),
            "OpenFileDescriptorCount": len(list((self._proc / "self/fd").iterdir())),
            "SystemCpuLoad": self._cpu_load(),
        }
        self._updated = self._clock()
        for name, value in values.items():
            if value is not None:
                kept = self._measured.setdefault(name, deque(maxlen=REMEMBERED))
                kept.append(float(value))

    def metrics(self, is_owner: bool) -> MetricSet:  # noqa: FBT001 - who asks
        """Return what is told, to the server's owner or to somebody else.

        Where data for others are limited, they get the operating system and the
        certificates, as in the reference.
        """
        found: list[Metric] = [self._certificate_set()]
        found.append(StringMetric("OperatingSystem", _operating_system()))
        if is_owner or not self._limits_others:
            found += self._numbers()
            found += self._histograms()
            found.append(MetricSet("Xroad Processes", tuple(self._processes())))
            found.append(MetricSet("Packages", tuple(_packages())))
        return MetricSet(SYSTEM_METRICS, tuple(found))

    def _certificate_set(self) -> MetricSet:
        return MetricSet(
            "Certificates",
            tuple(
                MetricSet(
                    f"certificate-{one.sha1}",
                    (
                        StringMetric("sha1Hash", one.sha1),
                        StringMetric("notBefore", one.not_before.isoformat()),
                        StringMetric("notAfter", one.not_after.isoformat()),
                        StringMetric("certificateType", one.kind),
                        StringMetric("active", str(one.is_active).lower()),
                    ),
                )
                for one in self._certificates()
            ),
        )

    def _numbers(self) -> Iterator[Metric]:
        memory = self._memory()
        for name, source in (
            ("TotalPhysicalMemory", "MemTotal"),
            ("TotalSwapSpace", "SwapTotal"),
        ):
            if source in memory:
                yield NumericMetric(name, memory[source])
        limit = os.sysconf("SC_OPEN_MAX")
        yield NumericMetric("MaxFileDescriptorCount", limit)
        disk = os.statvfs("/")
        yield NumericMetric("DiskSpaceTotal_/", disk.f_blocks * disk.f_frsize)
        yield NumericMetric("DiskSpaceFree_/", disk.f_bavail * disk.f_frsize)

    def _histograms(self) -> Iterator[Metric]:
        import statistics  # who is not asked does without

        for name, kept in tuple(self._measured.items()):
            values = tuple(kept)
            yield HistogramMetric(
                name,
                self._updated,
                min(values),
                max(values),
                statistics.fmean(values),
                statistics.median(values),
                statistics.stdev(values) if len(values) > 1 else 0.0,
            )

    def _processes(self) -> Iterator[Metric]:
        """Tell of this process, of what started it and of its siblings."""
        parent = os.getppid()
        pids = {os.getpid()}
        if parent > INIT:  # whose children are anybody's
            pids |= {parent, *self._children(parent)}
        for pid in sorted(pids)[:MAX_PROCESSES]:
            if found := self._process(pid):
                yield found

    def _children(self, pid: int) -> Iterator[int]:
        try:
            text = (self._proc / f"{pid}/task/{pid}/children").read_text("ascii")
        except OSError:  # gone, or the kernel does not tell
            return
        yield from (int(child) for child in text.split())

    def _process(self, pid: int) -> MetricSet | None:
        folder = self._proc / str(pid)
        try:
            stat = (folder / "stat").read_text("utf-8", "replace")
            user = folder.stat().st_uid
        except OSError:
            return None
        name, fields = stat.split("(", 1)[1].rsplit(")", 1)
        values = fields.split()
        started = int(values[19]) / os.sysconf("SC_CLK_TCK") + self._booted()
        resident = int(values[21]) * os.sysconf("SC_PAGE_SIZE")
        return MetricSet(
            str(pid),
            (
                StringMetric("processId", str(pid)),
                StringMetric("command", name),
                StringMetric("memUsed", str(resident)),
                StringMetric(
                    "startTime", datetime.fromtimestamp(started, UTC).isoformat()
                ),
                StringMetric("userId", str(user)),
            ),
        )

    def _booted(self) -> float:
        for line in (self._proc / "stat").read_text("ascii").splitlines():
            if line.startswith("btime "):
                return float(line.split()[1])
        return 0.0

    def _memory(self) -> dict[str, int]:
        """Return bytes by the names of /proc/meminfo."""
        found = {}
        for line in (self._proc / "meminfo").read_text("ascii").splitlines():
            name, _, rest = line.partition(":")
            found[name] = int(rest.split()[0]) * _KIB
        return found

    def _cpu_load(self) -> float | None:
        """Return the share of time that the machine was busy since the last time.

        In hundredths, as the reference tells it.
        """
        first = (self._proc / "stat").read_text("ascii").splitlines()[0]
        times = [float(value) for value in first.split()[1:9]]
        idle, total = times[3] + times[4], sum(times)
        before, self._cpu = self._cpu, (idle, total)
        if before is None or total <= before[1]:
            return None
        return 100 * (1 - (idle - before[0]) / (total - before[1]))


def _operating_system() -> str:
    import platform

    return f"{platform.system()} version {platform.release()}"


def _packages() -> Iterator[Metric]:
    """Tell of the Python distributions that are installed, and Python itself."""
    import platform
    from importlib import metadata

    yield StringMetric("python", platform.python_version())
    found = {one.metadata["Name"]: one.version for one in metadata.distributions()}
    for name, version in sorted(found.items()):
        if name and version:
            yield StringMetric(name, version)
