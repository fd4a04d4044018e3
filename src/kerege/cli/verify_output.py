"""What `kerege verify` prints.

Texts from containers come from strangers: characters that a terminal would obey are
replaced.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import click

from kerege.cli.failures import Failure
from kerege.xroad.asic import Check, ContainerReport, MessageInfo, Verdict
from kerege.xroad.faults import XRoadError
from kerege.xroad.x509 import subject_text

_LABELS = {
    Verdict.PASSED: "ok",
    Verdict.NOTE: "NOTE",
    Verdict.FAILED: "FAILED",
    Verdict.NOT_REACHED: "not reached",
    Verdict.NOT_NEEDED: "-",
}
_COLOURS = {Verdict.PASSED: "green", Verdict.NOTE: "yellow", Verdict.FAILED: "red"}


@dataclass(frozen=True, slots=True)
class ContainerResult:
    """A container, and what was found."""

    name: str
    report: ContainerReport

    @property
    def is_verified(self) -> bool:
        """Whether every check passed."""
        return self.report.is_verified


@dataclass(frozen=True, slots=True)
class ArchiveResult:
    """The chain of a log archive, without its containers."""

    name: str
    containers: int = 0
    previous: str = ""
    last_digest: str = ""
    error: XRoadError | None = None

    @property
    def is_verified(self) -> bool:
        """Whether nothing was changed, removed or added."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class ChainResult:
    """How archives of a folder follow each other; each is a result of its own too."""

    name: str
    archives: tuple[str, ...]
    """Names, in their order."""
    last_digest: str
    error: XRoadError | None = None

    @property
    def is_verified(self) -> bool:
        """Whether nothing is missing before or between, and nothing was added."""
        return self.error is None


Result = ContainerResult | ArchiveResult | ChainResult


def print_result(result: Result) -> None:
    """Print one result for people."""
    verdict = _bold("verified", "green") if result.is_verified else _not_verified()
    click.echo(f"{_plain(result.name)}: {verdict}")
    if isinstance(result, ArchiveResult):
        _print_archive(result)
    elif isinstance(result, ChainResult):
        _print_chain(result)
    else:
        _print_container(result.report)
    click.echo()


def print_summary(results: Sequence[Result], *, always: bool) -> None:
    """Print one line about all, if there are several or if it is wanted always."""
    if always or len(results) > 1:
        verified = sum(result.is_verified for result in results)
        click.echo(f"{verified} of {len(results)} verified.")


def print_json(results: Sequence[Result], failure: Failure | None = None) -> None:
    """Print all results as one document, and what ended it early."""
    document: dict[str, object] = {
        "verified": failure is None and all(result.is_verified for result in results),
        "results": [_fields(result) for result in results],
    }
    if failure is not None:
        document["failure"] = {
            "what": failure.message,
            "why": failure.why,
            "advice": failure.advice,
        }
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _print_archive(result: ArchiveResult) -> None:
    if result.error is not None:
        _print_error(result.error)
        return
    _print_field("archive", f"{result.containers} containers, none changed or removed")
    _print_field("follows", result.previous or "nothing: it is the first")
    _print_field("last digest", result.last_digest)


def _print_chain(result: ChainResult) -> None:
    if result.archives:
        _print_field("chain", f"{len(result.archives)} archives")
        _print_field("first", result.archives[0])
        _print_field("last", result.archives[-1])
        _print_field("last digest", result.last_digest)
    if result.error is not None:
        _print_error(result.error)


def _print_container(report: ContainerReport) -> None:
    if report.message is not None:
        if not report.is_verified:
            click.echo("  What it says of itself, not proven:")
        _print_message(report.message)
    if report.signature is not None:
        signer = subject_text(report.signature.certificate)
        _print_field("signed by", f"{report.signature.signer.short} ({signer})")
    if report.timestamp is not None:
        time = f"{report.timestamp.time:%Y-%m-%d %H:%M:%S} UTC"
        authority = subject_text(report.timestamp.certificate)
        _print_field("stamped at", f"{time} by {authority}")
    for (verdict, text, code), checks in groupby(report.checks, _what_is_said):
        label = click.style(f"{_LABELS[verdict]:>11}", _COLOURS.get(verdict))
        names = ", ".join(check.name.value for check in checks)
        behind = f" ({code})" if code else ""
        click.echo(f"  {label}  {names}: {_plain(text)}{behind}")
    if report.error is not None and report.error.advice:
        click.echo(f"  {_plain(report.error.advice)}")


def _what_is_said(check: Check) -> tuple[Verdict, str, str]:
    """Checks that are not reached for one reason share a line."""
    return check.verdict, check.text, check.code


def _print_message(message: MessageInfo) -> None:
    what = f"{message.protocol} {message.direction.value} {message.query_id}"
    _print_field("message", what)
    _print_field("client", message.client.short)
    _print_field("service", message.service.short)
    if message.represented_party:
        _print_field("for", message.represented_party)


def _print_error(error: XRoadError) -> None:
    label = click.style(f"{_LABELS[Verdict.FAILED]:>11}", _COLOURS[Verdict.FAILED])
    click.echo(f"  {label}  {_plain(error.message)} ({error.code})")
    if error.advice:
        click.echo(f"  {_plain(error.advice)}")


def _print_field(name: str, value: str) -> None:
    click.echo(f"  {name:>11}  {_plain(value)}")


def _fields(result: Result) -> dict[str, object]:
    fields: dict[str, object] = {"name": result.name, "verified": result.is_verified}
    if isinstance(result, ArchiveResult):
        return fields | {
            "kind": "archive",
            "error": _error_fields(result.error),
            "containers": result.containers,
            "previous_digest": result.previous,
            "last_digest": result.last_digest,
        }
    if isinstance(result, ChainResult):
        return fields | {
            "kind": "chain",
            "error": _error_fields(result.error),
            "archives": list(result.archives),
            "last_digest": result.last_digest,
        }
    report = result.report
    return fields | {
        "kind": "container",
        "error": _error_fields(report.error),
        "message": _message_fields(report.message),
        "signer": report.signature.signer.short if report.signature else None,
        "stamped_at": report.timestamp.time.isoformat() if report.timestamp else None,
        "not_in_container": list(report.missing),
        "checks": [
            {
                "name": check.name.value,
                "verdict": check.verdict.value,
                "text": check.text,
                "code": check.code,
            }
            for check in report.checks
        ],
    }


def _message_fields(message: MessageInfo | None) -> dict[str, object] | None:
    if message is None:
        return None
    return {
        "protocol": message.protocol,
        "direction": message.direction.value,
        "query_id": message.query_id,
        "client": message.client.short,
        "service": message.service.short,
        "represented_party": message.represented_party,
    }


def _error_fields(error: XRoadError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"code": error.code, "message": error.message, "advice": error.advice}


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _bold(text: str, colour: str) -> str:
    return click.style(text, colour, bold=True)


def _not_verified() -> str:
    return _bold("NOT VERIFIED", "red")
