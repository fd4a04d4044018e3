"""Clock: this machine's against those of everybody who was asked anyway.

Each answer over HTTP has a date, each time-stamp a time. Where most agree with us, the
one that does not is wrong; where most agree with each other against us, we are.
"""

from collections.abc import Iterable, Sequence
from statistics import median

from kerege.exchange.doctor.asking import ClockReading
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination, Limits
from kerege.exchange.doctor.findings import Code, Finding, Severity, good, skipped

CLOCK_APART = Code(
    "D-CLOCK-APART",
    Severity.WARNING,
    "This machine's clock differs from those of the configuration source, the OCSP "
    "responders and the TSA. Up to a minute a warning, then an error.",
    "Once it is minutes, other servers find our OCSP responses too old, time-stamps do "
    "not fit their messages and the global configuration expires too early or too late.",
    "Set the clock by a time service: `timedatectl set-ntp true`, then look at "
    "`timedatectl`.",
)
CLOCK_OTHER = Code(
    "D-CLOCK-OTHER",
    Severity.WARNING,
    "One of the others has a wrong clock, ours agrees with the rest.",
    "What it signs may count as too old or as not yet valid.",
    "Tell its operator; nothing is to be done here.",
)


async def look_at_clocks(examination: Examination) -> Iterable[Finding]:
    """Compare this machine's clock with those of the others."""
    await examination.downloads.known()
    await examination.ocsp_answers.known()
    await examination.tsa_answers.known()
    readings = _by_source(examination.asker.readings)
    if not readings:
        return [skipped("nobody could be asked for the time")]
    limits = examination.limits
    apart = [r for r in readings if abs(r.ahead_seconds) > limits.clock_seconds]
    if not apart:
        return [good(f"agrees with {_counted(len(readings))}")]
    if 2 * len(apart) > len(readings):
        return [_ours(apart, len(readings), limits)]
    return [
        CLOCK_OTHER.at(r.source, f"Its clock is {_apart(r.ahead_seconds)} ours.")
        for r in apart
    ]


def _ours(apart: Sequence[ClockReading], asked: int, limits: Limits) -> Finding:
    ahead = median(reading.ahead_seconds for reading in apart)
    is_error = abs(ahead) > limits.clock_error_seconds
    who = ", ".join(reading.source for reading in apart[:3])
    return CLOCK_APART.at(
        "this machine's clock",
        f"It is {_apart(-ahead)} {len(apart)} of {asked} others: {who}.",
        severity=Severity.ERROR if is_error else Severity.WARNING,
    )


def _by_source(readings: Iterable[ClockReading]) -> list[ClockReading]:
    """Return one reading of each source: the one that is least apart.

    An answer that was long on its way looks older than it is.
    """
    best: dict[str, ClockReading] = {}
    for reading in readings:
        known = best.get(reading.source)
        if known is None or abs(reading.ahead_seconds) < abs(known.ahead_seconds):
            best[reading.source] = reading
    return list(best.values())


def _apart(ahead: float) -> str:
    where = "ahead of" if ahead > 0 else "behind"
    seconds = abs(ahead)
    text = f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
    return f"{text} {where}"


def _counted(number: int) -> str:
    return "one other clock" if number == 1 else f"{number} other clocks"


CHECKS = (Check("clock", look_at_clocks, (CLOCK_APART, CLOCK_OTHER)),)
