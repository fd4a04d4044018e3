"""What the doctor finds: values, and the codes that they have for ever.

A finding says four things: what is wrong, with which thing, what follows from it and
what to do. A code never changes its meaning: monitoring and runbooks go by it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad a finding is."""

    ERROR = "error"
    """Messages fail now, or will at the next start."""
    WARNING = "warning"
    """They will fail if nobody does anything, or some fail."""
    GOOD = "good"
    """Looked at, nothing wrong."""
    SKIPPED = "skipped"
    """Not looked at, as something that it takes is not there: a finding of its own."""

    @property
    def is_wrong(self) -> bool:
        """Whether somebody has to do something."""
        return self in (Severity.ERROR, Severity.WARNING)


_ORDER = {severity: place for place, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or good."""

    code: str
    severity: Severity
    subject: str
    """Which thing: a certificate, an address, a file, a service."""
    what: str
    """What is wrong with it, with figures."""
    follows: str = ""
    """What follows from it."""
    advice: str = ""
    """What to do."""
    area: str = ""
    """Which check found it."""


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding; the reference of codes is made from these."""

    name: str
    severity: Severity
    meaning: str
    """For the reference: what is wrong, in general."""
    follows: str
    advice: str

    def at(
        self,
        subject: str,
        what: str,
        *,
        follows: str = "",
        advice: str = "",
        severity: Severity | None = None,
    ) -> Finding:
        """Return a finding of this kind; what is not given is as it usually is."""
        return Finding(
            self.name,
            severity or self.severity,
            subject,
            what,
            follows or self.follows,
            advice or self.advice,
        )


GOOD, SKIPPED = "D-OK", "D-SKIPPED"
"""The codes of everything that is good, and of what was not looked at."""


def good(what: str) -> Finding:
    """Return that something was looked at and is good."""
    return Finding(GOOD, Severity.GOOD, "", what)


def skipped(why: str) -> Finding:
    """Return that something was not looked at."""
    return Finding(SKIPPED, Severity.SKIPPED, "", why)


def worst_first(
    findings: Iterable[Finding], areas: Sequence[str] = ()
) -> list[Finding]:
    """Return the findings in the order in which they want attention.

    Within a severity they come in the order of ``areas``.
    """
    places = {area: place for place, area in enumerate(areas)}
    return sorted(
        findings,
        key=lambda f: (
            _ORDER[f.severity],
            places.get(f.area, len(places)),
            f.code,
            f.subject,
        ),
    )


def worst(findings: Iterable[Finding]) -> Severity:
    """Return how things stand: error, warning or good."""
    severities = [f.severity for f in findings if f.severity.is_wrong]
    return min(severities, key=_ORDER.__getitem__, default=Severity.GOOD)
