"""Mutated messages against real servers, counted.

    python -m tests.attacks.mutations --count 10000 --seed 1

sends that many mutants of recorded messages, and of messages of our own making, over TLS
to port 5500 of provider's servers, and gives as many as answers to consumer's servers.
Every one means something else than all originals, so none may be forwarded: to the
service, or to the application. Mutants that mean the same as an original are sent
afterwards and counted apart: what is forwarded of them must be byte for byte what an
original was forwarded as.
"""

import argparse
import asyncio
import contextlib
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from tests.attacks.mutants import Mutant, mutants
from tests.attacks.soap_targets import (
    own_soap_consumer,
    own_soap_provider,
    recorded_soap_consumer,
    recorded_soap_provider,
)
from tests.attacks.stage import spool_files
from tests.attacks.targets import (
    Outcome,
    Target,
    own_consumer,
    own_provider,
    recorded_consumer,
    recorded_provider,
)

SIDES = {
    "provider": (recorded_provider, own_provider),
    "consumer": (recorded_consumer, own_consumer),
    "soap-provider": (recorded_soap_provider, own_soap_provider),
    "soap-consumer": (recorded_soap_consumer, own_soap_consumer),
}
HANG_SECONDS = 20.0
"""The servers' own limits are a tenth of this: who has not answered or closed, hangs."""
AT_ONCE = 16
"""Mutants under way at one time."""


@dataclass
class Report:
    """What became of the mutants of one side."""

    side: str
    originals: int = 0
    sent: int = 0
    forwarded: list[str] = field(default_factory=list)
    """Mutants that mean something else and passed: must stay empty."""
    same_sent: int = 0
    same_forwarded: int = 0
    same_changed: list[str] = field(default_factory=list)
    """Mutants that mean the same but went on as something else: likewise."""
    hangs: list[str] = field(default_factory=list)
    tracebacks: list[Any] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    is_well: bool = False
    """Whether every original passes at the end."""
    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def problems(self) -> list[Any]:
        """Everything that must not be."""
        well = [] if self.is_well else ["a good message does not pass any more"]
        found = (self.forwarded, self.same_changed, self.hangs, self.tracebacks)
        return [*itertools.chain(*found), *self.leaked, *well]

    def __str__(self) -> str:
        """The table."""
        rows: list[tuple[str, object]] = [
            (f"{self.side}: originals", self.originals),
            ("mutants sent", self.sent),
            ("  of these forwarded", len(self.forwarded)),
            ("mutants of the same meaning", self.same_sent),
            ("  of these forwarded", self.same_forwarded),
            ("  not byte for byte as an original", len(self.same_changed)),
            ("tracebacks", len(self.tracebacks)),
            ("hangs", len(self.hangs)),
            ("temp files left", len(self.leaked)),
            ("good messages afterwards", "pass" if self.is_well else "FAIL"),
            ("seconds", round(self.seconds)),
        ]
        rows += [(f"  sent: {name}", n) for name, n in sorted(self.kinds.items())]
        rows += [(f"  got: {name}", n) for name, n in self.outcomes.most_common()]
        return "\n".join(f"{name:70} {value!s:>6}" for name, value in rows)


async def run(side: str, count: int, seed: int, folder: Path) -> Report:
    """Send ``count`` mutants to one of `SIDES`."""
    report, started = Report(side), time.monotonic()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: report.tracebacks.append(context))
    with capture_logs() as logs:
        async with AsyncExitStack() as stack:
            targets = [await start(stack, folder) for start in SIDES[side]]
            await _Attack(report, targets).run(count, seed)
        report.tracebacks += [line for line in logs if _is_trouble(line)]
    report.leaked = spool_files(folder)
    report.seconds = time.monotonic() - started
    return report


def _is_trouble(line: dict[str, Any]) -> bool:
    return line["log_level"] in ("error", "critical") or "exc_info" in line


class _Attack:
    def __init__(self, report: Report, targets: Sequence[Target]) -> None:
        self._report = report
        self._targets = targets
        self._by_name = {o.name: t for t in targets for o in t.originals}
        self._originals = [one for target in targets for one in target.originals]
        report.originals = len(self._originals)

    async def run(self, count: int, seed: int) -> None:
        """Send all, those that mean the same last."""
        report, same = self._report, list[Mutant]()
        await self._all(self._different(count, seed, same), self._one)
        for target in self._targets:
            report.forwarded += map(repr, target.forwarded())
        await self._all(same, self._one_that_means_the_same)
        for target in self._targets:
            known = set(target.accepted.values())
            got = target.forwarded()
            report.same_changed += [repr(raw) for raw in got if raw not in known]
        good = [
            await self._by_name[one.name].send(one, one.raw) for one in self._originals
        ]
        report.is_well = all(outcome.is_forwarded for outcome in good)

    def _different(self, count: int, seed: int, same: list[Mutant]) -> Iterator[Mutant]:
        """Give the mutants that mean something else, keep some of the others."""
        given = 0
        for mutant in mutants(self._originals, seed):
            if not mutant.means_the_same:
                given += 1
                yield mutant
            elif len(same) < count // 5:
                same.append(mutant)
            if given == count:
                return

    async def _all(self, made: Iterable[Mutant], send: Any) -> None:
        waiting = iter(made)

        async def work() -> None:
            for mutant in waiting:
                await send(mutant)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work())

    async def _send(self, mutant: Mutant) -> Outcome | None:
        """Send it; again if there was no answer, as a busy machine may stand still."""
        target = self._by_name[mutant.origin.name]
        for _ in range(2):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HANG_SECONDS):
                    return await target.send(mutant.origin, mutant.raw)
        self._report.hangs.append(_label(mutant))
        return None

    async def _one(self, mutant: Mutant) -> None:
        report = self._report
        report.sent += 1
        report.kinds[mutant.kind] += 1
        outcome = await self._send(mutant)
        if outcome is not None:
            report.outcomes[outcome.words] += 1
            if outcome.is_forwarded:
                report.forwarded.append(_label(mutant))

    async def _one_that_means_the_same(self, mutant: Mutant) -> None:
        report = self._report
        report.same_sent += 1
        outcome = await self._send(mutant)
        if outcome is None or not outcome.is_forwarded:
            return
        report.same_forwarded += 1
        known = self._by_name[mutant.origin.name].accepted.values()
        if outcome.meaning is not None and outcome.meaning not in known:
            report.same_changed.append(_label(mutant))


def _label(mutant: Mutant) -> str:
    return f"{mutant.kind}, of {mutant.origin.name}: {mutant.raw!r}"


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side", choices=sorted(SIDES), action="append")
    parser.add_argument("--problems", type=Path, help="where to write what went wrong")
    chosen = parser.parse_args()
    problems = []
    for side in chosen.side or sorted(SIDES):
        with tempfile.TemporaryDirectory() as folder:
            report = asyncio.run(run(side, chosen.count, chosen.seed, Path(folder)))
        sys.stdout.write(f"{report}\n\n")
        problems += report.problems
    if chosen.problems:
        chosen.problems.write_text("\n\n".join(map(str, problems)))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
