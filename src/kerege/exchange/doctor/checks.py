"""Running checks: all at once, each for a bounded time, none able to stop the others."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import (
    Code,
    Finding,
    Severity,
    good,
    worst_first,
)
from kerege.xroad.faults import XRoadError

Look = Callable[[Examination], Awaitable[Iterable[Finding]]]
"""Looks at one thing. Returns what is wrong with it, or one `good`."""

CRASHED = Code(
    "D-CHECK-CRASHED",
    Severity.WARNING,
    "A check of the doctor itself failed: a bug in Kerege.",
    "Nobody knows whether what it looks at is good.",
    "Please report the line that is named.",
)
TOO_LONG = Code(
    "D-CHECK-TIMEOUT",
    Severity.WARNING,
    "A check did not end in its time.",
    "Something that it asks neither answers nor refuses: a disk, a database or a name "
    "server that hangs. The server may wait for the same.",
    "Look at what the check asks (its name says it), and run the doctor again.",
)
CODES = (CRASHED, TOO_LONG)


@dataclass(frozen=True, slots=True)
class Check:
    """One check, by the name of what it looks at."""

    name: str
    look: Look
    codes: Sequence[Code]
    """All that it may find."""
    at_last: str = "nothing is wrong"
    """What to say if it finds nothing and says nothing."""


async def run_checks(
    examination: Examination,
    checks: Sequence[Check],
    on_done: Callable[[Check, Sequence[Finding]], None] = lambda _check, _found: None,
) -> list[Finding]:
    """Run checks at the same time and return what they found, worst first.

    Args:
        examination: What is looked at.
        checks: What to do.
        on_done: Hears of each check that has ended, for progress.
    """
    found: list[Finding] = []

    async def run(check: Check) -> None:
        result = [replace(f, area=check.name) for f in await _run(check, examination)]
        found.extend(result)
        on_done(check, result)

    async with asyncio.TaskGroup() as tasks:
        for check in checks:
            tasks.create_task(run(check))
    return worst_first(found, [check.name for check in checks])


async def _run(check: Check, examination: Examination) -> list[Finding]:
    limit = examination.limits.check_seconds
    try:
        async with asyncio.timeout(limit):
            found = list(await check.look(examination))
    except TimeoutError:
        return [TOO_LONG.at(check.name, f"It did not end within {limit:g} seconds.")]
    except Exception as error:  # noqa: BLE001 - a check's bug is a finding of its own
        return [CRASHED.at(check.name, f"{_text(error)} in {_place(error)}.")]
    wrong = [finding for finding in found if finding.severity.is_wrong]
    return wrong or found or [good(check.at_last)]


def _text(error: Exception) -> str:
    """Name an error. Texts of strangers' exceptions may hold personal data."""
    name = type(error).__name__
    return f"{name} ({error.code})" if isinstance(error, XRoadError) else name


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "kerege" in Path(f.filename).parts] or frames
    last = ours[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"
