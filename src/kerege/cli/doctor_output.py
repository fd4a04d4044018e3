"""How `kerege doctor` shows what it found: for people, and for programs."""

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import click

from kerege.cli.output import plain, print_json
from kerege.exchange.clock import utc_now
from kerege.exchange.doctor import Finding, Severity, worst
from kerege.exchange.doctor.checks import Check

WIDTH = 80
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.GOOD: "green"}
_WORDS = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING"}
_NAMES_SHOWN = 3


class Screen:
    """One line on standard error that says what is still being looked at."""

    def __init__(self, checks: Sequence[str], *, shown: bool) -> None:
        """Show nothing yet."""
        self._left = list(checks)
        self._all = len(self._left)
        self._shown = shown

    def __enter__(self) -> Self:
        self._draw()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._write("")

    def hear(self, check: Check, _found: Sequence[Finding]) -> None:
        """Take note of a check that has ended."""
        if check.name in self._left:
            self._left.remove(check.name)
        self._draw()

    def _draw(self) -> None:
        names = ", ".join(self._left[:_NAMES_SHOWN])
        more = len(self._left) - _NAMES_SHOWN
        names += f" and {more} more" if more > 0 else ""
        if names:
            self._write(f"{self._all - len(self._left)}/{self._all}  {names} ...")

    def _write(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(f"\r\033[K{text[:WIDTH]}")
            sys.stderr.flush()


def print_report(config: Path, server: str, found: Sequence[Finding]) -> None:
    """Print JSON."""
    print_json(
        {
            "server": server,
            "settings": str(config),
            "time": utc_now().isoformat(timespec="seconds"),
            "verdict": worst(found).value,
            "findings": [
                {
                    "code": finding.code,
                    "severity": finding.severity.value,
                    "area": finding.area,
                    "subject": finding.subject,
                    "what": finding.what,
                    "follows": finding.follows,
                    "advice": finding.advice,
                }
                for finding in found
            ],
        }
    )


def print_words(
    config: Path, server: str, found: Sequence[Finding], *, verbose: bool
) -> None:
    """Print findings as people read them, the worst first."""
    click.echo(f"Security server {server or '(unknown)'}, {plain(str(config))}\n")
    for finding in found:
        if finding.severity.is_wrong:
            _print_finding(finding)
    for severity, title in (
        (Severity.GOOD, "Good"),
        (Severity.SKIPPED, "Not looked at, for want of what is named above"),
    ):
        rest = [f for f in found if f.severity is severity]
        if rest and verbose:
            _print_rest(rest)
        elif rest:
            names = ", ".join(finding.area for finding in rest)
            click.echo(_filled(f"{title}: {names}", "") + "\n")
    click.echo(_summary(found))


def _print_finding(finding: Finding) -> None:
    word = click.style(
        _WORDS[finding.severity], fg=_COLOURS[finding.severity], bold=True
    )
    subject = plain(finding.subject)
    is_long = len(_WORDS[finding.severity] + finding.code + subject) + 4 > WIDTH
    rest = f"\n{_filled(subject, '  ')}" if is_long else f"  {subject}"
    click.echo(f"{word}  {finding.code}{rest}")
    click.echo(_filled(finding.what, "  "))
    click.echo(_filled(f"So: {finding.follows}", "  "))
    click.echo(_filled(f"Do: {finding.advice}", "  ") + "\n")


def _print_rest(rest: Sequence[Finding]) -> None:
    width = max(len(finding.area) for finding in rest)
    for finding in rest:
        word = click.style(finding.severity.value, fg=_COLOURS.get(finding.severity))
        click.echo(f"{word}  {finding.area.ljust(width)}  {plain(finding.what)}")
    click.echo()


def _summary(found: Sequence[Finding]) -> str:
    counts = {
        severity: sum(finding.severity is severity for finding in found)
        for severity in Severity
    }
    if worst(found) is Severity.GOOD:
        return click.style("Everything is good.", fg="green", bold=True)
    parts = []
    if errors := counts[Severity.ERROR]:
        parts.append(f"{errors} error{'s' if errors > 1 else ''}")
    if warnings := counts[Severity.WARNING]:
        parts.append(f"{warnings} warning{'s' if warnings > 1 else ''}")
    text = " and ".join(parts) + "."
    return click.style(text, fg=_COLOURS[worst(found)], bold=True)


def _filled(text: str, indent: str) -> str:
    label, colon, _ = text.partition(": ")
    hanging = indent + (" " * 4 if colon and label in ("So", "Do") else "")
    return textwrap.fill(
        plain(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
